"""Discrete units of clips, and speech made of units."""
