"""Answers that a network generates, and how far they are from what they should be: as text, as units, as speech."""
