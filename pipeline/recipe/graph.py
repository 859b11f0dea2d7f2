"""The DAG of a recipe: it is written nowhere, it follows from the columns that stages read and write."""

import re
from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from pipeline.errors import RecipeError
from pipeline.recipe.columns import collect
from pipeline.recipe.load import explain_errors
from pipeline.recipe.nodes import SOURCE, Engine, Graph, Node
from pipeline.recipe.voices import with_voices
from pipeline.sources import given_columns
from pipeline.sources.overrides import METHODS, TEXTS, read_overrides
from schemas.columns import PER_ATTEMPT, ROW_COLUMNS, SIDES, column
from schemas.names import closest, nearest
from schemas.paths import beside
from schemas.prompt import Prompt
from schemas.recipe import Recipe
from stages.registry import BACKENDS, STAGES, backend, stage
from stages.stage import Stage

# What stages write, for advice when a column is missing: columns, or what they are called on either side.
_WRITE = {
    "rewrite": ("query_text", "query_method", "query_attempts"),
    "respond": ("answer_text", "answer_method", "answer_attempts"),
    "normalise": ("spoken",),
    "speak": ("audio_1", "voice_1"),
    "listen": ("heard_1", "wer_1", "cer_1", "duration_1", "silence_1", "clipping_1", "tail_1"),
    "rate": ("mos_1",),
    "pick": PER_ATTEMPT,
    "recognise": ("similarity",),
    "units": ("units", "unit_durations"),
}


def build_graph(recipe: Recipe, path: str) -> Graph:
    """The recipe's stages and engines, checked against each other. Raises RecipeError with a line for each mistake."""
    problems: list[str] = []
    engines = dict(_engines(recipe, path, problems))
    nodes = list(_nodes(recipe, engines, path, problems))
    if problems:
        raise RecipeError(*problems)
    columns, wrong = collect({node.name: node.stage for node in nodes})
    problems += [f"{path}: {line}" for line in wrong]
    given = {name for source in recipe.sources.values() for name in given_columns(source)}
    keeps = given | {*TEXTS, *METHODS} if recipe.overrides else given
    owners = dict.fromkeys((*ROW_COLUMNS, *given), SOURCE)
    for index, node in enumerate(nodes):
        taken: dict[str, list[str]] = {}
        for name in (*node.writes, *([node.stage.fits] if node.stage.fits else [])):
            other = owners.get(name)
            if other not in (None, SOURCE) or name in ROW_COLUMNS:
                taken.setdefault(str(other), []).append(f"'{name}'")
            owners[name] = node.name
        for other, names in taken.items():
            told = "; two stages never write one column"
            problems.append(f"{path}: stages.{node.name}: writes {', '.join(names)}, and so does {other}{told}")
        nodes[index] = replace(node, given=tuple(name for name in node.writes if name in keeps), columns=columns)
        for name in node.writes:
            if column(name, columns) is None:
                told = f"writes '{name}', which is no column; declare it in the stage's `columns`"
                problems.append(f"{path}: stages.{node.name}: {told}; {nearest(name, columns)}")
    for node in nodes:
        for name in (*node.reads, *node.artifacts):
            if name not in owners and getattr(node.config, "attempt", 1) == 1:
                written = list(owners) if column(name, columns) else [*owners, *columns]
                told = f"reads '{name}', which no stage writes and no source gives"
                problems.append(f"{path}: stages.{node.name}: {told}; {_writers(name) or nearest(name, written)}")
    for side in SIDES:
        if f"{side}_audio_1" in owners and f"{side}_audio" not in owners:
            told = f"its clips would reach no dataset; add a stage pick (of: {side})"
            problems.append(f"{path}: stages.{owners[f'{side}_audio_1']}: {told}")
    if problems:
        raise RecipeError(*problems)
    if recipe.overrides:
        read_overrides(recipe.overrides, owners)
    graph = Graph({node.name: node for node in nodes}, engines, owners, recipe, columns)
    try:
        order = list(TopologicalSorter({node.name: graph.parents(node) for node in nodes}).static_order())
    except CycleError as error:
        raise RecipeError(f"{path}: stages: a cycle: {' -> '.join(error.args[1])}") from None
    return replace(graph, nodes={name: graph.nodes[name] for name in order})


def _writers(name: str) -> str:
    """Which stages of ours would write the column, as advice."""
    name = re.sub(r"_\d+$", "_1", name)
    side, _, base = name.partition("_")
    for kind, written in _WRITE.items():
        if name in written or base in written:
            return f"add a stage {kind}" + (f" (of: {side})" if base in written else "")
    return ""


