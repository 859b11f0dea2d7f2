"""Which keys a recipe may have, read off the models that check it: what each takes, what it is if not given."""

from collections.abc import Collection, Iterator
from inspect import isclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.terminal import console
from voxsmith.schemas.names import nearest
from voxsmith.schemas.prompt import Prompt
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.strict import Strict
from voxsmith.stages.registry import backend, backend_names, stage, stage_names

PARTS = ("sources", "checks", "export", "rates")  # of a recipe, whose keys are many
_TABLE = 110  # columns of a terminal, from which on four of a table have room
_BOUNDS: dict[type, str] = {Ge: ">=", Gt: ">", Le: "<=", Lt: "<"}


class Key(NamedTuple):
    name: str
    takes: str
    default: str
    meaning: str


def names() -> dict[str, list[str]]:
    """What `keys_of` knows, by kind."""
    return {"parts": ["recipe", *PARTS], "stages": stage_names(), "backends": backend_names()}


def keys_of(name: str) -> list[Key]:
    """The keys of a part of a recipe, of a stage or of an engine's backend. Raises RecipeError where it is none of them."""
    if name == "recipe":
        return [key for key in _keys(Recipe) if key.name.split(".")[0] not in PARTS]
    if name in PARTS:
        return [key for key in _keys(Recipe) if key.name.split(".")[0] == name]
    if name in stage_names():
        declared = stage(name)
        common = [Key("stage", "text", "the name it has in the recipe", f"which stage this is: {name}")]
        if declared.engine:
            common.append(Key("engine", "text", "needed", f"one of the recipe's engines of the kind {declared.engine}"))
        return [*common, *_keys(declared.config, left_out=declared.from_pipeline)]
    if name in backend_names():
        return [
            Key("backend", name, "needed", backend(name).about),
            *_keys(backend(name).config),
        ]
    known = [known for group in names().values() for known in group]
    raise RecipeError(f"there are no keys of '{name}'; {nearest(name, known)}")


def _keys(model: type[BaseModel], prefix: str = "", left_out: Collection[str] = ()) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        inner, each = _model_in(field.annotation)
        if name in left_out:
            continue
        if inner:
            yield from _keys(inner, f"{prefix}{name}.{'NAME.' if each else ''}")
        else:
            yield Key(f"{prefix}{name}", _takes(field), _default(field), field.description or "")


def _model_in(kind: Any) -> tuple[type[Strict] | None, bool]:
    """The model that the key's value is, and whether there are several, each with a name of its own."""
    several = get_origin(kind) is dict
    one = get_args(kind)[1] if several else kind
    return (one, several) if isclass(one) and issubclass(one, Strict) and one is not Prompt else (None, several)


def _takes(field: FieldInfo) -> str:
    bounds = [f"{sign} {getattr(limit, sign_name):g}" for limit in field.metadata for sign, sign_name in _bound(limit)]
    return " ".join([_words(field.annotation), *bounds])


def _bound(limit: Any) -> Iterator[tuple[str, str]]:
    for kind, sign in _BOUNDS.items():
        if isinstance(limit, kind):
            yield sign, kind.__name__.lower()


def _words(kind: Any) -> str:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
    origin, inside = get_origin(kind), get_args(kind)
    if kind in plain:
        return plain[kind]
    if origin is Annotated:
        return _words(inside[0])
    if kind is Prompt:
        return "a template's path"
    if origin is Literal:
        return " | ".join(map(str, inside))
    if origin in (Union, UnionType):
        return " | ".join(_words(one) for one in inside if one is not NoneType)
    if origin in (tuple, list, frozenset):
        return f"[{_words(inside[0])}, …]"
    if origin is dict:
        return f"{{{_words(inside[0])}: {_words(inside[1])}}}"
    if isclass(kind) and issubclass(kind, BaseModel):
        return f"{{{', '.join(kind.model_fields)}}}"
    return str(getattr(kind, "__name__", kind))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple | list):
        return f"[{', '.join(map(str, default))}]"
    return "-" if default in (None, "", {}) else str(default)


def print_keys(name: str | None) -> None:
    """The keys as a table; without a name, what there is to ask about. Raises RecipeError as `keys_of` does."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    screen = console()
    if name is None:
        for kind, group in names().items():
            screen.print(f"{kind + ':':<10}{' '.join(group)}")
        screen.print("the keys of one of these: voxsmith keys NAME")
        return
    keys = keys_of(name)
    if screen.width < _TABLE:
        for key in keys:  # the name is what is looked up: it is never cut
            default = key.default if key.default == "needed" else f"if not given: {key.default}"
            screen.print(Text(key.name, style="bold"), soft_wrap=True)
            screen.print(Padding(f"{key.meaning}\n{key.takes}; {default}", (0, 0, 0, 4)))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("key", no_wrap=True)
    for column in ("takes", "if not given", "what it is"):
        table.add_column(column, overflow="fold")
    for key in keys:
        table.add_row(*key)
    screen.print(table)
