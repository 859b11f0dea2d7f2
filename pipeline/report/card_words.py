"""Arrow schemas in the words of a dataset card's header."""

import json
from typing import Any

import pyarrow as pa

_DTYPES = {"float": "float32", "double": "float64", "halffloat": "float16"}


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The `dataset_info: features` of a card: one entry a column, {"name": …, "dtype" or "list" or "struct": …}.

    A column that the schema's `huggingface` metadata calls Audio is one, with its sampling rate.
    """
    known = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return [{"name": field.name, **_feature(field.type, known.get(field.name))} for field in schema]


def _feature(type_: pa.DataType, known: Any) -> dict[str, Any]:
    if isinstance(known, dict) and known.get("_type") == "Audio":
        rate = known.get("sampling_rate")
        return {"dtype": {"audio": {"sampling_rate": rate}} if rate else "audio"}
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        inner = _feature(type_.value_type, None)
        return {"list": inner.get("dtype", inner.get("struct", inner))}
    if pa.types.is_struct(type_):
        fields = [type_.field(i) for i in range(type_.num_fields)]
        return {"struct": [{"name": field.name, **_feature(field.type, None)} for field in fields]}
    return {"dtype": _DTYPES.get(str(type_), str(type_))}
