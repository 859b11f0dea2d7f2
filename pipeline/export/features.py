"""The types of columns as `datasets` knows them: JSON in the Arrow schema of its files and in dataset_info.json, and a
list in the header of a dataset card.

Made here and not by `datasets`, whose import takes a second of CPU in every process that writes; a test compares the
result with the library's. A column that a part from outside declares says in its Arrow field what it is, so that
whoever reads the files can show and count it.
"""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from voxsmith.schemas.columns import COLUMNS, Column

Features = dict[str, Any]
Rates = Mapping[str, int | None]  # hertz of each audio column, None where nobody knows

_DTYPES = {"float": "float32", "double": "float64", "halffloat": "float16"}  # Arrow's words, and NumPy's
_COLUMN = b"voxsmith"  # the key of a field's metadata


def column_field(name: str, column: Column) -> pa.Field:
    """The Arrow field of an exported column. One that isn't ours has its meaning, role and step with it."""
    if COLUMNS.get(name) == column:
        return pa.field(name, column.type)
    meaning = {"doc": column.doc, "role": column.role, "step": column.step}
    return pa.field(name, column.type, metadata={_COLUMN: json.dumps(meaning).encode()})


def columns_of(schema: pa.Schema) -> dict[str, Column]:
    """What the columns of an exported dataset are, by name; those of no known meaning are left out."""
    columns = {}
    for field in schema:
        if _COLUMN in (field.metadata or {}):
            columns[field.name] = Column(field.type, **json.loads(field.metadata[_COLUMN]))
        elif field.name in COLUMNS:
            columns[field.name] = COLUMNS[field.name]
    return columns


def features(schema: pa.Schema, rates: Rates) -> Features:
    """The schema's columns by name; those of `rates` as Audio."""
    return {field.name: _audio(rates[field.name]) if field.name in rates else _feature(field.type) for field in schema}


def with_features(schema: pa.Schema, features: Features) -> pa.Schema:
    """The Arrow schema of a file that `datasets` reads with these features."""
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def dataset_info(features: Features) -> str:
    """The content of dataset_info.json."""
    empty = dict.fromkeys(("description", "citation", "homepage", "license"), "")
    return json.dumps({**empty, "features": features})


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The `dataset_info: features` of a card: one entry a column, {"name": …, "dtype" or "list" or "struct": …}.

    A column that the schema's `huggingface` metadata calls Audio is one, with its sampling rate.
    """
    known = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return [{"name": field.name, **_card_feature(field.type, known.get(field.name))} for field in schema]


def _audio(rate: int | None) -> Features:
    return {"sampling_rate": rate, "_type": "Audio"} if rate else {"_type": "Audio"}


def _feature(kind: pa.DataType) -> Any:
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": _dtype(kind), "_type": "Value"}


def _card_feature(kind: pa.DataType, known: Any) -> dict[str, Any]:
    if isinstance(known, dict) and known.get("_type") == "Audio":
        rate = known.get("sampling_rate")
        return {"dtype": {"audio": {"sampling_rate": rate}} if rate else "audio"}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _card_feature(kind.value_type, None)
        length = {"length": kind.list_size} if pa.types.is_fixed_size_list(kind) else {}
        return {"list": inner.get("dtype", inner.get("struct", inner))} | length
    if pa.types.is_struct(kind):
        return {"struct": [{"name": field.name, **_card_feature(field.type, None)} for field in kind]}
    return {"dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return _DTYPES.get(str(kind), str(kind))
