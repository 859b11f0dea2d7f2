"""From exported datasets to batches."""
