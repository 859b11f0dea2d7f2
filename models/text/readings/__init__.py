"""What written English can be said as: each sign, number and abbreviation with all its usual readings."""
