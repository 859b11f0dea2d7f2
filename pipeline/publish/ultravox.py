"""The layout in which Ultravox' corpora lie on the Hub, and which its loader reads: `audio`, `text`, `continuation`.

    <subset>/<split>/chunk-range-<first row>-<behind the last>/data-00000-of-00001.parquet

A subset is a source of the recipe, so that whoever trains can weigh the sources against each other. The loader decodes
every clip of a row that it takes, so other clips are left out, and lists (units, a teacher's tokens) with them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.features import card_features, with_features
from voxsmith.pipeline.publish.parquet import write_parquet
from voxsmith.schemas.columns import AUDIO

# What an utterance, or else the user's side, is called there. A request's answer is to the trainer what a continuation is.
_NAMES = (
    {"audio": "audio", "transcript": "text", "continuation": "continuation"},
    {"query_audio": "audio", "query_text": "text", "answer_text": "continuation"},
)
_CLASH = {"transcript_language"}  # the loader passes this to its templates beside a row's columns, and raises


@dataclass(frozen=True)
class Chunk:
    """The rows `first` to `end` of a subset's split: those of one Arrow file that are of that source."""

    source: Path
    subset: str
    split: str
    first: int
    end: int

    @property
    def name(self) -> str:
        """Its file's name in the publication."""
        return f"{self.subset}/{self.split}/chunk-range-{self.first:09}-{self.end:09}/data-00000-of-00001.parquet"


def check(schema: pa.Schema, where: str) -> None:
    """Raises RunFailed where rows have no clip, or nothing that was said or is to be learned."""
    if _renamed(schema) is None:
        wanted = " or ".join(", ".join(names) for names in _NAMES)
        raise RunFailed(f"{where}: the Ultravox layout takes rows with the columns {wanted}; these have "
                        f"{', '.join(schema.names)}")  # fmt: skip


def schema_of(source: Path) -> pa.Schema:
    """The schema of an Arrow stream file."""
    with pa.memory_map(str(source)) as data, pa.ipc.open_stream(data) as stream:
        return stream.schema


def chunks(files: Iterable[tuple[str, Path]]) -> list[Chunk]:
    """What the dataset's files become; each comes with its split, in the dataset's order. No clip is read."""
    rows = Counter[tuple[str, str]]()
    made = []
    for split, source in files:
        for subset, count in sorted(_rows_of_sources(source).items()):
            first = rows[subset, split]
            rows[subset, split] += count
            made.append(Chunk(source, subset, split, first, first + count))
    return made


def to_chunk(source: Path, subset: str, target: Path) -> None:
    """Write the rows of an Arrow stream file that are of this source, with the columns and names of the layout."""
    with pa.OSFile(str(source)) as data, pa.ipc.open_stream(data) as stream:
        names, schema = _renamed(stream.schema) or {}, published_schema(stream.schema)
        ours = {theirs: ours for ours, theirs in names.items()}

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in stream:
                columns = [_column(batch, ours[name]) for name in schema.names]
                some = pa.RecordBatch.from_arrays(columns, schema=schema).filter(pc.equal(batch["source"], subset))
                if some.num_rows:
                    yield some

        write_parquet(batches(), schema, target)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The column; where there is no continuation, because somebody asked for something, it is the answer."""
    if name == "continuation" and "answer_text" in batch.schema.names:
        return pc.coalesce(batch[name], batch["answer_text"])
    return batch[name]


def published_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of a chunk, with the features of `datasets`: the three columns of the layout first."""
    names = _renamed(schema) or {}
    ours = {theirs: ours for ours, theirs in names.items()}
    first = list(_NAMES[0].values())
    order = [*first, *(name for name in ours if name not in first)]
    known = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    fields = [schema.field(ours[name]).with_name(name) for name in order]
    return with_features(pa.schema(fields), {name: known[ours[name]] for name in order})


def configurations(made: list[Chunk], sizes: dict[str, int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`configs` and `dataset_info` of the card: one for each subset, and before them the default with all. `sizes`: bytes of
    each chunk's file, by name.
    """
    subsets, splits = list(dict.fromkeys(one.subset for one in made)), list(dict.fromkeys(one.split for one in made))
    features = card_features(published_schema(schema_of(made[0].source)))
    configs, infos = [], []
    for subset in ("default", *subsets):
        of = [one for one in made if subset in ("default", one.subset)]
        there = [split for split in splits if any(one.split == split for one in of)]
        paths = "*" if subset == "default" else subset
        files = [{"split": split, "path": f"{paths}/{split}/chunk-range-*/*.parquet"} for split in there]
        configs.append({"config_name": subset, "data_files": files})
        counts = [
            {
                "name": split,
                "num_bytes": sum(sizes[one.name] for one in of if one.split == split),
                "num_examples": sum(one.end - one.first for one in of if one.split == split),
            }
            for split in there
        ]
        infos.append({"config_name": subset, "features": features, "splits": counts})
    return configs, infos


def remark(made: list[Chunk], path: str) -> str:
    """Markdown for the card: how Ultravox is given this corpus. `path`: the repository, or the folder."""
    entries = []
    for subset in dict.fromkeys(one.subset for one in made):
        counts = Counter[str]()
        for one in made:
            counts[one.split] += (one.end - one.first) if one.subset == subset else 0
        splits = ", ".join(
            f'DatasetSplitConfig(name="{name}", num_samples={rows})' for name, rows in counts.items() if rows
        )
        entries.append(
            f'DatasetConfig(\n    name="{subset}-continuation",\n    path="{path}",\n    subset="{subset}",\n'
            f"    splits=[{splits}],\n    user_template=CONTINUATION_USER_TEMPLATE,\n"
            "    assistant_template=CONTINUATION_ASSISTANT_TEMPLATE,\n)"
        )
    code = "\n".join(["from ultravox.data.types import *", "", *entries])
    return f"Files lie as [Ultravox](https://github.com/fixie-ai/ultravox) has them. Its registry takes:\n\n```python\n{code}\n```"


def _renamed(schema: pa.Schema) -> dict[str, str] | None:
    """The columns that are published and their names there; None where the layout's are not all there."""
    names = next((names for names in _NAMES if names.keys() <= set(schema.names)), None)
    if names is None:
        return None
    taken = {*names.values(), *_CLASH}
    others = {
        field.name: field.name
        for field in schema
        if field.name not in names
        and field.name not in taken
        and field.type != AUDIO
        and (field.name == "provenance" or not _is_list(field.type))
    }
    return {**names, **others}


def _is_list(kind: pa.DataType) -> bool:
    return any(is_one(kind) for is_one in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def _rows_of_sources(source: Path) -> Counter[str]:
    counts = Counter[str]()
    with pa.memory_map(str(source)) as data, pa.ipc.open_stream(data) as stream:
        for batch in stream:
            counts.update({one["values"]: one["counts"] for one in batch["source"].value_counts().to_pylist()})
    return counts
