"""Arrow files in the layout of `datasets.load_from_disk`: IPC stream files, bounded batches, features in the schema."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.digests import digest

_BATCH_BYTES = 64 * 2**20


class SplitWriter:
    """Writes one dataset folder, or one with a folder for each split, rolling over to a new file at `size` bytes.

    `rates`: hertz of each audio column; `name` names the content (`datasets` caches by it). Files get their final
    names (data-00000-of-00003.arrow) at `close`.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, rates: dict[str, int], splits: list[str], size: int, name: str
    ) -> None:
        self.folder, self.size, self.name, self.rows = folder, size, name, 0
        self.features = _features(schema, rates)
        self.schema: pa.Schema = self.features.arrow_schema
        self.splits = splits
        self._open: dict[str, Any] = {}
        self._bytes: dict[str, int] = {}
        self._files: dict[str, list[Path]] = {split: [] for split in splits or [""]}
        for split in self._files:
            (folder / split).mkdir(parents=True)

    def write(self, split: str, table: pa.Table) -> None:
        """Append the rows to the split ("" where there are no splits)."""
        table = table.cast(self.schema)
        rows = max(1, int(len(table) * _BATCH_BYTES / max(1, table.nbytes)))
        for batch in table.combine_chunks().to_batches(max_chunksize=rows):
            if split in self._open and self._bytes[split] >= self.size:
                self._open.pop(split).close()
            if split not in self._open:
                path = self.folder / split / f"part-{len(self._files[split]):05}.arrow"
                self._files[split].append(path)
                self._open[split], self._bytes[split] = pa.ipc.new_stream(path, self.schema), 0
            self._open[split].write_batch(batch)
            self._bytes[split] += batch.nbytes
        self.rows += len(table)

    def close(self) -> None:
        """Close the files and write what `datasets` wants beside them."""
        from datasets import DatasetInfo

        for writer in self._open.values():
            writer.close()
        for split, files in self._files.items():
            folder = self.folder / split
            if not files:
                files.append(folder / "part-00000.arrow")
                pa.ipc.new_stream(files[0], self.schema).close()
            names = [f"data-{number:05}-of-{len(files):05}.arrow" for number in range(len(files))]
            for path, name in zip(files, names, strict=True):
                path.rename(folder / name)
            state: dict[str, Any] = {
                "_data_files": [{"filename": name} for name in names],
                "_fingerprint": digest([self.name, split])[:16],
                "_format_columns": None,
                "_format_kwargs": {},
                "_format_type": None,
                "_output_all_columns": False,
                "_split": split or None,
            }
            (folder / "state.json").write_text(json.dumps(state, indent=2))
            DatasetInfo(features=self.features).write_to_directory(str(folder))
        if self.splits:
            (self.folder / "dataset_dict.json").write_text(json.dumps({"splits": self.splits}))


def _features(schema: pa.Schema, rates: dict[str, int]) -> Any:
    """The schema as `datasets.Features`, audio columns as Audio."""
    from datasets import Audio, Features

    plain = pa.schema([field for field in schema if field.name not in rates])
    found = Features.from_arrow_schema(plain)
    audio = {name: Audio(sampling_rate=rate) for name, rate in rates.items()}
    return Features({name: audio.get(name) or found[name] for name in schema.names})
