"""What is published of out/<recipe>/: which files, under which names, and each made ready when its turn comes.

Parquet is made file by file in out/<recipe>/.publish and deleted when it has arrived, so that one group of files takes
space, not a second dataset. A note keeps each file's checksum: a file that has arrived need not be made again to compare
it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from typing_extensions import TypedDict

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.names import PARTS, is_of_dataset
from voxsmith.pipeline.export.writer import DATA_FILES
from voxsmith.pipeline.publish.parquet import rows_in, to_parquet
from voxsmith.pipeline.publish.ultravox import Chunk, chunks, to_chunk
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.files import write_text
from voxsmith.pipeline.store.forms import Form

_MADE = re.compile(r"data-\d+-of-\d+\.parquet|\.data-\d+-of-\d+\.parquet\.writing")  # in the workshop
# A commit asks for fewer than 100 files, and the Hub allows 128 commits an hour: a group is what a kill may cost.
GROUP_FILES, GROUP_BYTES = 50, 5_000_000_000


@dataclass(frozen=True)
class Item:
    """A file to publish: its name there, and the file here that it is or, as Parquet, is made of. `subset`: in the Ultravox
    layout, the source whose rows of that file it has.
    """

    name: str
    source: Path
    parquet: bool = False
    subset: str = ""


@dataclass(frozen=True)
class ReadyFile:
    """A file that is ready to be sent. `data`: its path or its bytes; `sha256` in hex; `git`: the git blob hash of a small
    one, which is the checksum that the Hub gives.
    """

    name: str
    data: Path | bytes
    size: int
    sha256: str
    git: str = ""

    def is_in(self, there: Mapping[str, "There"]) -> bool:
        other = there.get(self.name)
        return other is not None and other.size == self.size and other.checksum in (self.sha256, self.git)


class There(NamedTuple):
    """A file that has been published: its bytes, and its sha256 or git blob hash."""

    size: int
    checksum: str


def data_items(folder: Path, form: str) -> list[Item]:
    """The Arrow files of dataset and rejects that hold rows, as `form` "arrow", "parquet" or "ultravox" has them; in the
    dataset's order.
    """
    made = (
        [Item(one.name, one.source, True, one.subset) for one in ultravox_chunks(folder)] if form == "ultravox" else []
    )
    suffix, parts = (".arrow", PARTS) if form == "arrow" else (".parquet", PARTS[1:] if form == "ultravox" else PARTS)
    return made + [
        Item(str(path.relative_to(folder).with_suffix(suffix)), path, form != "arrow")
        for path in _below(folder, DATA_FILES, parts)
        if rows_in(path)
    ]


def ultravox_chunks(folder: Path) -> list[Chunk]:
    """What the dataset is in the Ultravox layout."""
    files = _below(folder, DATA_FILES, PARTS[:1])
    return chunks(("train" if path.parent.parent == folder else path.parent.name, path) for path in files)


def other_items(folder: Path, form: str) -> list[Item]:
    """What goes with the data, besides the card: manifest, report, and what `load_from_disk` wants beside Arrow files that
    hold rows: the files of a split without rows among it.
    """
    files = [folder / "manifest.json", folder / "report.html"]
    if form == "arrow":
        described = (path for path in _below(folder, "*.json") if is_of_dataset(path.name))
        files += [*described, *(path for path in _below(folder, DATA_FILES) if not rows_in(path))]
    return [Item(str(path.relative_to(folder)), path) for path in files if path.is_file()]


def _below(folder: Path, pattern: str, parts: tuple[str, ...] = PARTS) -> list[Path]:
    """Files of dataset and rejects, of their splits too; what somebody put deeper is no part of them."""
    return [
        path
        for part in parts
        for path in sorted([*(folder / part).glob(pattern), *(folder / part).glob(f"*/{pattern}")])
    ]


def small(name: str, data: bytes) -> ReadyFile:
    """A file that is in memory."""
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return ReadyFile(name, data, len(data), hashlib.sha256(data).hexdigest(), git)


def in_groups(files: Iterable[ReadyFile]) -> Iterator[list[ReadyFile]]:
    """The files in groups that are sent, and arrive, together."""
    group: list[ReadyFile] = []
    for made in files:
        group.append(made)
        if len(group) == GROUP_FILES or sum(one.size for one in group) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


class _MadeFile(TypedDict):
    """A file that was made: of what (see `Workshop._identity`), its bytes and its checksum."""

    of: list[int | str]
    size: int
    sha256: str


_MADE_FILES: Form[dict[str, _MadeFile]] = Form("files made to be published", dict[str, _MadeFile])
_CARDS: Form[dict[str, list[str]]] = Form("cards that were sent", dict[str, list[str]])


class Workshop:
    """Makes files ready, and remembers their sizes and checksums."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._note, self._cards_note = folder / "made.json", folder / "cards.json"
        self._code = code_digest("voxsmith.pipeline.publish.ultravox")  # and what it imports: how Parquet is written
        self._known = _MADE_FILES.of_file(self._note) or {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process makes files here during the block. Raises RunFailed where one does; a killed process leaves no
        lock.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=0):
                yield
        except Timeout:
            raise RunFailed(f"{self.folder.parent} is being published by another process; wait for it") from None

    def remembered(self, item: Item) -> ReadyFile | None:
        """The file that was made of the same source before; it may have been deleted since."""
        known = self._known.get(item.name)
        if known is None or known["of"] != self._identity(item):
            return None
        return ReadyFile(item.name, self._place(item), known["size"], known["sha256"])

    def make(self, item: Item) -> ReadyFile:
        """The file, ready to be sent."""
        place = self._place(item)
        made = self.remembered(item)
        if made is not None and place.is_file() and place.stat().st_size == made.size:
            return made
        identity = self._identity(item)
        if item.subset:
            to_chunk(item.source, item.subset, place)
        elif item.parquet:
            to_parquet(item.source, place)
        with place.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        made = ReadyFile(item.name, place, place.stat().st_size, sha256)
        self._known[item.name] = {"of": identity, "size": made.size, "sha256": sha256}
        self._write_note()
        return made

    def clear(self, files: Iterable[ReadyFile]) -> None:
        """Delete what was made for files that have arrived."""
        for made in files:
            if isinstance(made.data, Path) and made.data.is_relative_to(self.folder):
                made.data.unlink(missing_ok=True)

    def tidy(self, items: Iterable[Item]) -> None:
        """Delete what a killed process made, or half made, of files that the dataset no longer has."""
        wanted = {self._place(item) for item in items}
        for path in self.folder.rglob("*"):
            if _MADE.fullmatch(path.name) and path.is_file() and path not in wanted:
                path.unlink()

    def card_sent(self, where: str) -> list[str]:
        """The checksums of the card that was sent there last, from here; none where none was."""
        return list(self._cards().get(where, ()))

    def note_card(self, where: str, card: ReadyFile) -> None:
        write_text(self._cards_note, json.dumps(self._cards() | {where: [card.sha256, card.git]}, indent=1))

    def _cards(self) -> dict[str, list[str]]:
        return _CARDS.of_file(self._cards_note) or {}

    def _place(self, item: Item) -> Path:
        return self.folder / item.name if item.parquet else item.source

    def _identity(self, item: Item) -> list[Any]:
        stat = item.source.stat()
        return [
            stat.st_size,
            stat.st_mtime_ns,
            self._code if item.parquet else "",
            *([item.subset] if item.subset else []),
        ]

    def _write_note(self) -> None:
        write_text(self._note, json.dumps(self._known, indent=1))
