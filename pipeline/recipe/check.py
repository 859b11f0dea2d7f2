"""Whether a recipe's stages fit together: each column is known, has one writer, and is there for those who read it."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pyarrow as pa

from voxsmith.pipeline.recipe.kinds import whose_clips
from voxsmith.pipeline.recipe.nodes import SOURCE, Node
from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.pipeline.sources import given_columns
from voxsmith.pipeline.sources.overrides import method_of, overridable
from voxsmith.schemas.among import names_of
from voxsmith.schemas.columns import GROUPS, ROW_COLUMNS, Column, column, full_name
from voxsmith.schemas.languages import LANGUAGES
from voxsmith.schemas.names import nearest
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.speech import PLACES
from voxsmith.stages.registry import STAGES, stage


def check_declarations(nodes: Iterable[Node], problems: Problems) -> None:
    """That what stages declare are tuples of names: a single name in brackets is a text, which is read letter by letter."""
    for node in nodes:
        for field in ("reads", "writes", "optional"):
            names = getattr(node, field)
            if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
                message = f"its `{field}` gives {names!r}, not a tuple of columns; write ('name',) for one"
                problems.add(f"stages.{node.name}", message)


def owners_of(recipe: Recipe, nodes: Iterable[Node], problems: Problems) -> dict[str, str]:
    """Who writes each column and artifact: a node's name, or SOURCE. Two writers of one are a problem."""
    tasks = any(source.has_tasks for source in recipe.sources.values())
    rows = [name for name, one in ROW_COLUMNS.items() if tasks or one.role != "written"]
    flags = ["duplicate_of"] if recipe.duplicates and recipe.duplicates.action == "flag" else []
    owners = dict.fromkeys((*rows, *_given(recipe), *flags), SOURCE)
    for node in nodes:
        taken: dict[str, list[str]] = {}
        for name in (*node.writes, *([node.stage.fits] if node.stage.fits else [])):
            other = owners.get(name)
            if other not in (None, SOURCE) or (other == SOURCE and name in ROW_COLUMNS):
                taken.setdefault(str(other), []).append(f"'{name}'")
            owners[name] = node.name
        for other, names in taken.items():
            message = f"writes {', '.join(names)}, and so does {other}; two stages never write one column"
            problems.add(f"stages.{node.name}", message)
    return owners


def check_sources(recipe: Recipe, columns: Mapping[str, Column], problems: Problems) -> None:
    """Columns that a source gives and nobody knows, or that it can't give."""
    may = [name for name, one in columns.items() if one.given]
    for source, entry in recipe.sources.items():
        for name in entry.columns:
            if entry.is_speech and name in PLACES:
                continue
            one = columns.get(name)
            where = f"sources.{source}.columns"
            if one is None:
                known = [*may, *PLACES] if entry.is_speech else may
                problems.add(where, f"'{name}' is no column; {nearest(name, known)}")
            elif not one.given:
                problems.add(where, f"'{name}' is made by a stage, not given; {nearest(name, may)}")
            elif one.role == "audio":
                problems.add(where, f"'{name}': clips can't be read from a source yet; leave this column out")
            elif not (one.type == pa.string() or pa.types.is_integer(one.type) or pa.types.is_floating(one.type)):
                problems.add(where, f"'{name}' is of the type {one.type}; a source gives texts and numbers alone")


def with_given(recipe: Recipe, nodes: Iterable[Node], columns: Mapping[str, Column]) -> list[Node]:
    """The nodes, which pass over rows that have what they write from a source or from a person."""
    texts = overridable(columns) if recipe.overrides else ()
    keeps = {*_given(recipe), *texts, *map(method_of, texts)}
    return [replace(node, given=tuple(name for name in node.writes if name in keeps)) for node in nodes]


def check_columns(
    recipe: Recipe,
    nodes: Iterable[Node],
    owners: dict[str, str],
    columns: Mapping[str, Column],
    problems: Problems,
) -> None:
    """Columns that nobody knows, that nobody writes, and clips that would reach no dataset."""
    for node in nodes:
        where = f"stages.{node.name}"
        for name in node.writes:
            if column(name, columns) is None:
                message = f"writes '{name}', which is no column; declare it in the stage's `columns`"
                problems.add(where, f"{message}; {nearest(name, columns)}")
        for name in node.reads:
            if name not in owners and getattr(node.config, "attempt", 1) <= 1:
                written = list(owners) if column(name, columns) else [*owners, *columns]
                advice = whose_clips(name, node, recipe) or _writers(name, owners) or nearest(name, written)
                problems.add(where, f"reads '{name}', which no stage writes and no source gives; {advice}")
        for name in node.artifacts:
            if name not in owners:
                advice = _fits(name) or nearest(name, owners)
                problems.add(where, f"needs '{name}', which no stage fits; {advice}")
    for group in GROUPS:
        first = full_name(group, "audio", 1)
        if first in owners and full_name(group, "audio") not in owners:
            message = f"its clips would reach no dataset; add a stage pick (of: {group})"
            problems.add(f"stages.{owners[first]}", message)


def _given(recipe: Recipe) -> set[str]:
    return {name for source in recipe.sources.values() for name in given_columns(source)}


def _fits(artifact: str) -> str:
    """Which stage of ours would fit the artifact, as advice; "" where none would."""
    kind = next((kind for kind in STAGES if stage(kind).fits == artifact), "")
    return f"add a stage {kind}" if kind else ""


def _writers(name: str, owners: Collection[str] = ()) -> str:
    """Which stage of ours would write the column, as advice: best one that would find there what it reads. "" where none would."""
    best = ""
    name = re.sub(r"_\d+$", "_1", name)
    for kind in STAGES:
        declared = stage(kind)
        fields = declared.config.model_fields
        # The settings by which columns are called.
        choices = {"of": _choices(fields["of"])} if "of" in fields else {}
        if "to" in fields:
            choices["to"] = tuple(LANGUAGES)
        if "candidates" in fields:
            choices["candidates"] = (1, 2)
        if "choose" in fields:
            choices["choose"] = (False, True)
        if "attempt" in declared.from_pipeline:
            choices["attempt"] = (1,) if kind == "speak" else (0, 1)
        for values in product(*choices.values()):
            given = dict(zip(choices, values, strict=True))
            config = declared.config.model_construct(None, **given)
            if name in declared.writes(config):
                named = [f"{key}: {value}" for key, value in given.items() if key != "attempt"]
                advice = f"add a stage {kind}" + (f" ({', '.join(named)})" if named else "")
                if all(one in owners for one in declared.reads(config)):
                    return advice
                best = best or advice
    return best


def _choices(field: Any) -> tuple[Any, ...]:
    """What the setting may be, its default first."""
    names = names_of(field.metadata) or get_args(field.annotation)
    return (field.default, *names) if field.default in names else names
