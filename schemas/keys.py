"""The keys that a pydantic model takes, for pages and terminals: what each takes, what it is if not given."""

from collections.abc import Collection, Iterable, Iterator
from inspect import isclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voxsmith.schemas.among import Among
from voxsmith.schemas.strict import Strict

_BOUNDS: dict[type, str] = {Ge: ">=", Gt: ">", Le: "<=", Lt: "<"}


class Key(NamedTuple):
    name: str
    takes: str
    default: str
    meaning: str


def keys(model: type[BaseModel], prefix: str = "", left_out: Collection[str] = ()) -> Iterator[Key]:
    """All keys, the path of a key in another's value with dots; those `left_out` are not."""
    for name, field in model.model_fields.items():
        inner, each = _model_in(field.annotation)
        if name in left_out:
            continue
        if is_like_another(field):
            continue
        if inner:
            yield from keys(inner, f"{prefix}{name}.{'NAME.' if each else ''}")
        else:
            yield Key(f"{prefix}{shown(name, field)}", _takes(field), _default(field), field.description or "")


def shown(name: str, field: FieldInfo) -> str:
    """What stands for the key on a page: of keys that are alike but for a part of the name, one for all."""
    extra = field.json_schema_extra
    return str(extra.get("shown", name)) if isinstance(extra, dict) else name


def is_like_another(field: FieldInfo) -> bool:
    """Whether another key stands for this one on a page."""
    return isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("shown") == ""


def _model_in(kind: Any) -> tuple[type[Strict] | None, bool]:
    """The model that the key's value is, and whether there are several, each with a name of its own."""
    several = get_origin(kind) is dict
    one = get_args(kind)[1] if several else kind
    is_model = isclass(one) and issubclass(one, Strict) and not one.written_as
    return (one, several) if is_model else (None, several)


def _takes(field: FieldInfo) -> str:
    bounds = [f"{sign} {getattr(limit, sign_name):g}" for limit in field.metadata for sign, sign_name in _bound(limit)]
    return " ".join([_among(field.metadata) or _words(field.annotation), *bounds])


def _among(metadata: Iterable[Any]) -> str:
    return next((one.takes for one in metadata if isinstance(one, Among)), "")


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
        return _among(inside[1:]) or _words(inside[0])
    if isclass(kind) and issubclass(kind, Strict) and kind.written_as:
        return kind.written_as
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


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Lines of a table in Markdown, and an empty one."""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('<', '&lt;') for cell in row)} |"
    yield ""


def keys_in_markdown(some: Iterable[Key]) -> Iterator[str]:
    """Lines of the keys' table."""
    rows = [(f"`{key.name}`", key.takes, key.default, key.meaning) for key in some]
    yield from markdown_table(("key", "takes", "if not given", "what it is"), rows)
