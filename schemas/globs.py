"""The files that a path or a glob names."""

import glob
import os
import re
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

_BRACES = re.compile(r"\{(?:(-?\d{1,18})\.\.(-?\d{1,18})|([^{}]*,[^{}]*))\}")
_MOST, _NESTED = 100_000, 16  # names that braces may stand for; braces in one path


def files(path: str) -> list[Path]:
    """The files that `path` names, or that match it as a glob with braces, by name; a file that symbolic links give several
    names is there once. Copies and hard links are files of their own. Raises ValueError for braces of too many names.
    """
    if Path(path).is_file():
        return [Path(path)]
    by_place: dict[str, Path] = {}
    matching = _files(path) or {file for one in expanded(path) for file in _files(one)}  # braces may be a name's own
    for file in sorted(matching, key=_links):
        by_place.setdefault(os.path.realpath(file), file)
    return sorted(by_place.values())


def expanded(path: str) -> list[str]:
    """The names that a path with braces stands for, as a shell takes them: a-{000..009}.tar, {train,dev}.jsonl. A path without
    them stands for itself. Raises ValueError where there are more than 100,000.
    """
    if path.count("{") > _NESTED:
        raise ValueError(f"'{path[:80]}…' has more than {_NESTED} braces")
    if not (match := _BRACES.search(path)):
        return [path]
    first, last, words = match.groups()
    parts = _numbers(path, first, last) if words is None else words.split(",")
    names = [f"{path[: match.start()]}{part}{path[match.end() :]}" for part in parts]
    every: dict[str, None] = {}
    for name in names:
        every.update(dict.fromkeys(expanded(name)))
        if len(every) > _MOST:
            raise ValueError(f"the braces of '{path[:200]}' stand for more than {_MOST:,} names")
    return list(every)


def lacking(path: str) -> list[str]:
    """What braces in the path name, or are a glob for, and is not there."""
    return [] if Path(path).is_file() or _files(path) else [one for one in expanded(path) if not _files(one)]


def _numbers(path: str, first: str, last: str) -> list[str]:
    """With zeros before them where either end has."""
    start, end = int(first), int(last)
    if abs(end - start) >= _MOST:
        raise ValueError(f"the braces of '{path[:200]}' stand for more than {_MOST:,} names")
    padded = any(one.lstrip("-").startswith("0") and one.lstrip("-") != "0" for one in (first, last))
    width = max(len(first), len(last)) if padded else 0
    step = 1 if end >= start else -1
    return [f"{number:0{width}d}" for number in range(start, end + step, step)]


def has_pattern(part: str) -> bool:
    """Whether a path's part is a glob, or has braces."""
    return glob.has_magic(part) or _BRACES.search(part) is not None


def _files(pattern: str) -> set[Path]:
    if Path(pattern).is_file():
        return {Path(pattern)}
    return {file for name in _matching(pattern) if (file := Path(name)).is_file()}


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
