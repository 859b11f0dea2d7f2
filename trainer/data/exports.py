"""An exported dataset, as it lies on the disk: rows are memory-mapped, and read when they are asked for."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from voxsmith.trainer.data.mel import RATE

_AT_ONCE = 1000  # rows that are read together


class BadExport(Exception):
    """The dataset can't be trained on as the recipe wants it; the message says what is wrong and what to do."""


class Export:
    """A split of an export. `folder`: what `voxsmith export` names (with `dataset` and manifest.json in it), or the dataset
    itself, then without a manifest. Raises BadExport.
    """

    def __init__(self, folder: Path, split: str | None = None) -> None:
        import datasets

        self.folder = folder
        place = folder / "dataset" if (folder / "dataset").is_dir() else folder
        try:
            rows = datasets.load_from_disk(str(place))
        except (OSError, ValueError) as error:
            raise BadExport(f"{place}: no exported dataset: {' '.join(str(error).split())}") from None
        except (LookupError, TypeError, AttributeError):  # JSON of another form than `datasets` writes
            raise BadExport(f"{place}: its JSON files aren't those of a dataset: export the corpus again") from None
        if isinstance(rows, datasets.DatasetDict):
            if (wanted := split or next(iter(rows))) not in rows:
                raise BadExport(f"{place}: no split '{wanted}'; there is {', '.join(map(str, rows))}")
            rows = rows[wanted]
        elif split:
            raise BadExport(f"{place}: it has no splits, so leave out split: {split}")
        self._columns = tuple(rows.column_names)
        # Undecoded: soundfile reads FLAC itself, where `datasets` would want torchcodec.
        for name in self._columns:
            if isinstance(rows.features[name], datasets.Audio):
                rows = rows.cast_column(name, datasets.Audio(decode=False))
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    def need(self, *columns: str) -> None:
        """Raises BadExport where one of the columns isn't there."""
        if lacking := [name for name in columns if name not in self._columns]:
            raise BadExport(
                f"{self.folder}: it lacks {', '.join(lacking)}; it has {', '.join(self._columns)}. "
                "Export a corpus whose recipe has the stages that write it"
            )

    def rows(self, places: Iterable[int], columns: tuple[str, ...]) -> dict[str, list[Any]]:
        """Values of these columns, by name."""
        values: dict[str, list[Any]] = self._rows.select_columns(list(columns))[list(places)]
        return values

    def row(self, place: int, columns: tuple[str, ...]) -> dict[str, Any]:
        values: dict[str, Any] = self._rows.select_columns(list(columns))[place]
        return values

    def runs(self, columns: tuple[str, ...], places: Sequence[int] | None = None) -> Iterator[dict[str, list[Any]]]:
        """What `rows` gives of these places, or of all rows, in order, without holding many rows at once."""
        places = range(len(self)) if places is None else places
        for start in range(0, len(places), _AT_ONCE):
            yield self.rows(places[start : start + _AT_ONCE], columns)

    def each(self, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """These columns of all rows, in order, a row at a time."""
        for values in self.runs(columns):
            for row in zip(*(values[name] for name in columns), strict=True):
                yield dict(zip(columns, row, strict=True))

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the export was made of; empty where the manifest isn't beside the dataset."""
        file = self.folder / "manifest.json"
        try:
            manifest = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        except ValueError:
            raise BadExport(f"{file}: not JSON: export the corpus again, or remove the file") from None
        return manifest if isinstance(manifest, dict) else {}


def clip(audio: dict[str, Any], wanted: int = RATE) -> np.ndarray:
    """float32 [n], mono, at 16 kHz or what is `wanted`. Raises BadExport where the clip can't be decoded."""
    try:
        samples, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise BadExport(f"the clip {audio.get('path')} can't be decoded: {error}") from None
    mono: np.ndarray = samples.mean(1)
    return mono if rate == wanted else np.asarray(soxr.resample(mono, rate, wanted), np.float32)
