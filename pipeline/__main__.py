"""python -m pipeline: see pipeline.cli."""

import signal
import sys

from pipeline.cli import main

if __name__ == "__main__":
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said; an impatient Ctrl-C would only break off Ray's clearing up
    sys.exit(code)
