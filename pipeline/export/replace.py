"""How an export takes the place of the one before it: all of it is written beside that, and put there by renames.

Whoever has opened a dataset goes on reading what he opened. A process that is killed in between leaves a folder without a
manifest, whose files are known by their marks: the next export goes on from there.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.export.evidence import Evidence
from voxsmith.pipeline.export.marks import mark_of, marks_under, merged, read_marks, write_marks
from voxsmith.pipeline.export.names import CARD, FRESH, LOCK, MANIFEST, PAGE, PARTS, REPLACED, clear

_SHOWN = 5  # paths that a message names
log = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """No other process writes in the folder during the block; one that does is waited for."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process is writing there; waiting for it", folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def check_strangers(folder: Path, label: str) -> Evidence:
    """What exports have left in the folder. Raises RecipeError where something lies in the way of the next that none wrote.
    `label`: how messages name the recipe.
    """
    evidence, strangers = look_at(folder)
    if strangers:
        lines = [f"{label}: out: {path}: {_why(path)}" for path in strangers[:_SHOWN]]
        more = len(strangers) - _SHOWN
        raise RecipeError(*lines, *([f"{label}: out: {folder}: {more} more of such files"] if more > 0 else []))
    return evidence


def look_at(folder: Path, looks: int = 20) -> tuple[Evidence, list[Path]]:
    """What exports have left in the folder, and what lies there that none wrote. While an export takes another's place, names
    change, and so do the marks: then it looks again.
    """
    evidence = Evidence(folder)
    try:
        strangers = evidence.strangers()
        if not strangers or not looks or read_marks(folder) == evidence.marks:
            return evidence, strangers
    except FileNotFoundError:
        if not looks:
            raise
    return look_at(folder, looks - 1)


def _why(path: Path) -> str:
    ways = "move it away, or give the recipe another `out`"
    if path.is_symlink():
        return f"it is a link, which an export doesn't write through; {ways}"
    if path.is_mount():
        return f"it is a mount point, which an export can't replace; mount {path.parent} instead"
    return f"no export wrote this (or somebody changed it since), and an export would replace it; {ways}"


def fresh_folder(folder: Path, label: str) -> Path:
    """An empty folder in `folder`, where the next export is written. Raises RecipeError.

    What is there gets its marks now: what an older version's export is known by goes while the next is written.
    """
    evidence = check_strangers(folder, label)
    write_marks(folder, merged(evidence.marks, *(marks_under(folder / part, folder) for part in PARTS)))
    for name in (FRESH, REPLACED):
        clear(folder / name)  # what a killed process left
    for name in (CARD, PAGE, MANIFEST):  # the same of an older version
        folder.joinpath(f".{name}.writing").unlink(missing_ok=True)
    fresh = folder / FRESH
    fresh.mkdir()
    return fresh


def replace(folder: Path, label: str) -> None:
    """Put what is written in the fresh folder of `folder` in the place of the export before it. A card that a person edited
    stays; an edited page or manifest gets another name. Raises RecipeError where something is in the way by now.
    """
    evidence = check_strangers(folder, label)
    fresh, replaced = folder / FRESH, folder / REPLACED
    come = marks_under(fresh)
    stays = {CARD} if evidence.is_edited(CARD) and evidence.knows(CARD) else set()
    edited = [name for name in (CARD, PAGE, MANIFEST) if name not in stays and evidence.is_edited(name)]
    if stays:
        log.warning(
            "%s is not as it was written: it stays, and says nothing of the new dataset; for a new card, move it away and "
            "export again",
            folder / CARD,
        )
        (fresh / CARD).unlink()
        come[CARD] = evidence.marks.get(CARD, [])
    write_marks(folder, merged(evidence.marks, come))
    for name in edited:
        _keep(folder / name)
    (folder / MANIFEST).unlink(missing_ok=True)  # from here on it would tell of what is no more
    replaced.mkdir(exist_ok=True)
    for part in PARTS:
        if (folder / part).exists():
            (folder / part).rename(replaced / part)
        if (fresh / part).exists():
            (fresh / part).rename(folder / part)
    for name in (CARD, PAGE, MANIFEST):  # the manifest last: where it is, all the rest is of the same export
        if name not in stays:
            (fresh / name).replace(folder / name)
    clear(fresh)
    if late := clear(replaced):
        log.warning("%s: somebody put this into the export while it was replaced; it is kept there", late[0])
    write_marks(folder, come)


def replace_page(folder: Path) -> Path:
    """Put the page that is written in the fresh folder in the place of the one before it; returns its path."""
    evidence, fresh = Evidence(folder), folder / FRESH / PAGE
    page = {PAGE: [mark_of(fresh)]}
    write_marks(folder, merged(evidence.marks, page))
    if evidence.is_edited(PAGE):
        _keep(folder / PAGE)
    fresh.replace(folder / PAGE)
    write_marks(folder, evidence.marks | page)
    clear(folder / FRESH)
    return folder / PAGE


def _keep(path: Path) -> None:
    """Give what a person edited a name that nobody writes to."""
    names = (path.with_stem(f"{path.stem}.kept{number or ''}") for number in count())
    kept = next(place for place in names if not os.path.lexists(place))
    path.rename(kept)
    log.warning("%s is not as it was written: it is kept as %s", path, kept.name)
