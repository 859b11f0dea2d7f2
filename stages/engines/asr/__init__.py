"""Speech recognition: what is said in a clip."""
