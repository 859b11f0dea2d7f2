"""Long recordings as a manifest of clips: cut at pauses once, and listed as any source is.

What was found in a recording is noted beside the manifest, with the recording's size and time and how it was cut: what is as
it was isn't listened to again, also after a run that was killed.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from typing_extensions import TypedDict

from voxsmith.models.audio import BadAudio
from voxsmith.models.pauses import Pauses, stretches
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.store.files import write_text
from voxsmith.pipeline.store.forms import Form

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif")
_NOTED_EVERY = 30.0  # seconds


class Cut(TypedDict):
    """What a recording came to: (offset, duration) of each clip, in seconds; `fault`: why it can't be read."""

    size: int
    time_ns: int
    how: list[float]
    clips: list[list[float]]
    fault: str


Cuts = dict[str, Cut]
_NOTES: Form[Cuts] = Form("noted cuts", Cuts)


class Outcome(TypedDict):
    """How many recordings there are, how many of them were cut now, the clips in all, and what is wrong with which."""

    recordings: int
    cut: int
    clips: int
    faults: dict[str, str]


def cut_recordings(
    folder: Path, manifest: Path, how: Pauses, processes: int = 1, say: Callable[[str], None] = lambda line: None
) -> Outcome:
    """Write the manifest of all recordings in the folder and below: a line a clip. Raises RunFailed."""
    notes = manifest.with_name(f"{manifest.name}.cuts.json")
    known = _NOTES.of_file(notes) or {}
    cuts: Cuts = {}
    new: list[tuple[str, int, int]] = []
    for name, size, time_ns in _recordings(folder):
        one = known.get(name)
        if one and (one["size"], one["time_ns"], one["how"]) == (size, time_ns, list(how)):
            cuts[name] = one
        else:
            new.append((name, size, time_ns))
    if not cuts and not new:
        raise RunFailed(f"{folder} holds no recording: none of its files ends in {', '.join(SUFFIXES)}")
    noted = time.monotonic()
    for (name, size, time_ns), (clips, fault) in zip(new, _all(folder, new, how, processes), strict=True):
        cuts[name] = Cut(size=size, time_ns=time_ns, how=list(how), clips=clips, fault=fault)
        say(f"{name}: {fault or f'{len(clips)} clips'}")
        if time.monotonic() - noted > _NOTED_EVERY:
            write_text(notes, json.dumps(known | cuts))
            noted = time.monotonic()
    write_text(notes, json.dumps(cuts))
    write_text(manifest, "".join(_lines(cuts)))
    faults = {name: one["fault"] for name, one in sorted(cuts.items()) if one["fault"]}
    count = sum(len(one["clips"]) for one in cuts.values())
    return Outcome(recordings=len(cuts), cut=len(new), clips=count, faults=faults)


def _recordings(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Path from the folder, size and time of each, by name. Hidden files and folders aren't looked at."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                path = Path(place, name)
                status = path.stat()
                yield path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns


def _all(
    folder: Path, new: Iterable[tuple[str, int, int]], how: Pauses, processes: int
) -> Iterator[tuple[list[list[float]], str]]:
    work = partial(_cut, how=how)
    paths = [str(folder / name) for name, _, _ in new]
    if processes == 1 or len(paths) < 2:
        yield from map(work, paths)
        return
    with ProcessPoolExecutor(min(processes, len(paths)), get_context("spawn")) as pool:
        yield from pool.map(work, paths)


def _cut(path: str, how: Pauses) -> tuple[list[list[float]], str]:
    try:
        return [[round(offset, 3), round(seconds, 3)] for offset, seconds in stretches(path, how)], ""
    except BadAudio as error:
        logging.getLogger(__name__).debug("%s: %s", path, error)
        return [], str(error)


def _lines(cuts: Cuts) -> Iterator[str]:
    for name, one in sorted(cuts.items()):
        stem = name.rpartition(".")[0] or name
        for offset, seconds in one["clips"]:
            record = {"id": f"{stem}@{offset:.3f}", "path": name, "offset": offset, "duration": seconds}
            yield json.dumps(record, ensure_ascii=False) + "\n"
