"""The dataset and the rejects, as Arrow files that `datasets` reads."""
