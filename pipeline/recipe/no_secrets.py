"""No key, token or password stands in a recipe or its prompts: runs, manifests and cards repeat them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.secrets import Secrets, secrets_here
from voxsmith.schemas.prompt import Prompt
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.recipe_file import Overrides, read_yaml

_ADVICE = (
    "a recipe holds no keys and no passwords, because manifests and cards repeat it: put them into the environment "
    "(HF_TOKEN, AWS_ACCESS_KEY_ID, or the variable that api_key_env names)"
)


def check_no_secret(recipe: Recipe, path: str) -> None:
    """Raises RecipeError, which says where one stands and never what it is."""
    _refuse(secrets_of(recipe), recipe.model_dump(mode="json"), path)


def check_raw(recipe: Any, overrides: Overrides) -> None:
    """The same for what is no recipe: the path of a file, or keys; and values that were to be put into it."""
    secrets, path = secrets_here(), "recipe"
    values = overrides if isinstance(overrides, Mapping) else dict(line.partition("=")[::2] for line in overrides)
    _refuse(secrets, values, "--set")
    if isinstance(recipe, str | os.PathLike):
        path = os.fspath(recipe)
        with suppress(RecipeError):
            recipe = read_yaml(path)
    if isinstance(recipe, Mapping):
        _refuse(secrets, recipe, path)


def _refuse(secrets: Secrets, value: Any, where: str) -> None:
    if lines := [f"{where}: {place}: holds {kind}; {_ADVICE}" for place, kind in secrets.within(value)]:
        raise RecipeError(*lines)


def check_prompts(graph: Graph, path: str) -> None:
    """The same for the files of prompts."""
    secrets, lines = secrets_of(graph.recipe), []
    for node in graph.nodes.values():
        for name, prompt in node.config:
            if isinstance(prompt, Prompt) and (kind := secrets.kind_in(prompt.text)):
                where = next((n for n, line in enumerate(prompt.text.splitlines(), 1) if secrets.kind_in(line)), 1)
                file = f"{prompt.path}, line {where}"
                lines.append(f"{path}: stages.{node.name}.{name}: {file}: holds {kind}; {_ADVICE}")
    if lines:
        raise RecipeError(*lines)


def secrets_of(recipe: Recipe) -> Secrets:
    """The secrets of this process that the recipe's engines may use among them."""
    named = (engine.get("api_key_env") for engine in recipe.engines.values())
    return secrets_here(name for name in named if isinstance(name, str))
