"""What a module does, by content: the part of a cache key that makes a result stale when the code behind it changes."""

import ast
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from voxsmith.pipeline.store.digests import digest

OURS = "voxsmith"
# Where following ends, and why: a change there changes nothing that is made, or stands in the key in another way.
STOPS = {
    "voxsmith.stages.engines": "an engine's identity is in the key",
    "voxsmith.stages.registry": "which part a name means is in the key",
    "voxsmith.stages.stage": "a declaration: the columns that a stage reads and the engine that it asks are in the key",
    "voxsmith.schemas.columns": "a column's type is in its digest, an export's schema in its key",
    "voxsmith.schemas.checks": "the limits themselves are in the key",
    "voxsmith.pipeline.errors": "what people are told",
    "voxsmith.pipeline.export.marks": "by which files are known again, whatever is in them",
    "voxsmith.pipeline.export.names": "where files stand, and what of them is removed",
    "voxsmith.pipeline.plan.state": "the keys of what is done are in the key of an export",
    "voxsmith.pipeline.recipe.nodes": "an export's columns and terms are in its key",
    "voxsmith.pipeline.recipe.voices": "terms of voices are in an export's key",
    "voxsmith.pipeline.store.files": "it writes what it is given",
    "voxsmith.pipeline.store.forms": "what it lets through stays as it is",
    "voxsmith.pipeline.store.store": "it carries bytes as they are",
    "voxsmith.pipeline.terminal": "how people are told",
    "voxsmith.pipeline.store.without_pandas": "it saves memory",
}
# The same for the code of a backend, which shapes replies.
BACKEND_STOPS = {
    "voxsmith.models.cublas": "it finds a library",
    "voxsmith.models.interpreter": "the versions of its packages are in the identity",
    "voxsmith.models.loading": "it says why a model can't be loaded",
    "voxsmith.models.lost_gpu": "it tells errors apart",
    "voxsmith.models.optional": "the versions of packages are in the identity",
    "voxsmith.models.out_of_memory": "it tells errors apart",
    "voxsmith.models.packages": "it unpacks files, whose digests are in the identity",
    "voxsmith.models.reaper": "it ends processes",
    "voxsmith.models.references": "it finds files, whose digests are in the identity",
    "voxsmith.models.text": "it checks voice banks; what is said is in the request",
    "voxsmith.schemas": "the settings themselves are in the identity, or change no reply",
    "voxsmith.stages.engines.backend": "it declares and loads",
    "voxsmith.stages.engines.base": "it fills batches: a reply that depends on them is not promised to be the same",
    "voxsmith.stages.engines.event_loop": "it runs what it is given",
    "voxsmith.stages.engines.openai_client": "it sends what it is given, and tries again",
    "voxsmith.stages.engines.usage": "it counts",
    "voxsmith.stages.requests": "a request is named by all that it holds",
}


def code_digest(module: str, stops: Iterable[str] = tuple(STOPS)) -> str:
    """32 hex digits that name what the module does: its syntax tree and those of all modules that it imports from our
    packages and from its own, without comments, formatting and docstrings. It is the same in each version of Python.

    Relative imports and imports inside functions count; those for type checkers alone don't. Nothing is followed into a
    module or package of `stops`, or into other packages. Raises ModuleNotFoundError where there is no such module.
    """
    stops, file = tuple(stops), source_file(module)
    known = _digests.get((module, stops))
    if known is None or file not in known.states or any(_state(path) != state for path, state in known.states.items()):
        names = reachable(module, stops)
        files = [one for name in names if (one := source_file(name))]
        # Folders too: a file that is new in one may be what a module means by a name.
        states = {path: _state(path) for one in files for path in (one, one.parent)}
        known = _digests[module, stops] = _Known(digest({name: _read(name).tree for name in names}), states)
    return known.digest


def reachable(module: str, stops: Iterable[str] = tuple(STOPS)) -> tuple[str, ...]:
    """The modules that `code_digest` of `module` is made of, by name. Raises ModuleNotFoundError."""
    packages = {OURS, module.partition(".")[0]}
    if source_file(module) is None:
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] not in packages or source_file(name) is None:
            continue
        waiting += _packages_of(name)  # their __init__ runs first
        if name != module and any(name == stop or name.startswith(f"{stop}.") for stop in stops):
            continue
        seen.add(name)
        waiting += _read(name).imports
    return tuple(sorted(seen))


def source_file(module: str) -> Path | None:
    """The module's file, found without importing it or the packages that it is in; None where there is none."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except ValueError:  # a module that was put together by hand has no spec
        spec = None
    if spec is None:
        return None
    if not rest and not spec.submodule_search_locations:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place / "__init__.py", place.with_suffix(".py")) if rest else (place / "__init__.py",):
            if file.is_file():
                return file
    return None


_WITH_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # an import is in no expression


class _Known(NamedTuple):
    digest: str
    states: dict[Path, tuple[int, int] | None]  # of the files and folders that it was made of


# A command asks for each a few times; a notebook's process lives on while files are edited.
_digests: dict[tuple[str, tuple[str, ...]], _Known] = {}


def _state(path: Path) -> tuple[int, int] | None:
    """Time of change, in ns, and size; None where nothing is there."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


class _Module(NamedTuple):
    tree: str  # the digest of its syntax tree
    imports: tuple[str, ...]  # what may be modules: of `from a import b` both a and a.b


def _packages_of(module: str) -> Iterator[str]:
    while module := module.rpartition(".")[0]:
        yield module


def _read(module: str) -> _Module:
    file = source_file(module)
    assert file is not None
    stat = file.stat()
    return _parse(module, file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _parse(module: str, file: Path, changed: int, size: int) -> _Module:
    """Parsed once for each state of the file: a notebook's process lives on while files are edited."""
    tree = ast.parse(file.read_bytes())
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in _run_time_statements(tree.body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                base = f"{above}.{base}" if base else above
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return _Module(digest(_dump(tree)), tuple(names))


def _run_time_statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All statements but those under `if TYPE_CHECKING`, in any order."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        yield node
        waiting += (child for child in ast.iter_child_nodes(node) if isinstance(child, _WITH_STATEMENTS))


def _dump(node: object) -> str:
    """The tree as text, without docstrings. Fields that are empty are left out: each version of Python has some that the one
    before lacks, and `ast.dump` writes them out, or not.
    """
    if isinstance(node, ast.AST):
        inner = []
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(node, _DOCUMENTED):
                value = _without_docstring(node.body)
            if value is not None and value != []:
                inner.append(f"{name}={_dump(value)}")
        return f"{type(node).__name__}({', '.join(inner)})"
    return f"[{', '.join([_dump(one) for one in node])}]" if isinstance(node, list) else repr(node)


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest or [ast.Pass()]
    return body
