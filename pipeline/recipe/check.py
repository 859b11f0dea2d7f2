"""Whether a recipe's stages fit together: each column is known, has one writer, and is there for those who read it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.recipe.nodes import SOURCE, Node
from pipeline.recipe.problems import Problems
from pipeline.sources import given_columns
from pipeline.sources.overrides import METHODS, TEXTS
from schemas.columns import ROW_COLUMNS, SIDES, Column, column
from schemas.names import nearest
from schemas.recipe import Recipe
from stages.registry import STAGES, stage


def owners_of(recipe: Recipe, nodes: Iterable[Node], problems: Problems) -> dict[str, str]:
    """Who writes each column and artifact: a node's name, or SOURCE. Two writers of one are a problem."""
    owners = dict.fromkeys((*ROW_COLUMNS, *_given(recipe)), SOURCE)
    for node in nodes:
        taken: dict[str, list[str]] = {}
        for name in (*node.writes, *([node.stage.fits] if node.stage.fits else [])):
            other = owners.get(name)
            if other not in (None, SOURCE) or name in ROW_COLUMNS:
                taken.setdefault(str(other), []).append(f"'{name}'")
            owners[name] = node.name
        for other, names in taken.items():
            message = f"writes {', '.join(names)}, and so does {other}; two stages never write one column"
            problems.add(f"stages.{node.name}", message)
    return owners


def with_given(recipe: Recipe, nodes: Iterable[Node]) -> list[Node]:
    """The nodes, which pass over rows that have what they write from a source or from a person."""
    keeps = _given(recipe) | ({*TEXTS, *METHODS} if recipe.overrides else set())
    return [replace(node, given=tuple(name for name in node.writes if name in keeps)) for node in nodes]


def check_columns(
    nodes: Iterable[Node], owners: dict[str, str], columns: Mapping[str, Column], problems: Problems
) -> None:
    """Columns that nobody knows, that nobody writes, and clips that would reach no dataset."""
    for node in nodes:
        where = f"stages.{node.name}"
        for name in node.writes:
            if column(name, columns) is None:
                message = f"writes '{name}', which is no column; declare it in the stage's `columns`"
                problems.add(where, f"{message}; {nearest(name, columns)}")
        for name in (*node.reads, *node.artifacts):
            if name not in owners and getattr(node.config, "attempt", 1) == 1:
                written = list(owners) if column(name, columns) else [*owners, *columns]
                advice = _writers(name) or nearest(name, written)
                problems.add(where, f"reads '{name}', which no stage writes and no source gives; {advice}")
    for side in SIDES:
        if f"{side}_audio_1" in owners and f"{side}_audio" not in owners:
            message = f"its clips would reach no dataset; add a stage pick (of: {side})"
            problems.add(f"stages.{owners[f'{side}_audio_1']}", message)


def _given(recipe: Recipe) -> set[str]:
    return {name for source in recipe.sources.values() for name in given_columns(source)}


def _writers(name: str) -> str:
    """Which stages of ours would write the column, as advice; "" where none would."""
    name = re.sub(r"_\d+$", "_1", name)
    for kind in STAGES:
        declared = stage(kind)
        sides = SIDES if "of" in declared.config.model_fields else (None,)
        for side in sides:
            config = declared.config.model_construct(None, **({"of": side} if side else {}))
            if name in declared.writes(config):
                return f"add a stage {kind}" + (f" (of: {side})" if side else "")
    return ""
