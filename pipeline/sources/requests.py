"""The requests of a shard, one for each conversation: what they are compared by, as an object beside the shard's rows.

    objects/requests.<source>/<key>.arrow

It is made once for a shard, whatever comes before or behind it.
"""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from voxsmith.models.overlap import sketches
from voxsmith.models.overlap.words import core_of, words_of
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.digests import column_digest, digest
from voxsmith.pipeline.store.objects import Damaged, Place, read_columns, read_rows
from voxsmith.pipeline.store.store import Store

_SCHEMA = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("id", pa.string()),  # of its first row
        ("text", pa.string()),  # its requests as `words_of` and `core_of` give them
        ("name", pa.uint64()),
        ("bands", pa.list_(pa.uint32(), sketches.BANDS)),
    ]
)
_TURN = "0turn"  # stands between two turns: no word is so written
NUMBERS = ("name", "bands")


def requests_place(folder: str, key: str) -> Place:
    """Where the requests of the rows at that place are."""
    return f"requests.{folder.removeprefix('source.')}", digest([key, _code(), sketches.version()])


def stored_requests(store: Store, shard: Shard, names: tuple[str, ...]) -> pa.Table | None:
    """These columns of the shard's requests; None where they have to be made."""
    place = requests_place(shard.folder, shard.key)
    if (meta := store.meta(*place)) is None:
        return None
    try:
        return read_columns(store, dict.fromkeys(names, place), meta["columns"])
    except Damaged:
        store.drop(*place)
        return None


def made_requests(store: Store, shard: Shard, table: pa.Table | None, keep: bool) -> pa.Table:
    """The shard's requests. `table`: its rows, where they are at hand; `keep`: the store may be written."""
    if table is None:
        wanted = [
            name for name in ("id", "conversation_id", "instruction", "_reject", "_blocked") if name in shard.columns
        ]
        table = read_rows(store, (shard.folder, shard.key), {name: shard.columns[name] for name in wanted}, keep)
    made = requests_of(table)
    if keep:
        columns = {name: column_digest(made[name]) for name in made.column_names}
        store.commit(*requests_place(shard.folder, shard.key), made, {"rows": len(made), "columns": columns})
    return made


def requests_of(table: pa.Table) -> pa.Table:
    """The requests of these rows of a source. A conversation that isn't worked on, or asks nothing in words, has none."""
    talks: dict[str, tuple[str, list[str]]] = {}
    dead = set()
    rejects = [table[name].to_pylist() for name in ("_reject", "_blocked") if name in table.column_names]
    texts = table["instruction"].to_pylist()
    for row, (name, talk) in enumerate(zip(table["id"].to_pylist(), table["conversation_id"].to_pylist(), strict=True)):
        words = talks.setdefault(talk, (name, []))[1]
        if any(column[row] is not None for column in rejects) or texts[row] is None:
            dead.add(talk)
            continue
        words += [*([_TURN] if words else []), *core_of(words_of(texts[row]))]
    asked = {talk: one for talk, one in talks.items() if talk not in dead and one[1]}
    bounded = [sketches.bounded(words) for _, words in asked.values()]
    columns: list[Any] = [
        list(asked),
        [name for name, _ in asked.values()],
        bounded,
        [sketches.identity(text) for text in bounded],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=False)]
    bands = sketches.bands([words for _, words in asked.values()])
    arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(np.ravel(bands), pa.uint32()), sketches.BANDS))
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


@cache
def _code() -> str:
    return code_digest("voxsmith.pipeline.sources.requests")
