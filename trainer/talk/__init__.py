"""Answers to what is heard: text, units and speech while they come."""
