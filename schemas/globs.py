"""The files that a path or a glob names."""

import glob
import os
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path


def files(path: str) -> list[Path]:
    """The files that `path` names, or that match it as a glob, by name; a file that symbolic links give several names is
    there once. Copies and hard links are files of their own.
    """
    if Path(path).is_file():
        return [Path(path)]
    by_place: dict[str, Path] = {}
    for file in sorted({file for name in _matching(path) if (file := Path(name)).is_file()}, key=_links):
        by_place.setdefault(os.path.realpath(file), file)
    return sorted(by_place.values())


def _links(file: Path) -> tuple[bool, bool, Path]:
    """What sorts a file's names so that those without links come first."""
    return file.is_symlink(), os.path.realpath(file) != os.path.abspath(file), file


def _matching(pattern: str) -> Iterator[str]:
    """As `glob.glob` does it, but `**` goes into each folder once: links of folders may lead in a circle."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.iglob(pattern)
        return
    at = parts.index("**")
    below = os.path.join(*(tuple(dropwhile("**".__eq__, parts[at:])) or "*"))
    for top in glob.iglob(os.path.join(*parts[:at])) if at else ("",):
        for folder in _folders(top):
            yield from _matching(os.path.join(glob.escape(folder), below))


def _folders(top: str) -> Iterator[str]:
    """The folder and those below it, but what hides; each once, by a name without links where it has one."""
    seen: set[str] = set()
    tops = [top or "."]
    while tops:
        links = []
        for start in tops:
            for folder, names, _ in os.walk(start):
                names[:] = sorted(name for name in names if not name.startswith("."))
                if (place := os.path.realpath(folder)) in seen:
                    names.clear()
                    continue
                seen.add(place)
                yield folder
                links += [path for name in names if os.path.islink(path := os.path.join(folder, name))]
        tops = links
