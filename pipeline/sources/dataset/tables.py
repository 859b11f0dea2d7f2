"""Datasets with an Audio column, in Parquet or Arrow: the rows without their clips, and where each clip is.

Runs in the process that reads datasets (`reader`), whose memory is bounded. Of a file only the columns of text and
numbers are read. On the Hub, too: a Parquet file of half a gigabyte costs some requests for a part of it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from voxsmith.pipeline.errors import RecipeError
from voxsmith.schemas.names import nearest
from voxsmith.schemas.source import Source

CLIP = ""  # the key, which no field has, of where a row's clip is: path, member, size, time_ns
_ROWS = 1024  # at once
_BLOCK = 1 << 20  # bytes that are fetched at once, of files whose texts lie between clips
_PLAIN = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating)
_COPY = "the Hub keeps a Parquet copy of most datasets: revision: refs/convert/parquet"
_LIST = "write the dataset as Parquet (to_parquet), or list its clips in a .jsonl file for layout manifest"


def table_rows(where: str, source: Source) -> Iterator[dict[str, Any]]:
    """The rows of all files of the split, in order. Raises RecipeError; what libraries raise is for the caller to say."""
    for file in data_files(where, source):
        is_url, local = "://" in file, Path(file)
        if is_url:
            from fsspec.core import url_to_fs

            filesystem, inside = url_to_fs(file)
            state = {"path": file, "size": int(filesystem.info(inside)["size"])}
            stream: Any = filesystem.open(inside, "rb", block_size=_BLOCK)
        else:
            stat = local.stat()
            state = {"path": str(local.absolute()), "size": stat.st_size, "time_ns": stat.st_mtime_ns}
            stream = pa.memory_map(file)
        with stream:
            read = _parquet if file.endswith(".parquet") else _arrow
            for number, (clip, record) in enumerate(read(where, file, stream, source)):
                yield {**record, CLIP: {**state, "member": f"{clip}:{number}"}}


def data_files(where: str, source: Source) -> list[str]:
    """The Parquet or Arrow files of the split: of a folder that `save_to_disk` wrote, or as `datasets` finds them."""
    folder = Path(str(source.dataset))
    if (folder / "dataset_dict.json").is_file():
        splits = json.loads((folder / "dataset_dict.json").read_text("utf-8"))["splits"]
        if source.split not in splits:
            raise RecipeError(f"{where}: no split '{source.split}'; {nearest(source.split, map(str, splits))}")
        folder /= source.split
    if (folder / "state.json").is_file():
        named = [one["filename"] for one in json.loads((folder / "state.json").read_text("utf-8"))["_data_files"]]
        if any(Path(name).name != name for name in named):
            raise RecipeError(f"{where}: state.json names a file that lies elsewhere")
        return [str(folder / name) for name in named]
    import datasets  # late: it takes seconds

    builder = datasets.load_dataset_builder(str(source.dataset), source.config, revision=source.revision)
    by_split = builder.config.data_files or {}
    if source.split not in by_split:
        raise RecipeError(f"{where}: no split '{source.split}'; {nearest(source.split, map(str, by_split))}")
    paths = [str(file) for file in by_split[source.split]]
    if other := next((file for file in paths if not file.endswith((".parquet", ".arrow"))), None):
        advice = _LIST if folder.is_dir() else _COPY
        raise RecipeError(f"{where}: {other.rpartition('/')[2]} is neither Parquet nor Arrow; {advice}")
    return paths


def _parquet(where: str, file: str, stream: Any, source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    table = pq.ParquetFile(stream)
    clip, plain = _columns(where, file, table.schema_arrow, source)
    for batch in table.iter_batches(_ROWS, columns=plain):
        yield from ((clip, record) for record in _records(batch))


def _arrow(where: str, file: str, stream: Any, source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    is_file = stream.read(6) == b"ARROW1"
    stream.seek(0)
    schema = (pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)).schema
    stream.seek(0)
    clip, plain = _columns(where, file, schema, source)
    options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in plain] or [-1])
    if is_file:
        reader = pa.ipc.open_file(stream, options=options)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        batches = iter(pa.ipc.open_stream(stream, options=options))
    for batch in batches:
        for some in (batch.slice(start, _ROWS) for start in range(0, batch.num_rows, _ROWS)):
            yield from ((clip, record) for record in _records(some))


def _records(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    return batch.to_pylist() if batch.num_columns else [{} for _ in range(batch.num_rows)]


def _columns(where: str, file: str, schema: pa.Schema, source: Source) -> tuple[str, list[str]]:
    """The column of clips, and those of texts and numbers. A dataset's features say which is which; else its types do."""
    known = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    clips = [
        field.name for field in schema if known.get(field.name, {}).get("_type") == "Audio" or _holds_clips(field.type)
    ]
    named = source.columns.get("clip")
    if named is not None and clips and named not in clips:
        raise RecipeError(
            f"{where}: {file.rpartition('/')[2]} has no column '{named}' of clips; {nearest(named, clips)}"
        )
    if not clips:
        there = ", ".join(schema.names)
        raise RecipeError(f"{where}: {file.rpartition('/')[2]} has no column of clips (bytes and path), but {there}")
    if named is None and len(clips) > 1:
        says = f"name one: columns: {{clip: {clips[0]}}}"
        raise RecipeError(
            f"{where}: {file.rpartition('/')[2]} has {len(clips)} columns of clips ({', '.join(clips)}); {says}"
        )
    plain = [field.name for field in schema if any(of(field.type) for of in _PLAIN)]
    if absent := next((one for one in source.columns.values() if one not in schema.names), None):
        raise RecipeError(f"{where}: has no field '{absent}'; {nearest(absent, schema.names)}")
    return named or clips[0], plain


def _holds_clips(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}