def _engines(recipe: Recipe, path: str, problems: list[str]) -> Iterator[tuple[str, Engine]]:
    for name, entry in recipe.engines.items():
        settings = dict(entry)
        kind = settings.pop("backend", None)
        where = f"{path}: engines.{name}"
        if kind is None:
            meant = closest("backend", settings)
            told = f"; '{meant}' is none of the keys" if meant else f"; {nearest('', BACKENDS)}"
            problems.append(f"{where}.backend: this key is needed{told}")
            continue
        if kind not in BACKENDS:
            problems.append(f"{where}.backend: no engine backend '{kind}'; {nearest(str(kind), BACKENDS)}")
            continue
        model = backend(kind).Config
        try:
            yield name, Engine(name, kind, model.model_validate(settings, context=beside(path)))
        except ValidationError as error:
            problems.extend(explain_errors(error, model, path, settings, ("engines", name)))


def _nodes(recipe: Recipe, engines: dict[str, Engine], path: str, problems: list[str]) -> Iterator[Node]:
    attempts = {
        (entry or {}).get("of"): (entry or {}).get("attempts", 1)
        for name, entry in recipe.stages.items()
        if (entry or {}).get("stage", name) == "speak"
    }
    for name, entry in recipe.stages.items():
        settings = dict(entry or {})
        kind = settings.pop("stage", name)
        engine = settings.pop("engine", None)
        where = f"{path}: stages.{name}"
        if kind not in STAGES:
            others = [other for other in recipe.stages if other != name]  # a key given with --set, misspelt
            problems.append(f"{where}: no stage '{kind}'; {nearest(str(kind), [*STAGES, *others])}")
            continue
        declared = stage(kind)
        if not _engine_fits(declared, engine, recipe, engines, where, problems):
            continue
        fields = declared.config.model_fields
        tries = attempts.get(settings.get("of"), 1)
        if "attempts" in fields and "of" in fields and isinstance(tries, int):
            settings["attempts"] = tries
        settings, told = with_voices(settings, fields, engines.get(engine or ""), where)
        if told:
            problems.append(told)
            continue
        for attempt in range(1, tries + 1 if "attempt" in fields and isinstance(tries, int) else 2):
            if "attempt" in fields:
                settings["attempt"] = attempt
            try:
                config = declared.config.model_validate(settings, context=beside(path))
            except ValidationError as error:
                problems.extend(explain_errors(error, declared.config, path, settings, ("stages", name)))
                break
            group = declared.checks(config)
            checks = getattr(recipe.checks, group) if group else None
            if attempt == 1:
                _check_prompt(declared, config, where, problems)
                found = engines.get(engine or "")
                if found and (told := declared.objects(config, found.module, found.config)):
                    problems.append(f"{where}: {told}")
            yield Node(name if attempt == 1 else f"{name}_{attempt}", kind, config, checks, engine)


def _engine_fits(
    declared: Stage, engine: Any, recipe: Recipe, engines: dict[str, Engine], where: str, problems: list[str]
) -> bool:
    """Whether the stage got an engine of the kind that it asks."""
    if declared.engine is None:
        if engine is not None:
            problems.append(f"{where}.engine: the stage '{declared.name}' asks no engine; leave this key out")
        return engine is None
    if engine not in recipe.engines:
        fitting = [name for name, found in engines.items() if declared.engine == found.module.KIND]
        told = f"no engine '{engine}'" if engine else f"this key is needed (an engine of kind {declared.engine})"
        problems.append(f"{where}.engine: {told}; {nearest(str(engine), fitting)}")
        return False
    if engine in engines and (kind := engines[engine].module.KIND) != declared.engine:
        problems.append(
            f"{where}.engine: '{engine}' is an engine of kind {kind}; the stage asks one of {declared.engine}"
        )
        return False
    return engine in engines


def _check_prompt(declared: Stage, config: Any, where: str, problems: list[str]) -> None:
    for field, prompt in config:
        if not isinstance(prompt, Prompt):
            continue
        used = prompt.variables()
        for name in set(used) - set(declared.prompt_variables):
            problems.append(
                f"{where}.{field}: {prompt.path} uses the variable '{name}', which the stage doesn't give; "
                + nearest(name, declared.prompt_variables)
            )
        if not used:
            given = ", ".join(declared.prompt_variables)
            told = "uses no variable, so every row would be asked the same"
            problems.append(f"{where}.{field}: {prompt.path} {told}; the stage gives {given}")
