"""What must be there before anything runs: models, and a store that outlives the job."""

import os
import re
from collections.abc import Iterable, Iterator

from voxsmith.models import references
from voxsmith.models.optional import lacking
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.recipe.nodes import Engine, Graph
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.version import check_version
from voxsmith.schemas.recipe import Recipe

# What fsspec opens and isn't shared by processes, or can't be written to.
NO_STORES = (
    "memory", "data", "reference", "http", "https", "zip", "tar", "libarchive", "git", "github", "gist", "jupyter",
    "filecache", "simplecache", "blockcache", "cached", "root", "dir",
)  # fmt: skip


def check_store(graph: Graph, path: str, keep: bool = False) -> Store:
    """The recipe's store; `keep`: it is going to be written to.

    Raises RecipeError where it can't be opened or read, or would lie in a submitted job's throw-away folder.
    """
    store = graph.recipe.store
    check_places(graph.recipe, path)
    throw_away = os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR") and "://" not in store and not os.path.isabs(store)
    try:
        opened = Store(store)
        check_version(opened, path, keep and not throw_away)
    except RecipeError:
        raise
    except Exception as error:  # fsspec opens many kinds of address, each with errors of its own
        why = " ".join(str(error).split()) or type(error).__name__
        raise RecipeError(f"{path}: store: can't be opened: {why}") from None
    if throw_away:
        raise RecipeError(
            f"{path}: store: '{store}' is relative, and a submitted job's folder is thrown away; "
            f"give an absolute path or a URL, say --set store=s3://bucket/{store}"
        )
    return opened


def check_places(recipe: Recipe, path: str) -> None:
    """Raises RecipeError where the store can't be one: it is a file, the folder of datasets, or gone with its process."""
    store = recipe.store
    kind, sign, _ = store.partition("://")
    if re.match(r"[a-z0-9]*:/", store) and not re.match(r"[a-z0-9]{2,}://", store):
        raise RecipeError(f"{path}: store: '{store[:80]}' is no address; one is written s3://bucket/store")
    if sign and (kind in NO_STORES or "::" in store):
        raise RecipeError(
            f"{path}: store: nothing can be kept in {kind}://; take a folder, or a URL such as s3://bucket/store"
        )
    if sign:
        return
    if os.path.lexists(store) and not os.path.isdir(store):
        raise RecipeError(f"{path}: store: {store} is no folder; name another in `store`")
    if os.path.realpath(store) == os.path.realpath(recipe.out):
        raise RecipeError(f"{path}: store: it is the same folder as `out`; give each a folder of its own")


def check_names(graph: Graph, path: str) -> None:
    """Raises RecipeError where an engine's model is none that there could be: a wrong name, a folder that isn't there."""
    lines = []
    for name, engine in graph.engines.items():
        try:
            _ = engine.identity
        except references.ModelMissing as error:
            lines.append(f"{path}: engines.{name}.{error.key or _key_at_fault(engine)}: {error}")
    if lines:
        raise RecipeError(*lines)


def _key_at_fault(engine: Engine) -> str:
    """The setting whose model has no identity."""
    for model in engine.backend.models(engine.config):
        try:
            references.identity(model)
        except references.ModelMissing:
            return _key_of(engine, model)
    return "model"


def _key_of(engine: Engine, model: str) -> str:
    """The setting that names the model."""
    return next((key for key, value in engine.config if value == model), "model")


def models_of(graph: Graph, engines: Iterable[str | None]) -> dict[str, str]:
    """Model reference -> the engine that wants it."""
    wanted: dict[str, str] = {}
    for name in engines:
        if name is not None:
            engine = graph.engines[name]
            wanted |= dict.fromkeys(engine.backend.models(engine.config), name)
    return wanted


def check_models(graph: Graph, path: str, engines: Iterable[str | None]) -> None:
    """Raises RecipeError with the command that gets a model which isn't there."""
    lines = []
    for model, engine in models_of(graph, engines).items():
        where = f"engines.{engine}.{_key_of(graph.engines[engine], model)}"
        try:
            if not references.available(model):
                command = f"voxsmith fetch {model}"
                lines.append(f"{path}: {where}: '{model}' isn't there; get it with: {command}")
        except references.ModelMissing as error:
            lines.append(f"{path}: {where}: {error}")
    if lines:
        raise RecipeError(*lines)


def lacking_packages(graph: Graph, stages: Iterable[str], elsewhere: bool = True) -> list[str]:
    """What to install before these stages of the recipe can run: a line for each, named by the first stage that needs it.
    `elsewhere`: in the interpreters that engines have of their own, too.
    """
    lines: dict[str, str] = {}
    for name in stages:
        node = graph.nodes[name]
        engine = graph.engines.get(node.engine or "")
        python = engine.config.resources.python if engine else ""
        if python and not elsewhere:
            continue
        extra = "" if python else node.stage.extra  # an engine's own environment gets what it lacks, and nothing else
        if advice := lacking("", extra, python, *node.stage.packages):
            lines.setdefault(advice, f"stages.{name}{advice}")
    return list(lines.values())


def check_packages(graph: Graph, path: str, stages: Iterable[str]) -> None:
    """Raises RecipeError where a stage's function would import a package that isn't there.

    What an interpreter of an engine's own has is known for certain only on the node that it is on.
    """
    if lines := lacking_packages(graph, stages, elsewhere=False):
        raise RecipeError(*(f"{path}: {line}" for line in lines))


def fetch_models(names: Iterable[str], profile: str | None = None) -> Iterator[tuple[str, str]]:
    """Get models into the cache folder, one by one as the iterator goes on; yields (reference, path) of each.

    A recipe's file name stands for all models that it needs. Raises RecipeError for a model that there isn't, RunFailed
    where one can't be had now.
    """
    wanted: dict[str, None] = {}
    for name in names:
        if name.endswith((".yaml", ".yml")):
            graph = build_graph(load_recipe(name, profile=profile), name)
            wanted |= dict.fromkeys(models_of(graph, graph.engines))
        else:
            wanted[name] = None
    for model in wanted:
        try:
            yield model, str(references.fetch(model))
        except references.NotNow as error:
            raise RunFailed(str(error)) from None
        except references.ModelMissing as error:
            raise RecipeError(str(error)) from None
