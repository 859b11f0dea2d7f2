"""Watching a run: progress, pace, cost; shown on a terminal, as JSON lines, in the store, at Ray's metrics endpoint."""
