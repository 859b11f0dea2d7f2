"""What would run and why: keys, the state of each shard, what earlier runs used."""
