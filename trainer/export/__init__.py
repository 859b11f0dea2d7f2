"""From a checkpoint to a folder that other programs load."""
