"""docs/training_keys.md: every key of a training recipe, read off the models that check it."""

from collections.abc import Iterator
from typing import Any, get_args

from voxsmith.schemas.keys import keys, keys_in_markdown
from voxsmith.schemas.strict import Strict
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.vocoder.recipe import VocoderRecipe

_HEAD = """# Keys of a training recipe

`python -m voxsmith.trainer keys` makes this page. The first column of each table is the path of a key. A recipe may
also have `profiles`: values for another machine, by a name that `--profile` takes.
"""
RECIPES: dict[str, type[Strict]] = {"Recipe": TrainRecipe, "Recipe of a vocoder": VocoderRecipe}


def page() -> str:
    """The whole page, which ends in a newline."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, recipe in RECIPES.items():
        parts = {name: part for name, field in recipe.model_fields.items() if (part := _part(field.annotation))}
        yield f"## {title}\n"
        yield from keys_in_markdown(key for key in keys(recipe) if key.name.split(".")[0] not in parts)
        for name, part in parts.items():
            yield f"### {name}\n"
            yield from keys_in_markdown(keys(part, f"{name}."))


def _part(kind: Any) -> type[Strict] | None:
    """The model that a key holds: alone, in a list, or where it isn't left out."""
    if isinstance(kind, type) and issubclass(kind, Strict):
        return kind
    return next((part for inside in get_args(kind) if (part := _part(inside))), None)
