"""Watching a run: what it does, at what pace, what it took; on a terminal, as JSON lines, in the store, on Ray's endpoint."""
