"""What `augment` may put on a clip: the settings of each effect, presets, and the draw for a row."""
