"""What in out/<name> exports have written, and what somebody else has put there.

The marks that the last export left tell it, file by file. Exports of older versions left none: there the manifest names the
dataset by its fingerprint; where that is gone too, because an export was killed, the files of the dataset are those of
the pieces.
"""

import filecmp
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.export.marks import is_as_marked, read_marks
from voxsmith.pipeline.export.names import (
    CARD,
    DATA,
    FRESH,
    LOCK,
    MANIFEST,
    MARKS,
    PAGE,
    PARTS,
    PIECE,
    PIECES,
    PUBLISH,
    REPLACED,
    is_derived,
    is_of_dataset,
    others_in,
)
from voxsmith.pipeline.export.writer import fingerprint
from voxsmith.pipeline.store.store import json_object

_MANIFEST_BEGINS = b'{\n "name": "'


def is_exported_to(folder: Path) -> bool:
    """Whether an export has written into the folder."""
    return Evidence(folder).is_exported


class Evidence:
    """Of the exports that have written into `folder`. Only its files are looked at, nothing is changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = read_marks(folder)

    def strangers(self) -> list[Path]:
        """What lies where an export would write, and was written by none; of a card or a page: where there was no export
        yet, else they are a person's edits (see `is_edited`).
        """
        return [
            *(path for part in PARTS for path in self._in_part(self.folder / part)),
            *(path for name in (FRESH, REPLACED) for path in others_in(self.folder / name)),
            *(path for name in (PIECES, PUBLISH) if (path := self.folder / name).exists() and not path.is_dir()),
            *(path for name in (MANIFEST, CARD, PAGE, MARKS, LOCK) if self._is_in_the_way(path := self.folder / name)),
        ]

    def is_edited(self, name: str) -> bool:
        """Whether the card, page or manifest is not as an export or `report` wrote it."""
        path = self.folder / name
        if not os.path.lexists(path) or self._is_marked(path):
            return False
        manifest = self.folder / MANIFEST
        if name == MANIFEST:
            return name in self.marks and self._manifest is not None
        # Another version, which left no marks, has exported since: it wrote the manifest last.
        is_of_another = self._manifest is not None and not self._is_marked(manifest) and not path.is_symlink()
        return not (is_of_another and path.stat().st_mtime_ns <= manifest.stat().st_mtime_ns)

    def knows(self, name: str) -> bool:
        """Whether it can be told that a person edited the file; else an older version that was killed may have written it."""
        return name in self.marks or self._manifest is not None

    @property
    def is_exported(self) -> bool:
        """Whether an export has written here, to its end or not."""
        return bool(self.marks or self._manifest or self._has_pieces)

    # -- card, page, manifest, lock -----------------------------------------------------------------------------------

    def _is_in_the_way(self, path: Path) -> bool:
        if not os.path.lexists(path):
            return False
        if not path.is_file():  # a folder, a pipe, a link to nothing
            return True
        if path.name in (LOCK, MARKS):
            return path.is_symlink()
        if path.name == MANIFEST:
            return path.is_symlink() or (self._manifest is None and not self._is_cut)
        return not self.is_exported

    @cached_property
    def _manifest(self) -> dict[str, Any] | None:
        """What an export wrote as its manifest; None where there is none that is whole."""
        file = self.folder / MANIFEST
        manifest = json_object(file.read_bytes()) if file.is_file() else None
        return manifest if manifest and "export_key" in manifest else None

    @property
    def _is_cut(self) -> bool:
        """Whether the manifest is what a power loss leaves of one: its beginning, or nothing."""
        with (self.folder / MANIFEST).open("rb") as file:
            head = file.read(len(_MANIFEST_BEGINS))
            is_whole = json_object(head + file.read()) is not None
        return head == _MANIFEST_BEGINS[: len(head)] and not is_whole

    @cached_property
    def _has_pieces(self) -> bool:
        pieces = self.folder / PIECES
        return pieces.is_dir() and any(PIECE.fullmatch(one.name) for one in pieces.iterdir())

    def _is_marked(self, path: Path, copied: bool = False) -> bool:
        return is_as_marked(path, self.marks.get(str(path.relative_to(self.folder)), ()), copied)

    # -- dataset and rejects ------------------------------------------------------------------------------------------

    def _in_part(self, root: Path) -> Iterator[Path]:
        if not os.path.lexists(root):
            return
        if root.is_symlink() or not root.is_dir() or root.is_mount():
            yield root
            return
        for parent, folders, files in os.walk(root):
            place = Path(parent)
            yield from (place / name for name in folders if place != root or (place / name).is_symlink())
            if place != root:
                folders.clear()  # a split has no folders in it
            if place != root and not files and self._manifest is not None:
                yield place  # an empty folder; a killed export of an older version may leave one, without a manifest
            yield from self._in_place(place, [place / name for name in files if not is_derived(name)])

    def _in_place(self, place: Path, files: list[Path]) -> list[Path]:
        """Those of the files right inside `place` that no export wrote."""
        state = place / "state.json"
        copied = self._is_marked(state) and not any(
            mark.changed == state.stat().st_mtime_ns for mark in self.marks[str(state.relative_to(self.folder))]
        )
        unknown = [file for file in files if not self._is_marked(file, copied)]
        is_known = self._manifest is not None and self._is_marked(self.folder / MANIFEST)
        return [] if unknown and not is_known and self._is_without_marks(place, files) else unknown

    def _is_without_marks(self, place: Path, files: list[Path]) -> bool:
        """Whether the files are those of a dataset, or of a split, that an older version wrote."""
        if any(file.is_symlink() or not file.is_file() or not is_of_dataset(file.name) for file in files):
            return False
        data = [file for file in files if DATA.fullmatch(file.name)]
        file = place / "state.json"
        state = (json_object(file.read_bytes()) if file.is_file() else None) or {}
        named = [{"filename": name} for name in sorted(one.name for one in data)]
        if self._manifest is None:
            return self._has_pieces and all(self._is_of_piece(one) for one in data)
        if {one.name for one in files} == {"dataset_dict.json"}:  # beside the folders of splits
            return True
        same = self._fingerprint(place, self._manifest["export_key"])
        return state.get("_fingerprint") == same and state.get("_data_files") == named

    def _fingerprint(self, place: Path, key: str) -> str:
        part, *split = place.relative_to(self.folder).parts
        return fingerprint(part, key, "".join(split))

    def _is_of_piece(self, file: Path) -> bool:
        """Whether the file is one of a piece, under another name or as a copy, or has no rows."""
        alike: Iterable[Path] = self._files_of_pieces.get(file.stat().st_size, ())
        is_one = any(piece.samefile(file) or filecmp.cmp(piece, file, False) for piece in alike)
        return is_one or _has_no_rows(file)

    @cached_property
    def _files_of_pieces(self) -> dict[int, list[Path]]:
        """By their size in bytes. One that is younger than its piece's note, which is written last, was changed since."""
        files: dict[int, list[Path]] = {}
        for note in (self.folder / PIECES).glob("*/written.json"):
            for file in note.parent.glob("*/**/part-*.arrow"):
                if file.stat().st_mtime_ns <= note.stat().st_mtime_ns:
                    files.setdefault(file.stat().st_size, []).append(file)
        return files


def _has_no_rows(file: Path) -> bool:
    try:
        with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as stream:
            return not any(batch.num_rows for batch in stream)
    except (OSError, pa.ArrowException):
        return file.stat().st_size == 0
