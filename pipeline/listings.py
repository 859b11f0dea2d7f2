"""What a source's shards were when its files were last read, so that files that didn't change aren't read again.

    listings/<source>-<digest of settings and reading code>.json

A file is the same where its size and its time of change are; where the time alone differs, where its sha256 is. A time
so short before the listing that a later write could bear it too is not trusted.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

from pipeline.digests import code_digest, digest
from pipeline.store import Store
from schemas.source import Source, files

_YOUNG = 2 * 10**9  # nanoseconds: file systems and clocks may be that coarse
_CODE = ("read", "records", "layouts", "identify", "shards")


def recall(store: Store, name: str, source: Source) -> list[dict[str, Any]] | None:
    """The source's shards as `remember` was given them, or None where its files have to be read."""
    path = _path(name, source)
    found = store.read_json(path) if path else None
    if not path or not found or source.path is None:
        return None
    now = _stats(source.path)
    if [file[:2] for file in now] != [file[:2] for file in found["files"]]:
        return None
    for file, (_, _, changed), known in zip(files(source.path), now, found["files"], strict=True):
        trusted = changed == known[2] and changed < found["listed"] - _YOUNG
        if not trusted and _sha256(file) != known[3]:
            return None
    if [file[2] for file in now] != [file[2] for file in found["files"]]:  # touched only: next time no hash is needed
        found["files"] = [[*file, known[3]] for file, known in zip(now, found["files"], strict=True)]
        store.write_json(path, found | {"listed": time.time_ns()})
    shards: list[dict[str, Any]] = found["shards"]
    return shards


def watch(source: Source) -> list[list[Any]] | None:
    """The state of the source's files before they are read: [path, bytes, time of change, sha256] each."""
    if source.path is None:
        return None
    stats = _stats(source.path)
    return [[*stat, _sha256(file)] for stat, file in zip(stats, files(source.path), strict=True)]


def remember(
    store: Store,
    name: str,
    source: Source,
    before: list[list[Any]] | None,
    shards: list[dict[str, Any]],
    places: dict[str, str],
) -> None:
    """Leave the shards for next time, and where each rejected row was read, unless a file changed meanwhile."""
    path = _path(name, source)
    if path and before and source.path and _stats(source.path) == [file[:3] for file in before]:
        told = {"files": before, "listed": time.time_ns(), "shards": shards, "places": places}
        store.write_json(path, told)


def places(store: Store, name: str, source: Source) -> dict[str, str]:
    """Row id -> file and line, of rows that the source rejected, as far as `remember` was told."""
    path = _path(name, source)
    found: dict[str, str] = ((store.read_json(path) or {}) if path else {}).get("places", {})
    return found


def _path(name: str, source: Source) -> str | None:
    """None for datasets of the Hub: whether they changed can only be seen by reading them."""
    if source.path is None:
        return None
    code = [code_digest(f"pipeline.sources.{module}") for module in _CODE]
    return f"listings/{name}-{digest([source.model_dump(mode='json'), code])}.json"


def _stats(path: str) -> list[list[Any]]:
    found = [(file, file.stat()) for file in files(path)]
    return [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in found]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
