"""What a source's shards were when it was last read, so that what didn't change isn't read again.

    listings/<source>-<digest of settings and reading code>.json

A file is the same where its size and its time of change are; where the time alone differs, where its sha256 is. A time
so short before the listing that a later write could bear it too is not trusted. A dataset of the Hub is the same where
its commit is. What recorded speech is listed from is in `speech/watch.py`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict

from voxsmith.pipeline.sources.hub import commit_of
from voxsmith.pipeline.sources.speech.watch import UNREAD, sha256_of, stat_of
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.globs import files
from voxsmith.schemas.source import Source

_YOUNG = 2 * 10**9  # nanoseconds: file systems and clocks may be that coarse


class ShardRecord(TypedDict):
    """A shard as it was read, see `pipeline.sources.shard.Shard`."""

    source: str
    anchor: str
    rows: int
    key: str
    columns: dict[str, str]
    rejects: dict[str, int]
    lacking: dict[str, int]


class Listing(TypedDict):
    """`files`: path, bytes, time of change and sha256 of each; `listed`: when (nanoseconds); `places`: see `remember`."""

    files: list[tuple[str, int, int, str]]
    listed: int
    shards: list[ShardRecord]
    places: NotRequired[dict[str, str]]


_LISTING = Form("a source's listing", Listing)


def recall(store: Store, name: str, source: Source, keep: bool) -> list[ShardRecord] | None:
    """The source's shards as `remember` was given them, or None where it has to be read. `keep`: the store may be written."""
    path = _path(name, source)
    listing = store.read_json(path, _LISTING)
    now = _stats(source, listing["files"]) if listing else None
    if not listing or now is None or [tuple(file[:2]) for file in now] != [file[:2] for file in listing["files"]]:
        return None
    for (file, _, changed), known in zip(now, listing["files"], strict=True):
        trusted = changed == known[2] and changed < listing["listed"] - _YOUNG
        if not trusted and (known[3] == UNREAD or sha256_of(file) != known[3]):
            return None
    # Files that were only touched get their new times, so that next time no hash is needed.
    if keep and [file[2] for file in now] != [file[2] for file in listing["files"]]:
        files = [[*file, known[3]] for file, known in zip(now, listing["files"], strict=True)]
        store.write_json(path, {**listing, "files": files, "listed": time.time_ns()})
    return listing["shards"]


def watch(source: Source) -> list[list[Any]] | None:
    """The state of the source before it is read: [path, bytes, time of change, sha256] of each file; of a dataset of the
    Hub its name with its commit, or None where that can't be had.
    """
    stats = _stats(source)
    return stats and [[*stat, "" if _on_hub(source) else sha256_of(stat[0])] for stat in stats]


def remember(
    store: Store,
    name: str,
    source: Source,
    before: list[list[Any]] | None,
    shards: list[dict[str, Any]],
    places: dict[str, str],
) -> None:
    """Leave the shards for next time, and where each rejected row was read, unless something changed meanwhile."""
    if before and _stats(source, before) == [file[:3] for file in before]:
        listing = {"files": before, "listed": time.time_ns(), "shards": shards, "places": places}
        store.write_json(_path(name, source), listing)


def places(store: Store, name: str, source: Source) -> dict[str, str]:
    """Row id -> file and line, of rows that the source rejected, as far as `remember` was given them."""
    listing = store.read_json(_path(name, source), _LISTING)
    return listing.get("places", {}) if listing else {}


def _path(name: str, source: Source) -> str:
    code = code_digest("voxsmith.pipeline.sources.read")
    return f"listings/{name}-{digest([source.model_dump(mode='json'), code])}.json"


def _stats(source: Source, known: Sequence[Sequence[Any]] = ()) -> list[list[Any]] | None:
    """[path, bytes, time of change] of what the source is read from now; of recorded speech, of what is `known` of it."""
    if source.is_speech and not _on_hub(source):
        return [stat_of(file[0]) for file in known]
    if _on_hub(source):
        commit = commit_of(str(source.dataset), source.revision)
        return [[f"{source.dataset}@{commit}", 0, 0]] if commit else None
    there = files(source.path) if source.path else _files_below(Path(str(source.dataset)))
    return [[str(file), stat.st_size, stat.st_mtime_ns] for file in there if (stat := file.stat())]


def _files_below(folder: Path) -> list[Path]:
    """The dataset's files. What hides is none of them: a download's `.cache` is another each time."""
    below = sorted(path for path in folder.rglob("*.*") if path.is_file())
    return [path for path in below if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _on_hub(source: Source) -> bool:
    return source.path is None and not Path(str(source.dataset)).is_dir()
