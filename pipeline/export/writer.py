"""Arrow files in the layout of `datasets.load_from_disk`: IPC stream files, bounded batches, features in the schema."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.export.features import Rates, dataset_info, features, with_features
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.table_slices import BATCH_BYTES, slices

# The names of a dataset's files, as a glob. `datasets` leaves files of its own beside them (cache-….arrow) when somebody
# filters or shuffles what it has loaded from there.
DATA_FILES = "data-*-of-*.arrow"


class SplitWriter:
    """Writes the rows of one piece of a dataset: files for each split, rolling over to a new one at `size` bytes.

    `rates`: hertz of each audio column; `splits`: names, none for a dataset without splits ("" then).
    """

    def __init__(self, folder: Path, schema: pa.Schema, rates: Rates, splits: list[str], size: int) -> None:
        self.folder, self.size = folder, size
        self.schema = with_features(schema, features(schema, rates))
        self._open: dict[str, Any] = {}
        self._bytes: dict[str, int] = {}
        self._files: dict[str, list[Path]] = {split: [] for split in splits or [""]}
        for split in self._files:
            (folder / split).mkdir(parents=True, exist_ok=True)

    def write(self, split: str, table: pa.Table) -> None:
        """Append the rows to the split ("" where there are no splits)."""
        table = table.cast(self.schema)
        for batch in (batch for some in slices(table, BATCH_BYTES) for batch in some.combine_chunks().to_batches()):
            if split in self._open and self._bytes[split] >= self.size:
                self._open.pop(split).close()
            if split not in self._open:
                path = self.folder / split / f"part-{len(self._files[split]):05}.arrow"
                self._files[split].append(path)
                self._open[split], self._bytes[split] = pa.ipc.new_stream(path, self.schema), 0
            self._open[split].write_batch(batch)
            self._bytes[split] += batch.nbytes

    def close(self) -> dict[str, list[str]]:
        """Close the files. Returns their paths, relative to the folder, by split, in order."""
        for writer in self._open.values():
            writer.close()
        return {split: [str(path.relative_to(self.folder)) for path in paths] for split, paths in self._files.items()}


def assemble(
    folder: Path, files: Mapping[str, Sequence[Path]], schema: pa.Schema, rates: Rates, key: str
) -> dict[str, list[str]]:
    """Make `folder` a dataset of these files, in order: they get a second name there (a hard link, or else a copy).

    `key` names the content (`datasets` caches by it). Returns the new names by split, relative to the folder.
    """
    written: dict[str, list[str]] = {}
    described = features(schema, rates)
    for split, paths in files.items():
        place = folder / split
        place.mkdir(parents=True)
        count = max(1, len(paths))
        names = [f"data-{number:05}-of-{count:05}.arrow" for number in range(count)]
        if not paths:
            pa.ipc.new_stream(place / names[0], with_features(schema, described)).close()
        for path, file in zip(paths, names, strict=False):
            _second_name(path, place / file)
        state: dict[str, Any] = {
            "_data_files": [{"filename": file} for file in names],
            "_fingerprint": fingerprint(folder.name, key, split),
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split or None,
        }
        (place / "state.json").write_text(json.dumps(state, indent=2))
        (place / "dataset_info.json").write_text(dataset_info(described))
        written[split] = [str(Path(split) / file) for file in names] if paths else []
    if "" not in files:
        (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(files)}))
    return written


def fingerprint(part: str, key: str, split: str) -> str:
    """What names the content of a split of `part` (dataset, rejects or preferences) in the export of this key."""
    return digest([key if part == "dataset" else f"{part} {key}", split])[:16]


def _second_name(path: Path, name: Path) -> None:
    try:
        os.link(path, name)
    except OSError:  # some network and container file systems have no links
        shutil.copy(path, name)
