"""The DAG of a recipe: it is written nowhere, it follows from the columns that stages read and write."""

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.after import with_after
from voxsmith.pipeline.recipe.build import build_engines, build_nodes
from voxsmith.pipeline.recipe.check import check_columns, check_declarations, check_sources, owners_of, with_given
from voxsmith.pipeline.recipe.columns import all_columns
from voxsmith.pipeline.recipe.kinds import check_kinds
from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.pipeline.sources.overrides import read_overrides
from voxsmith.schemas.recipe import Recipe


def build_graph(recipe: Recipe, path: str) -> Graph:
    """The recipe's stages and engines, checked against each other. Raises RecipeError with a line for each mistake.

    `path`: the recipe's file, for messages.
    """
    problems = Problems(path)
    engines = build_engines(recipe, problems)
    nodes = build_nodes(recipe, engines, problems)
    problems.raise_if_any()
    check_declarations(nodes, problems)
    problems.raise_if_any()
    columns = all_columns({node.name: node.stage for node in nodes}, problems)
    check_sources(recipe, columns, problems)
    owners = owners_of(recipe, nodes, problems)
    check_columns(recipe, nodes, owners, columns, problems)
    problems.raise_if_any()
    check_kinds(recipe, nodes, owners, columns, problems)
    problems.raise_if_any()
    if recipe.overrides:
        read_overrides(recipe.overrides, columns, owners)
    nodes = with_after(nodes, columns, problems)
    problems.raise_if_any()
    by_name = {node.name: replace(node, columns=columns) for node in with_given(recipe, nodes, columns)}
    graph = Graph(by_name, engines, owners, recipe, columns)
    try:
        order = list(TopologicalSorter({name: graph.parents(node) for name, node in by_name.items()}).static_order())
    except CycleError as error:
        raise RecipeError(f"{path}: stages: a cycle: {' -> '.join(error.args[1])}") from None
    return replace(graph, nodes={name: by_name[name] for name in order})
