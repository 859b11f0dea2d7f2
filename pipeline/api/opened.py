"""A recipe as the functions of `voxsmith.pipeline.api` take it: a file, a mapping or a `Recipe`; loaded, checked, with its store."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.export.in_the_way import check_folder
from voxsmith.pipeline.plan.origins import origin_of
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import check_recipe, load_recipe
from voxsmith.pipeline.recipe.no_secrets import check_no_secret, check_prompts, check_raw
from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.recipe.preflight import check_names, check_store
from voxsmith.pipeline.sources.inputs import list_shards
from voxsmith.pipeline.store.liveness import Mark, at_work
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.names import nearest
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.recipe_file import Overrides

NO_FILE = "RECIPE"  # stands in messages for a recipe that came from no file


@dataclass(frozen=True)
class Loaded:
    """A recipe that has been loaded, with its profile and overrides. `file`: as it was named; "" where there was none.
    `origin`: see `plan.origins`.
    """

    recipe: Recipe
    file: str = ""
    origin: str = ""

    @property
    def label(self) -> str:
        """How messages name the recipe."""
        return self.file or NO_FILE


RecipeLike = str | os.PathLike[str] | Mapping[str, Any] | Recipe | Loaded


def load(recipe: RecipeLike, overrides: Overrides = (), profile: str | None = None) -> Loaded:
    """Load and validate a recipe.

    `recipe`: the path of a YAML file, a mapping with the keys of one, or a recipe that is loaded already. `overrides`:
    values by key path, as a mapping `{"export.report_rows": 0}` or as lines `["export.report_rows=0"]`. `profile`: one
    of the recipe's `profiles`, which a loaded recipe no longer has. Raises RecipeError, for a recipe that holds a secret
    too.
    """
    try:
        loaded = _load(recipe, overrides, profile)
    except RecipeError:
        check_raw(recipe, overrides)  # a message about another mistake may quote the value
        raise
    if loaded is not recipe:
        check_no_secret(loaded.recipe, loaded.label)
    return loaded


def _load(recipe: RecipeLike, overrides: Overrides, profile: str | None) -> Loaded:
    if isinstance(recipe, Loaded | Recipe):
        loaded = recipe if isinstance(recipe, Loaded) else Loaded(recipe)
        if not overrides and profile is None:
            return loaded
        raw = loaded.recipe.model_dump(mode="json", exclude_unset=True)
        return Loaded(check_recipe(raw, loaded.label, overrides, profile), loaded.file, loaded.origin)
    if isinstance(recipe, Mapping):
        return Loaded(check_recipe(recipe, NO_FILE, overrides, profile))
    file = os.path.expanduser(os.fspath(recipe))
    return Loaded(load_recipe(file, overrides, profile), file, origin_of(file, profile))


@dataclass(frozen=True)
class Opened:
    """A recipe whose stages and engines are known to fit together, and its store."""

    graph: Graph
    store: Store
    label: str
    file: str
    origin: str

    @property
    def name(self) -> str:
        return self.graph.recipe.name

    def state(self, keep: bool, limit: int | None = None, refit: bool = False) -> State:
        """Where the recipe stands: sources are read as far as they have changed. `keep`: the store may be written."""
        if limit is not None and limit < 1:
            raise RecipeError(f"limit: {limit} is no number of rows; take 1 or more")
        shards = list_shards(self.graph.recipe, self.store, keep, limit, self.graph.columns)
        return State(self.graph, shards, self.store, refit, keep, limit is not None, self.file, self.origin)

    def selected(self, only: str | None, start: str | None) -> set[str]:
        """The stages to work on: `only` this one, or `start` and all that depend on it, or all."""
        if only is not None and start is not None:
            raise RecipeError("name one stage alone (only) or one to start from (start), not both")
        name = only if only is not None else start
        if name is None:
            return set(self.graph.nodes)
        self.check_stage(name)
        return {name} if only is not None else self.graph.below(name)

    def check_stage(self, name: str) -> None:
        if name not in self.graph.nodes:
            raise RecipeError(f"{self.label}: no stage '{name}'; {nearest(name, self.graph.nodes)}")

    def at_work(self, verb: str) -> AbstractContextManager[Mark]:
        """While this is on, `gc` leaves alone what the recipe's stages may need."""
        sources = self.graph.recipe.sources
        folders = [*self.graph.nodes, *(f"{kind}.{name}" for kind in ("source", "requests") for name in sources)]
        return at_work(self.store, f"{verb} {self.name}", folders)


def graph_of(loaded: Loaded) -> Graph:
    """The recipe's stages and engines. Raises RecipeError where they don't fit together."""
    graph = build_graph(loaded.recipe, loaded.label)
    check_names(graph, loaded.label)
    check_prompts(graph, loaded.label)
    return graph


def open_recipe(loaded: Loaded, keep: bool = False, folder: Path | None = None) -> Opened:
    """The recipe with its store. `keep`: the store is going to be written to; `folder`: where an export of it goes, which is
    checked before all else. Raises RecipeError.
    """
    if folder is not None:
        check_folder(loaded.recipe, loaded.label, folder)
    graph = graph_of(loaded)
    return Opened(graph, check_store(graph, loaded.label, keep), loaded.label, loaded.file, loaded.origin)
