"""Names by content: of columns, of code, of plain values."""

import ast
import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa


def digest(value: Any) -> str:
    """32 hex digits that name a plain JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def column_digest(values: pa.ChunkedArray) -> str:
    """32 hex digits that name the values of a column, however it is chunked."""
    hasher = hashlib.blake2b(str(values.type).encode(), digest_size=16)
    for chunk in values.chunks:
        if pa.types.is_struct(chunk.type) or pa.types.is_binary(chunk.type):
            for value in chunk:
                _feed(hasher, value)
        else:
            for plain in chunk.to_pylist():
                _update(hasher, repr(plain).encode())
    return hasher.hexdigest()


def _feed(hasher: Any, value: pa.Scalar) -> None:
    if pa.types.is_struct(value.type) and value.is_valid:
        for part in value.values():
            _feed(hasher, part)
        return
    blob = pa.types.is_binary(value.type) and value.is_valid
    _update(hasher, memoryview(value.as_buffer()) if blob else repr(value.as_py()).encode())


def _update(hasher: Any, piece: bytes | memoryview) -> None:
    hasher.update(len(piece).to_bytes(8, "little"))
    hasher.update(piece)


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
