"""How good a checkpoint is, on rows that are held out."""
