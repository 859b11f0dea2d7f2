"""The command `voxsmith`, and python -m voxsmith: see voxsmith.pipeline.cli."""

import sys

from voxsmith.models.search_path import leave_working_folder


def main() -> int:
    """Run the command line; returns its exit code."""
    leave_working_folder()
    import signal  # from here on modules come from where they should

    from voxsmith.pipeline import cli

    code = cli.main()
    # All is said: an impatient Ctrl-C would only break off Ray's clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(main())
