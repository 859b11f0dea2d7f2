"""Deleting objects that no recipe's latest run uses."""

import datetime

import pyarrow.fs as pafs

from pipeline.errors import RunFailed
from pipeline.runs import latest_runs
from pipeline.store import Store

_LIVE = datetime.timedelta(hours=24)


def collect(store: Store, dry_run: bool) -> tuple[int, int]:
    """Delete what the latest run of every recipe in the store doesn't use. Returns (files, bytes).

    Raises RunFailed while a run is on: it may come to need any object. A run that was killed counts as on for a day.
    """
    kept: set[tuple[str, str]] = set()
    for manifest in latest_runs(store):
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(manifest["written"])
        if manifest["status"] == "running" and age < _LIVE and not dry_run:
            raise RunFailed(
                f"run {manifest['run']} is on, or was killed less than a day ago; finish it, then try again"
            )
        kept |= {(stage, key) for stage, keys in manifest["keys"].items() for key in keys.values()}
        kept |= {(folder, key) for folder, key in manifest["sources"].values()}
    files = size = 0
    for stage in store.folders("objects"):
        for path in store.files(f"objects/{stage}"):
            key = path.rsplit("/", 1)[-1].split(".", 1)[0]
            if (stage, key) in kept:
                continue
            info = store.fs.get_file_info(f"{store.root}/{path}")
            if info.type == pafs.FileType.File:
                files, size = files + 1, size + (info.size or 0)
            if not dry_run:
                store.delete(path)
    return files, size
