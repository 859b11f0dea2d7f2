"""No secret leaves with a corpus: every text that is published is looked through before anything is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.names import PARTS
from voxsmith.pipeline.publish.files import Item
from voxsmith.pipeline.report.statistics import read
from voxsmith.pipeline.secrets import ANY_SHAPE, LEAST, Secrets, secrets_here

_WAYS_ON = """What helps:
  - in the recipe, a prompt or a file: take it out; keys and passwords come from the environment
  - in rows: correct or block them in a file of `overrides`
and then run again. A secret that others may have seen is none: make a new one where it came from."""


def check_no_secret(folder: Path, manifest: dict[str, Any], items: Iterable[Item]) -> None:
    """Go through the manifest, the small files among `items` and every text of every row, nested ones and rejects too.

    Raises RunFailed, which says where there is a secret, and never what it is. Costs a read of all texts; no clip is read.
    """
    secrets = _secrets(manifest)
    lines = [f"manifest.json holds {kind}, in {place}" for place, kind in secrets.within(manifest)]
    for item in items:
        if item.source.suffix not in (".json", ".html") or item.name == "manifest.json":
            continue
        if kind := secrets.kind_in(item.source.read_text(encoding="utf-8", errors="replace")):
            lines.append(f"{item.name} holds {kind}")
    for part in PARTS:
        lines += _in_rows(folder / part, secrets)
    if lines:
        raise RunFailed(
            "\n".join(["nothing is published: there are secrets in it:", *(f"  {one}" for one in lines), _WAYS_ON])
        )


def check_card(text: str, manifest: dict[str, Any]) -> None:
    """The same for the card, which is written last; its texts are those of the manifest and the rows."""
    if kind := _secrets(manifest).kind_in(text):
        raise RunFailed(f"README.md holds {kind}: it is not sent; take that out of the recipe and export again")


def _secrets(manifest: dict[str, Any]) -> Secrets:
    """The environment's, and the Hub's token where its own tool keeps it: it is sent nowhere, whatever the target."""
    from huggingface_hub import get_token

    engines = (manifest["recipe"].get("engines") or {}).values()
    named = (name for engine in engines if isinstance(name := engine.get("api_key_env"), str))
    token = get_token() or ""
    return secrets_here(named, {token: "your Hub token"} if len(token) >= LEAST else None)


def _in_rows(folder: Path, secrets: Secrets) -> Iterator[str]:
    """A line for each column of the dataset and each kind of secret in it."""
    first: dict[tuple[str, str], str] = {}  # the id of a row, by column and kind
    rows = Counter[tuple[str, str]]()
    headers = set[str]()
    for _, batch in read(folder):
        headers |= {*batch.schema.names, *_metadata(batch.schema)}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if not any(_holds(texts, secrets) for texts in _texts(column)):
                continue
            for place in range(len(column)):
                texts = (text for some in _texts(column.slice(place, 1)) for text in some.to_pylist() if text)
                for kind in {kind for text in texts if (kind := secrets.kind_in(text))}:
                    first.setdefault((name, kind), _id(batch, place))
                    rows[name, kind] += 1
    yield from (f"the columns of {folder.name} hold {kind}" for text in headers if (kind := secrets.kind_in(text)))
    for (name, kind), row in first.items():
        yield secrets.hide(f"{name} holds {kind} in {rows[name, kind]} rows of {folder.name}, {row} the first")


def _holds(texts: pa.Array, secrets: Secrets) -> bool:
    """Whether any of the texts holds a secret: all at once, because there may be millions."""
    shapes = pc.match_substring_regex(texts, ANY_SHAPE)
    return any(pc.any(hits).as_py() for hits in (shapes, *(pc.match_substring(texts, one) for one in secrets.values)))


def _texts(column: pa.Array) -> Iterator[pa.Array]:
    """The arrays of strings that a column is made of."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _texts(column.dictionary_decode())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield column
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _texts(part)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _texts(column.flatten())


def _metadata(schema: pa.Schema) -> Iterator[str]:
    yield from (value.decode(errors="replace") for value in (schema.metadata or {}).values())


def _id(batch: pa.RecordBatch, place: int) -> str:
    return str(batch.column("id")[place].as_py()) if "id" in batch.schema.names else f"row {place}"
