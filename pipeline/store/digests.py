"""Names by content: of columns, of plain values."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from voxsmith.schemas.hashing import hashed_hex


def digest(value: Any) -> str:
    """32 hex digits that name a plain JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashed_hex(text, 16)


def column_digest(values: pa.ChunkedArray) -> str:
    """32 hex digits that name the values of a column, however it is chunked: XXH3 at 128 bits of its buffers.

    It detects changes and is not cryptographic. It is cheap even for columns of clips.
    """
    streams: dict[str, Any] = {}
    for chunk in values.chunks:
        if len(chunk):
            _feed(streams, "", chunk)
    hashes = {name: hasher.hexdigest() for name, hasher in streams.items()}
    return digest([str(values.type), len(values), hashes])


def _feed(streams: dict[str, Any], name: str, values: pa.Array) -> None:
    """Hash each buffer of the values as a stream of its own, so that it makes no difference where chunks end.

    The bytes in the place of a null are left out: Arrow leaves them undefined.
    """

    def add(kind: str, piece: Any) -> None:
        streams.setdefault(f"{name}.{kind}", xxhash.xxh3_128()).update(piece)

    valid = values.is_valid().to_numpy(zero_copy_only=False)
    add("valid", valid.view(np.uint8))
    if pa.types.is_null(values.type):
        return
    if pa.types.is_struct(values.type):
        for field, part in zip(values.type, values.flatten(), strict=True):
            _feed(streams, f"{name}.{field.name}", part)
    elif pa.types.is_list(values.type):
        add("lengths", pc.fill_null(values.value_lengths(), -1).to_numpy())
        _feed(streams, f"{name}[]", values.flatten())
    elif pa.types.is_fixed_size_list(values.type):  # whose length is in the type
        _feed(streams, f"{name}[]", values.flatten())
    elif pa.types.is_binary(values.type) or pa.types.is_string(values.type):
        lengths, data = _spans(values, valid)
        add("lengths", lengths)
        add("data", data)
    elif pa.types.is_boolean(values.type):
        add("data", pc.fill_null(values, False).to_numpy(zero_copy_only=False).view(np.uint8))
    else:
        add("data", pc.fill_null(values, 0).to_numpy().data)


def _spans(values: pa.Array, valid: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
    """The lengths of binary or text values, and their bytes one after the other, without those of nulls. The bytes are
    copied only where a null has some.
    """
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    lengths = np.diff(ends)
    if lengths[~valid].any():
        return _spans(pc.fill_null(values, b"" if pa.types.is_binary(values.type) else ""), valid)
    return lengths, memoryview(data)[ends[0] : ends[-1]] if data is not None else b""
