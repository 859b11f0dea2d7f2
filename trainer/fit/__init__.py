"""The loop that trains, the same on one CPU and on many GPUs."""
