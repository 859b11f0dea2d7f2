"""python -m voxsmith.trainer: see voxsmith.trainer.cli."""

import sys

from voxsmith.trainer.cli import main

if __name__ == "__main__":
    sys.exit(main())
