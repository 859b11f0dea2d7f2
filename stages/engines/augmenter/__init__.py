"""Engines that put something on clips."""
