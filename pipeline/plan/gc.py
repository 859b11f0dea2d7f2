"""Deleting objects that no recipe's latest run uses, and what killed processes were writing.

What is kept: the objects of every recipe's latest run, and of its latest that was no pilot; where that run isn't
finished, the replies it left and what was made since it began; what is young; and everything in the folders of a
process that is at work in the store. Where that can't be known, nothing is deleted.
"""

import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby

import pyarrow.fs as pafs

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.manifests import RunManifest, latest_runs, run_names
from voxsmith.pipeline.sources.requests import requests_place
from voxsmith.pipeline.store.liveness import FOLDER, GC, Mark, at_work, is_gone, marks, remove, store_time
from voxsmith.pipeline.store.store import Store

GRACE = timedelta(hours=24)
_AT_ONCE = 256  # files between two looks at who has come to work
_SMALL = (
    "",
    FOLDER,
    "duplicates",
    "listings",
    "locks",
    "overrides",
    "retries",
)  # folders of small files, written by rename
# Names of what is ours to delete: whatever else lies in a store is somebody's.
_OBJECT = re.compile(r"[0-9a-f]{32}\.(arrow|json|npy|part-[0-9a-f]+)(\.[0-9a-f]{8}\.tmp)?")
_HALF, _CLAIMS = re.compile(r".+\.(json|claims)\.[0-9a-f]{8}\.tmp"), re.compile(r".+-[0-9a-f]{12}\.claims")


@dataclass(frozen=True)
class KeptRun:
    """A run whose objects stay; see `plan.origins` for its `origin`."""

    name: str
    recipe: str
    origin: str


@dataclass
class Collected:
    """What a collection came to. `young`: files that only their age keeps; `at_work`: whose folders were left alone."""

    files: int = 0
    bytes: int = 0
    young: int = 0
    at_work: list[str] = field(default_factory=list)
    stopped_by: str = ""
    kept: list[KeptRun] = field(default_factory=list)


@dataclass
class _Kept:
    """What must stay. `since`: of a folder whose run isn't finished, what is younger and all replies so far."""

    objects: set[tuple[str, str]]
    since: dict[str, datetime]
    folders: set[str]


def collect(store: Store, dry_run: bool, grace: timedelta = GRACE, forget: Collection[str] = ()) -> Collected:
    """Delete what nobody needs, or with `dry_run` only count it. `forget`: runs and recipe files, or patterns of their names,
    that need nothing any more.

    A process that comes to work in the meantime ends the collection; what is left goes another time. Raises RunFailed
    where a mark or a manifest doesn't say what is needed, and RecipeError where there is nothing of a name to forget.
    """
    collected = Collected()
    with nullcontext() if dry_run else at_work(store, GC, ()) as own:
        now = (store_time(store, own) if own else None) or datetime.now(UTC)
        present = _at_work(store, own, now, dry_run)
        collected.at_work = [str(mark) for mark in present]
        runs = latest_runs(store, forget)
        collected.kept = [KeptRun(run["run"], run["recipe_name"], run.get("origin", "")) for run in runs]
        kept = _kept(runs, present, grace)
        objects = ((folder, _objects(store, folder)) for folder in store.folders("objects"))
        left = _left_behind(store) if not present else ()
        for folder, infos in chain(objects, left):
            superfluous = []
            for info in infos:
                if _is_used(kept, folder, info):
                    continue
                if grace and (info.mtime is None or now - info.mtime < grace):
                    collected.young += 1
                else:
                    superfluous.append(info)
            _delete(store, own, superfluous, {mark.name for mark in present}, collected)
            if collected.stopped_by:
                break
        if own and not present and not collected.stopped_by:
            for run in run_names(store):
                store.remove_empty(f"runs/{run}")  # of one that was killed before it wrote its manifest
    return collected


def _objects(store: Store, folder: str) -> list[pafs.FileInfo]:
    return [info for info in store.listed(f"objects/{folder}") if _OBJECT.fullmatch(info.base_name)]


def _left_behind(store: Store) -> Iterator[tuple[str, list[pafs.FileInfo]]]:
    """By folder, files outside objects/ that killed processes were writing, or claim work by. Nobody is at work."""
    yield FOLDER, [info for info in store.listed(FOLDER) if _CLAIMS.fullmatch(info.base_name)]
    for folder in [*_SMALL, *(f"runs/{run}" for run in run_names(store))] if store.is_local else ():
        yield folder, [info for info in store.listed(folder) if _HALF.fullmatch(info.base_name)]


def _at_work(store: Store, own: Mark | None, now: datetime, dry_run: bool) -> list[Mark]:
    """Those at work; marks of the dead are taken away. Raises RunFailed where nobody knows what one of them needs."""
    at_work = []
    for mark in marks(store, own.name if own else None):
        if not is_gone(store, mark, now):
            at_work.append(mark)
        elif not dry_run:
            remove(store, mark)
    if unread := [mark for mark in at_work if mark.unread]:
        file, keys = f"{store.url}/{FOLDER}/{unread[0].name}.json", ", ".join(unread[0].unread)
        raise RunFailed(
            f"{file} doesn't say what {unread[0]} needs ({keys}: does another version of Voxsmith share this store?), so "
            "nothing is deleted: wait until that process has ended; if there is none, delete the file"
        )
    return at_work


def _kept(manifests: list[RunManifest], present: list[Mark], grace: timedelta) -> _Kept:
    kept = _Kept(set(), {}, {folder for mark in present for folder in mark.folders or ()})
    for manifest in manifests:
        kept.objects |= {(stage, key) for stage, keys in manifest["keys"].items() for key in keys.values()}
        sources = [*manifest["sources"].values(), *manifest["as_read"].values()]
        kept.objects |= {(folder, key) for folder, key in sources}
        kept.objects |= {requests_place(folder, key) for folder, key in sources}
        if manifest["status"] == "done":
            continue
        began = datetime.fromisoformat(manifest["started"]) - max(grace, GRACE)
        for folder in {*manifest["stages"], *manifest["keys"], *(folder for folder, _ in sources)}:
            kept.since[folder] = min(began, kept.since.get(folder, began))
    return kept


def _is_used(kept: _Kept, folder: str, info: pafs.FileInfo) -> bool:
    if folder in kept.folders:
        return True
    key, _, ending = info.base_name.partition(".")
    since = kept.since.get(folder)
    if ending.endswith("tmp"):  # what a killed process was writing
        return False
    if ending.startswith("part-"):
        return since is not None
    return (folder, key) in kept.objects or (since is not None and (info.mtime is None or info.mtime >= since))


def _delete(
    store: Store, own: Mark | None, infos: list[pafs.FileInfo], present: set[str], collected: Collected
) -> None:
    """Commits first, all of a batch before its tables: an object is never left that says it is there and isn't."""
    infos.sort(key=lambda info: (not info.base_name.endswith(".json"), info.base_name))
    for start in range(0, len(infos), _AT_ONCE):
        some = infos[start : start + _AT_ONCE]
        if own:
            newcomers = [mark for mark in marks(store, own.name) if mark.name not in present]
            if newcomers:
                collected.stopped_by = str(newcomers[0])
                return
            with ThreadPoolExecutor(16) as pool:
                for _, alike in groupby(some, key=lambda info: info.base_name.endswith(".json")):
                    list(pool.map(lambda info: store.delete(info.path[len(store.root) + 1 :]), alike))
        collected.files += len(some)
        collected.bytes += sum(info.size or 0 for info in some)
