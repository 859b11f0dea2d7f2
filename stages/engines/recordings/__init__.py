"""Recorded clips as an engine: where their files are, what is in them, and what is no clip."""
