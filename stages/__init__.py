"""What happens to rows. Imports schemas; knows nothing of Ray, shards, files or caching."""
