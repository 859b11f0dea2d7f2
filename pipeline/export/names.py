"""The names of all that stands in out/<name>, and the one way in which any of it is removed.

dataset, rejects                what `datasets` reads
preferences                     pairs of answers, of a recipe that chooses among several
README.md, report.html          dataset card and report page
manifest.json                   what the export was made of; it is written last
.exported.json                  marks of these files, by which the next export knows them
.pieces                         what dataset and rejects are made of
.writing, .replaced             of an export at work: what comes, and what goes
.publish, .lock                 files on their way to the Hub; held by the process that writes here
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PARTS = ("dataset", "rejects", "preferences")  # the last one only where a judge chooses
CARD, PAGE, MANIFEST, MARKS = "README.md", "report.html", "manifest.json", ".exported.json"
PIECES, FRESH, REPLACED, LOCK, PUBLISH = ".pieces", ".writing", ".replaced", ".lock", ".publish"
ALL = (*PARTS, CARD, PAGE, MANIFEST, MARKS, PIECES, FRESH, REPLACED, LOCK, PUBLISH)

DATA = re.compile(r"data-\d{5,}-of-\d{5,}\.arrow")
PIECE = re.compile(r"[0-9a-f]{32}")
_DESCRIBING = ("state.json", "dataset_info.json", "dataset_dict.json")
_WRITTEN = re.compile(
    rf"{DATA.pattern}|part-\d{{5,}}\.arrow|written\.json"
    rf"|\.?(?:{'|'.join(map(re.escape, (*_DESCRIBING, 'written.json', CARD, PAGE, MANIFEST, MARKS)))})(?:\.writing)?"
)
# What others leave in folders by themselves: `datasets` its caches of what it read there, file systems and file browsers.
_DERIVED = re.compile(r"cache-[0-9a-f]{16}(_\d{5}_of_\d{5})?\.arrow|\.nfs[0-9a-f]+|\.DS_Store")


def is_written(name: str) -> bool:
    """Whether an export gives files this name."""
    return _WRITTEN.fullmatch(name) is not None


def is_of_dataset(name: str) -> bool:
    """Whether an export gives files of a dataset this name."""
    return name in _DESCRIBING or DATA.fullmatch(name) is not None


def is_derived(name: str) -> bool:
    """Whether a file of this name holds nothing of its own: it is made again by whoever made it."""
    return _DERIVED.fullmatch(name) is not None


def others_in(folder: Path) -> Iterator[Path]:
    """What lies under a folder that exports work in and has no name that they give; no link is followed."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        yield folder
        return
    for parent, folders, files in os.walk(folder):
        yield from (path for name in folders if (path := Path(parent, name)).is_symlink())
        yield from (Path(parent, name) for name in files if not (is_written(name) or is_derived(name)))


def clear(folder: Path) -> list[Path]:
    """Remove the files under `folder` that have names of an export's, and folders that are empty then; returns what else
    is there, which stays.
    """
    others = list(others_in(folder))
    if folder in others:
        return others
    for parent, _, files in os.walk(folder, topdown=False):
        for path in (Path(parent, name) for name in files):
            if path not in others:
                with suppress(OSError if is_derived(path.name) else FileNotFoundError):  # it may be in use
                    path.unlink()
        with suppress(OSError):  # it isn't empty
            os.rmdir(parent)
    return others
