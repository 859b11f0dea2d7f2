"""check and calibrate: a recipe's checks over rows of one's own, and limits from clips of one's own."""

import sys
from argparse import Namespace

from voxsmith.pipeline import api
from voxsmith.pipeline.check.verdicts import UNAVAILABLE
from voxsmith.pipeline.commands.options import recipe_of
from voxsmith.pipeline.terminal import is_read, json_text, one_line


def check(options: Namespace) -> int:
    """Exit code 1 where an engine or a file wasn't there: then some lines have no verdict on their content."""
    lacking = ""
    for verdict in api.check(recipe_of(options), options.file):
        print(json_text(verdict.as_json()), flush=True)
        lacking = lacking or (verdict.message if verdict.reason == UNAVAILABLE else "")
        if not is_read():  # the rest would be read for nobody
            break
    if lacking:
        print(one_line(f"voxsmith: not all could be checked: {lacking}"), file=sys.stderr)
    return 1 if lacking else 0
