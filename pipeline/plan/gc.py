"""Deleting objects that no recipe's latest run uses.

What is kept: the objects of every recipe's latest run, and of its latest that was no pilot; where that run isn't
finished, the replies it left and what was made since it began; what is young; and everything in the folders of a
process that is at work in the store.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.fs as pafs

from voxsmith.pipeline.plan.manifests import latest_runs
from voxsmith.pipeline.store.liveness import GC, Mark, at_work, is_gone, marks, remove, store_time
from voxsmith.pipeline.store.store import Store

GRACE = timedelta(hours=24)
_AT_ONCE = 256  # files between two looks at who has come to work


@dataclass
class Collected:
    """What a collection came to. `young`: files that only their age keeps; `at_work`: whose folders were left alone."""

    files: int = 0
    bytes: int = 0
    young: int = 0
    at_work: list[str] = field(default_factory=list)
    stopped_by: str = ""


@dataclass
class _Kept:
    """What must stay. `since`: of a folder whose run isn't finished, what is younger and all replies so far."""

    objects: set[tuple[str, str]]
    since: dict[str, datetime]
    folders: set[str]


def collect(store: Store, dry_run: bool, grace: timedelta = GRACE) -> Collected:
    """Delete what nobody needs, or with `dry_run` only count it.

    A process that comes to work in the meantime ends the collection; what is left goes another time.
    """
    collected = Collected()
    with nullcontext() if dry_run else at_work(store, GC, ()) as own:
        now = (store_time(store, own) if own else None) or datetime.now(UTC)
        present = _at_work(store, own, now, dry_run)
        collected.at_work = [str(mark) for mark in present]
        kept = _kept(latest_runs(store), present, grace)
        for folder in store.folders("objects"):
            superfluous = []
            for info in store.listed(f"objects/{folder}"):
                if _is_used(kept, folder, info):
                    continue
                if grace and (info.mtime is None or now - info.mtime < grace):
                    collected.young += 1
                else:
                    superfluous.append(info)
            _delete(store, own, superfluous, {mark.name for mark in present}, collected)
            if collected.stopped_by:
                break
    return collected


def _at_work(store: Store, own: Mark | None, now: datetime, dry_run: bool) -> list[Mark]:
    """Those at work; marks of the dead are taken away."""
    at_work = []
    for mark in marks(store, own.name if own else None):
        if not is_gone(store, mark, now):
            at_work.append(mark)
        elif not dry_run:
            remove(store, mark)
    return at_work


def _kept(manifests: list[dict[str, Any]], present: list[Mark], grace: timedelta) -> _Kept:
    kept = _Kept(set(), {}, {folder for mark in present for folder in mark.folders})
    for manifest in manifests:
        kept.objects |= {(stage, key) for stage, keys in manifest["keys"].items() for key in keys.values()}
        sources = [*manifest["sources"].values(), *manifest.get("as_read", {}).values()]
        kept.objects |= {(folder, key) for folder, key in sources}
        if manifest["status"] == "done":
            continue
        began = datetime.fromisoformat(manifest["started"]) - max(grace, GRACE)
        for folder in {*manifest.get("stages", manifest["keys"]), *(folder for folder, _ in sources)}:
            kept.since[folder] = min(began, kept.since.get(folder, began))
    return kept


def _is_used(kept: _Kept, folder: str, info: pafs.FileInfo) -> bool:
    if folder in kept.folders:
        return True
    key, _, ending = info.base_name.partition(".")
    since = kept.since.get(folder)
    if ending.startswith("part-"):
        return since is not None
    if ending.endswith("tmp"):  # what a killed process was writing
        return False
    return (folder, key) in kept.objects or (since is not None and (info.mtime is None or info.mtime >= since))


def _delete(
    store: Store, own: Mark | None, infos: list[pafs.FileInfo], present: set[str], collected: Collected
) -> None:
    """Commits first: an object is never left that says it is there and isn't."""
    infos.sort(key=lambda info: (not info.base_name.endswith(".json"), info.base_name))
    for start in range(0, len(infos), _AT_ONCE):
        some = infos[start : start + _AT_ONCE]
        if own:
            newcomers = [mark for mark in marks(store, own.name) if mark.name not in present]
            if newcomers:
                collected.stopped_by = str(newcomers[0])
                return
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda info: store.delete(info.path[len(store.root) + 1 :]), some))
        collected.files += len(some)
        collected.bytes += sum(info.size or 0 for info in some)
