"""Models behind one small face: `load(config)` gives an engine whose `submit(request)` gives a future of the reply."""
