"""Running what is stale, on pools of Ray actors."""
