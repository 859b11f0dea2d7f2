"""Tiny stages and an engine with the real interfaces, for tests of the pipeline alone."""
