"""From a recipe file to a validated recipe, of a corpus or of a training run."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from voxsmith.schemas.errors import RecipeError
from voxsmith.schemas.keys import is_like_another, shown
from voxsmith.schemas.names import nearest
from voxsmith.schemas.paths import beside
from voxsmith.schemas.plain import plain
from voxsmith.schemas.yaml_text import DEEPEST, LONGEST, NotYaml, read

# Values by key path: {"a.b.c": value}, or lines "a.b.c=value", whose values are YAML.
Overrides = Mapping[str, Any] | Iterable[str]
M = TypeVar("M", bound=BaseModel)
_SHOWN = 80  # characters of a value or of a `--set` that a message repeats
_MOST_TOLD = 50  # mistakes of one part of a recipe


def checked(
    model: type[M], given: Mapping[str, Any], path: str, overrides: Overrides = (), profile: str | None = None
) -> M:
    """The recipe, a `model`, that these keys are, with the profile's values, then the overrides. `path` is how messages
    name the recipe. Raises RecipeError.
    """
    raw: dict[str, Any] = plain(given, path)
    profiles = raw.pop("profiles", None) or {}
    if not isinstance(profiles, dict) or not all(isinstance(values, dict) for values in profiles.values()):
        raise RecipeError(f"{path}: profiles: write them as {{name: {{a.b.c: value}}}}")
    if profile is not None and profile not in profiles:
        raise RecipeError(f"{path}: no profile '{_shortened(profile)}'; {nearest(profile, profiles)}")
    for key, value in profiles.get(profile, {}).items():
        _put(path, raw, key, value, f"profiles.{profile}.{key}")
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            _put(path, raw, str(key), plain(value, path, f"overrides: {key}"), f"overrides: {key}")
    else:
        for override in overrides:
            _override(path, raw, override)
    try:
        return model.model_validate(raw, context=beside(path))
    except ValidationError as error:
        raise RecipeError(*explain_errors(error, model, path, raw)) from None


def read_yaml(path: str) -> dict[str, Any]:
    """The keys of the recipe file. Raises RecipeError."""
    file = Path(path)
    if not os.path.isfile(path):
        what = "is a folder, not a recipe" if file.is_dir() else "no such recipe"
        folders = {file if file.is_dir() else file.parent, Path("configs")}
        near = {str(one) for folder in folders for one in folder.glob("*.yaml") if one.name != "ray_cluster.yaml"}
        advice = nearest(path, near) if near else "`voxsmith new` lists those that you can start from"
        raise RecipeError(f"{path}: {what}; {advice}")
    try:
        raw = read(_text_of(file))
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise RecipeError(f"{path}: can't be read: {error.strerror}") from None
    except NotYaml as error:
        line = f", line {error.line}" if error.line else ""
        raise RecipeError(f"{path}{line}: not YAML: {error.message}") from None
    if not isinstance(raw, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys (name, sources, stages, …)")
    return raw


def _text_of(file: Path) -> str:
    with file.open(encoding="utf-8") as stream:
        return stream.read(LONGEST + 1)


def _override(path: str, raw: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    who = f"--set {_shortened(override)}"
    if not sign or not key:
        raise RecipeError(f"{who}: write it as a.b.c=value")
    try:
        value = read(text)
    except NotYaml as error:
        raise RecipeError(f"{who}: the value is not YAML: {error.message}") from None
    _put(path, raw, key, plain(value, path, key), who)


def _put(path: str, raw: dict[str, Any], key: str, value: Any, who: str) -> None:
    """Set the key at a.b.c; what stood there is replaced whole."""
    place: Any = raw
    *parents, last = key.split(".")
    if len(parents) > DEEPEST:
        raise RecipeError(f"{path}: {who}: a key path has at most {DEEPEST} parts")
    for number, part in enumerate(parents, 1):
        if place.get(part) is None:
            place[part] = {}
        place = place[part]
        if not isinstance(place, dict):
            raise RecipeError(f"{path}: {who}: '{'.'.join(parents[:number])}' holds no keys")
    place[last] = value


def explain_errors(
    error: ValidationError, model: type[BaseModel], path: str, raw: Any, prefix: tuple[str, ...] = ()
) -> Iterator[str]:
    """One line for each thing that pydantic found: file, key path, what is wrong, the nearest valid name."""
    for mistake in islice(error.errors(), _MOST_TOLD):
        location = [
            str(part) for part in mistake["loc"] if part != "[key]"
        ]  # which pydantic adds where the key is wrong
        where = ".".join([*prefix, *location])
        if mistake["type"] == "extra_forbidden":
            known = _fields_at(model, location[:-1])
            yield f"{path}: {where}: unknown key; {nearest(location[-1], known)}"
        elif mistake["type"] == "missing":
            yield f"{path}: {where}: this key is needed"
        else:
            message = re.sub(r"^(Value error|Assertion failed), ", "", mistake["msg"])
            given = mistake.get("input")
            # An address may hold a password, and is never shown.
            is_short = isinstance(given, str | int | float | bool) and len(str(given)) <= _SHOWN
            shown = is_short and "://" not in str(given)
            if mistake["type"] in ("tuple_type", "list_type"):
                message = f"a list is wanted, [{given}] say" if shown else "a list is wanted"
            value = f" (it is {given!r})" if shown and "'" not in message and str(given) not in message else ""
            yield f"{path}: {where or 'recipe'}: {message[0].lower()}{message[1:]}{value}"
    if (more := error.error_count() - _MOST_TOLD) > 0:
        yield f"{path}: {more} more mistakes like these"


def _fields_at(model: Any, location: list[str]) -> list[str]:
    """Names of the keys that may stand at `location` inside `model`."""
    for part in location:
        fields: Mapping[str, Any] = getattr(model, "model_fields", {})
        model = _model_in(fields[part].annotation) if part in fields else model
    return [
        shown(name, field) for name, field in getattr(model, "model_fields", {}).items() if not is_like_another(field)
    ]


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (inner := _model_in(argument)) is not None:
            return inner
    return None


def _shortened(text: str) -> str:
    return f"{text[:_SHOWN]}{'…' * (len(text) > _SHOWN)}"
