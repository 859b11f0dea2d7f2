"""The columns that a recipe can have: ours, and behind them those that its stages from outside declare."""

import re
from collections.abc import Callable, Mapping

import pyarrow as pa
from pyarrow import types

from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.schemas.columns import AUDIO, COLUMNS, RESERVED, Column, column, expand
from voxsmith.schemas.names import nearest
from voxsmith.stages.stage import Stage

# What an Arrow type must be for a role, in words and as a test.
_Test = Callable[[pa.DataType], bool]
_TEXT: tuple[str, _Test] = ("a string", lambda kind: kind == pa.string())
_NUMBERS: tuple[str, _Test] = (
    "a list of whole numbers",
    lambda kind: types.is_list(kind) and types.is_integer(kind.value_type),
)
_TYPES: dict[str, tuple[str, _Test]] = {
    "written": _TEXT,
    "text": _TEXT,
    "heard": _TEXT,
    "audio": ("voxsmith.schemas.columns.AUDIO", lambda kind: kind == AUDIO),
    "measure": ("a number", lambda kind: types.is_integer(kind) or types.is_floating(kind)),
    "units": _NUMBERS,
    "frames": _NUMBERS,
    "distribution": (
        "a list of lists of so many numbers",
        lambda kind: types.is_list(kind) and types.is_fixed_size_list(kind.value_type),
    ),
    "remark": ("a string, or a list", lambda kind: kind == pa.string() or types.is_list(kind)),
    "label": ("a string or a whole number", lambda kind: kind == pa.string() or types.is_integer(kind)),
}


def all_columns(stages: Mapping[str, Stage], problems: Problems) -> dict[str, Column]:
    """All columns by full name; a declaration that can't stand is a problem. `stages`: by their name in the recipe."""
    columns = dict(COLUMNS)
    declared_by: dict[str, str] = {}
    for where, stage in stages.items():
        strange = [name for name, one in stage.columns.items() if not isinstance(one, Column)]
        for name in strange:
            problems.add(
                f"stages.{where}", f"declares the column '{name}', but not as a voxsmith.schemas.columns.Column"
            )
        refused: list[Column] = []
        for name, one in expand({} if strange else stage.columns).items():
            wrong = _wrong(name, one)
            if wrong:
                if any(one is other for other in refused):  # of another group: one line is enough
                    continue
                refused.append(one)
                problems.add(f"stages.{where}", f"declares the column '{name}', {wrong}")
            elif name in declared_by and columns[name] != one:
                other = declared_by[name]
                message = f"declares the column '{name}' otherwise than stages.{other} does"
                problems.add(f"stages.{where}", f"{message}; give one of them another name")
            else:
                columns.setdefault(name, one)
                declared_by.setdefault(name, where)
    return columns


def _wrong(name: str, one: Column) -> str:
    """What is wrong with the declaration by itself."""
    if column(name) is not None:
        return "which is one of ours in schemas/columns; give it another name"
    if name in RESERVED:
        return "a name that rows use for themselves; give it another name"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return "which can't be a name: take small letters, digits and _, a letter first"
    if not isinstance(one.type, pa.DataType):
        return f"whose type is {one.type!r}, not an Arrow type such as pa.string()"
    if one.step is not None and not one.step > 0:
        return f"whose step is {one.step:g}; take a number above 0, or None for a measure that isn't counted"
    if one.role not in _TYPES:
        return f"with the role '{one.role}'; {nearest(one.role, _TYPES)}"
    words, fits = _TYPES[one.role]
    return "" if fits(one.type) else f"whose role is '{one.role}', so its type must be {words}, not {one.type}"
