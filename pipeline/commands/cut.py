"""cut: long recordings become a manifest of clips."""

import math
import os
import sys
from argparse import Namespace
from pathlib import Path

from voxsmith.models.optional import lacking
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.terminal import one_line


def cut(options: Namespace) -> int:
    if missing := lacking("voxsmith cut", "quickstart", "", "faster-whisper"):
        raise RecipeError(missing)
    from voxsmith.models.pauses import Pauses
    from voxsmith.pipeline.sources.cuts import cut_recordings

    folder, manifest = Path(options.folder), Path(options.manifest)
    if not folder.is_dir():
        raise RecipeError(f"no such folder: {folder}")
    if not manifest.parent.is_dir():
        raise RecipeError(f"no such folder: {manifest.parent}")
    if not 0 < options.pause < options.most < math.inf:
        raise RecipeError("--pause and --most are seconds above 0, and --most is the larger one")
    how = Pauses(options.pause, options.most)
    processes = options.processes or len(os.sched_getaffinity(0))
    outcome = cut_recordings(folder, manifest, how, processes, lambda line: print(one_line(line), file=sys.stderr))
    print(
        f"{manifest}: {outcome['clips']} clips of {outcome['recordings']} recordings, {outcome['cut']} of them cut now"
    )
    if outcome["faults"]:
        print(f"{len(outcome['faults'])} recordings can't be read; their lines above say why", file=sys.stderr)
    return 1 if outcome["faults"] else 0
