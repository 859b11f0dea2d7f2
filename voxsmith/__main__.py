"""python -m voxsmith: see voxsmith.pipeline.cli."""

import signal
import sys

from voxsmith.pipeline.cli import main

if __name__ == "__main__":
    code = main()
    # All is said: an impatient Ctrl-C would only break off Ray's clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
