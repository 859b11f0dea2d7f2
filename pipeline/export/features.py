"""The types of columns as `datasets` knows them: JSON in the Arrow schema of its files, and in dataset_info.json.

Made here and not by `datasets`, whose import takes a second of CPU in every process that writes; a test holds what
comes out against the library.
"""

import json
from typing import Any

import pyarrow as pa

Features = dict[str, Any]


def features(schema: pa.Schema, rates: dict[str, int]) -> Features:
    """The schema's columns by name; those of `rates` (hertz) as Audio."""
    audio = {name: {"sampling_rate": rate, "_type": "Audio"} for name, rate in rates.items()}
    return {field.name: audio.get(field.name) or _feature(field.type) for field in schema}


def with_features(schema: pa.Schema, found: Features) -> pa.Schema:
    """The Arrow schema of a file that `datasets` reads with these features."""
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": found}})})


def dataset_info(found: Features) -> str:
    """What dataset_info.json holds."""
    told = dict.fromkeys(("description", "citation", "homepage", "license"), "")
    return json.dumps({**told, "features": found})


def _feature(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    names = {"float": "float32", "double": "float64", "halffloat": "float16"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}
