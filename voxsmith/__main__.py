"""The command `voxsmith`, and python -m voxsmith: see voxsmith.pipeline.cli, and for `voxsmith train` voxsmith.trainer.cli.

Neither of the two rooms imports the other, so the verb is passed on here.
"""

import sys

from voxsmith.models.search_path import leave_working_folder

TRAIN = "train"
_TRAINS = (
    "train on exports, and use what was trained: check, fit, eval, latency, talk, serve, export (docs/training.md)"
)


def main() -> int:
    """Run the command line; returns its exit code."""
    leave_working_folder()
    import signal  # from here on modules come from where they should

    if sys.argv[1:2] == [TRAIN]:
        from voxsmith.trainer.cli import main as train

        code = train(sys.argv[2:], f"voxsmith {TRAIN}")
    else:
        from voxsmith.pipeline import cli

        code = cli.main(elsewhere={TRAIN: _TRAINS})
    # All is said: an impatient Ctrl-C would only break off Ray's clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(main())
