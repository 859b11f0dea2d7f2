"""Whether an engine's reply is what its request declares: looked at once, where the reply comes in, whoever wrote the backend."""

from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from voxsmith.stages.requests.base import Request

_NUMBERS = {int: Integral, float: Real}  # NumPy's are numbers, too


def misfit(request: Request, reply: Any) -> str:
    """What is wrong with the reply, for people; "" where it is of the declared class, its fields have their declared types,
    and it packs where it is to be kept.
    """
    wanted, asked = request.reply, type(request).__name__
    if not isinstance(reply, wanted):
        return f"'{type(reply).__name__}' in reply to {asked}, which wants {wanted.__name__}"
    for name, kind in _kinds(wanted).items():
        if not _is(getattr(reply, name), kind):
            return f"{wanted.__name__} with a {name} of type '{type(getattr(reply, name)).__name__}'"
    if request.kept:
        try:
            packed: Any = reply.pack()
        except Exception as error:
            return f"{wanted.__name__} that doesn't pack: {error}"
        if not isinstance(packed, bytes):
            return f"{wanted.__name__} that packs to '{type(packed).__name__}'"
    return ""


def _kinds(reply: type[Any]) -> dict[str, Any]:
    """The declared type of each field; none where they can't be known, as of a class that isn't a dataclass."""
    if not is_dataclass(reply):
        return {}
    try:
        hints = get_type_hints(reply)
    except Exception:  # a name that only type checkers import
        return {}
    return {field.name: hints[field.name] for field in fields(reply)}


def _is(value: Any, kind: Any) -> bool:
    """Whether the value is of the kind, as far as `isinstance` can say: not what is in a list."""
    if get_origin(kind) in (Union, UnionType):
        return any(_is(value, one) for one in get_args(kind))
    kind = _NUMBERS.get(kind) or get_origin(kind) or kind
    try:
        return isinstance(value, kind)
    except TypeError:  # Any, Literal, a protocol
        return True
