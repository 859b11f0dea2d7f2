"""When and by what a run was started, each time: runs/NAME/started.jsonl."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from voxsmith.models.versions import git_commit, versions

_FILE = "started.jsonl"
_PACKAGES = ("voxsmith", "torch", "transformers", "peft", "datasets", "numpy")


def started(folder: Path, data: list[dict[str, Any]], device: torch.device, processes: int = 1) -> Iterator[str]:
    """Add a line to the run's file; a remark for people where its rows aren't those of the last start. `data`: what the run notes
    of each export, `digest` among it. Raises OSError.
    """
    digests = [export["digest"] for export in data]
    file = folder / _FILE
    before = _last(file)
    if before is not None and before != digests:
        yield "the rows have changed since the run was last started: it goes on with those of now"
    line = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "git_commit": git_commit(),
        "versions": dict(versions(_PACKAGES)),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "processes": processes,
        "data": digests,
    }
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(line) + "\n")


def _last(file: Path) -> list[str] | None:
    """Digests of the last start; None where there is none, or where its line was cut."""
    try:
        last = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
        return [str(digest) for digest in last["data"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None
