"""Arrow schemas and licences in the words of a dataset card's header."""

import json
import re
from typing import Any

import pyarrow as pa

_DTYPES = {"float": "float32", "double": "float64", "halffloat": "float16"}

# Identifiers that the Hub knows, among those our sources and models have.
_LICENCES = {
    "apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0",
    "cc-by-nd-4.0", "openrail", "llama3", "llama3.1", "gpl-3.0", "odc-by", "pddl", "unlicense",
}  # fmt: skip


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The `dataset_info: features` of a card: one entry a column, {"name": …, "dtype" or "list" or "struct": …}.

    A column that the schema's `huggingface` metadata calls Audio is one, with its sampling rate.
    """
    known = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return [{"name": field.name, **_feature(field.type, known.get(field.name))} for field in schema]


def licence_id(licence: str) -> str:
    """The Hub's identifier for a licence as people write it ("CC BY-NC 4.0"), or "other"."""
    slug = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
    slug = {"apache-license-2.0": "apache-2.0", "apache2": "apache-2.0", "mit-license": "mit", "cc0": "cc0-1.0"}.get(
        slug, slug
    )
    return slug if slug in _LICENCES else "other"


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
