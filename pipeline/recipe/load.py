"""From a recipe file to a validated recipe. What the outer shape can be wrong in is found here, before anything runs."""

from collections.abc import Mapping
from typing import Any

from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.recipe_file import Overrides, checked, read_yaml


def load_recipe(path: str, overrides: Overrides = (), profile: str | None = None) -> Recipe:
    """The recipe in the file `path`, with the profile's values, then the overrides. Raises RecipeError."""
    return check_recipe(read_yaml(path), path, overrides, profile)


def check_recipe(given: Mapping[str, Any], path: str, overrides: Overrides = (), profile: str | None = None) -> Recipe:
    """The same of a recipe that is given as keys; `path` is how messages name it. Raises RecipeError."""
    return checked(Recipe, given, path, overrides, profile)
