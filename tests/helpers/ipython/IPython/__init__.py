"""What a notebook uses of IPython, for tests that run its cells without Jupyter: what is shown is written to stdout."""
