"""Names by content: of columns, of code, of plain values."""

import ast
import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash


def digest(value: Any) -> str:
    """32 hex digits that name a plain JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def column_digest(values: pa.ChunkedArray) -> str:
    """32 hex digits that name the values of a column, however it is chunked: XXH3 at 128 bits. It tells a change, and is
    no defence against whoever wants two columns to look alike; but it costs next to nothing where clips are read.
    """
    streams: dict[str, Any] = {}
    for chunk in values.chunks:
        if len(chunk):
            _feed(streams, "", chunk)
    found = {name: hasher.hexdigest() for name, hasher in streams.items()}
    return digest([str(values.type), len(values), found])


def _feed(streams: dict[str, Any], name: str, values: pa.Array) -> None:
    """Each buffer that the values need is a stream of its own, so that it makes no difference where chunks end.

    What stands in a null's place is not looked at.
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
    elif pa.types.is_binary(values.type) or pa.types.is_string(values.type):
        lengths, data = _spans(values, valid)
        add("lengths", lengths)
        add("data", data)
    elif pa.types.is_boolean(values.type):
        add("data", pc.fill_null(values, False).to_numpy(zero_copy_only=False).view(np.uint8))
    else:
        add("data", pc.fill_null(values, 0).to_numpy().data)


def _spans(values: pa.Array, valid: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
    """The lengths of binary or text values, and their bytes one after the other; of nulls neither. Bytes are copied only
    where a null has some.
    """
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    lengths = np.diff(ends)
    if lengths[~valid].any():
        return _spans(pc.fill_null(values, b"" if pa.types.is_binary(values.type) else ""), valid)
    return lengths, memoryview(data)[ends[0] : ends[-1]] if data is not None else b""


@cache
def code_digest(module: str) -> str:
    """32 hex digits that name what a stage's module does: its syntax tree and those of the stages/text modules (and
    other helpers in stages/) that it imports, without comments, formatting and docstrings. Engines are left out: they
    have an identity of their own.
    """
    seen: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or not (spec := find_spec(name)) or not spec.origin:
            continue
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        waiting += [found for found in _imports(tree) if _counts(found)]
        seen[name] = ast.dump(_without_docstrings(tree))
    return digest(seen)


def _counts(module: str) -> bool:
    return module.startswith("stages.") and not module.startswith(("stages.engines", "stages.registry"))


def _imports(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if _is_module(name)]


def _is_module(name: str) -> bool:
    try:
        return name.startswith("stages") and find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                    node.body = rest or [ast.Pass()]
    return tree
