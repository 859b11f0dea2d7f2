"""From a recipe's entries to its engines, and to its stages as nodes: one for each attempt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voxsmith.pipeline.recipe.nodes import Engine, Node
from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.pipeline.recipe.voices import with_voices
from voxsmith.schemas.checks import section
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.names import closest, nearest
from voxsmith.schemas.paths import beside
from voxsmith.schemas.prompt import Prompt
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.recipe_file import explain_errors
from voxsmith.stages.registry import PartError, backend, backend_names, stage, stage_names
from voxsmith.stages.stage import Stage

_UNROLLED = range(1, 100)  # attempts; how many a stage takes at most its own settings say


@dataclass
class _Entry:
    """A stage as the recipe has it."""

    name: str
    kind: str
    declared: Stage
    engine: str | None
    after: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def where(self) -> str:
        return f"stages.{self.name}"

    @property
    def has_attempts(self) -> bool:
        """Whether it says itself how often it is tried."""
        return "attempts" in self.declared.config.model_fields and "attempts" not in self.declared.from_pipeline

    @property
    def chooses(self) -> bool:
        """Whether it takes one of the tries."""
        return "attempts" in self.declared.from_pipeline and not self.unrolls

    @property
    def unrolls(self) -> bool:
        """Whether it is a node for each attempt."""
        return "attempt" in self.declared.from_pipeline


def build_engines(recipe: Recipe, problems: Problems) -> dict[str, Engine]:
    """The recipe's engines, those with mistakes left out."""
    engines = {}
    for name, entry in recipe.engines.items():
        settings = dict(entry)
        kind = settings.pop("backend", None)
        where = f"engines.{name}"
        if kind is None:
            meant = closest("backend", settings)
            advice = f"'{meant}' is none of the keys" if meant else nearest("", backend_names())
            problems.add(f"{where}.backend", f"this key is needed; {advice}")
            continue
        if not isinstance(kind, str):
            problems.add(f"{where}.backend", "the name of a backend is wanted, or a module's dotted path")
            continue
        try:
            model = backend(kind).config
            if "roots" in model.model_fields:
                if "roots" in settings:
                    problems.add(f"{where}.roots", "the pipeline sets this key, from the sources; leave it out")
                    continue
                settings["roots"] = _roots(recipe)
            engines[name] = Engine(name, kind, model.model_validate(settings, context=beside(problems.path)))
        except PartError as error:
            problems.add(f"{where}.backend", str(error))
        except ValidationError as error:
            problems.lines.extend(explain_errors(error, model, problems.path, settings, ("engines", name)))
    return engines


def _roots(recipe: Recipe) -> dict[str, str]:
    """Where each source's clips lie: a URL, or a folder by its whole path, for actors may work elsewhere."""
    roots = {name: source.root for name, source in recipe.sources.items()}
    return {name: root if is_url(root) else str(Path(root).absolute()) for name, root in roots.items() if root}


def build_nodes(recipe: Recipe, engines: dict[str, Engine], problems: Problems) -> list[Node]:
    """The recipe's nodes, in its own order; those with mistakes are left out."""
    entries = list(_entries(recipe, problems))
    # Of each group whose clips are spoken here, and chosen by `pick`, how often; others have their clips as they are.
    attempts = {_text(entry.settings.get("of")): 1 for entry in entries if entry.chooses}
    attempts |= {
        _text(entry.settings.get("of")): entry.settings.get("attempts", 1)
        for entry in entries
        if entry.unrolls and entry.has_attempts
    }
    nodes: list[Node] = []
    for entry in entries:
        tries = attempts.get(_text(entry.settings.get("of")))
        if _engine_fits(entry, recipe, engines, problems):
            count = 0 if tries is None else tries if isinstance(tries, int) and tries in _UNROLLED else 1
            nodes += _nodes_of(entry, count, recipe, engines, problems)
    return nodes


def _entries(recipe: Recipe, problems: Problems) -> Iterator[_Entry]:
    for name, entry in recipe.stages.items():
        settings = dict(entry or {})
        kind = settings.pop("stage", name)
        engine = settings.pop("engine", None)
        after = settings.pop("after", [])
        if not isinstance(kind, str):
            problems.add(f"stages.{name}.stage", "the name of a stage is wanted, or a module's dotted path")
            continue
        if not isinstance(engine, str | None):
            problems.add(f"stages.{name}.engine", "the name of one of the recipe's engines is wanted")
            continue
        after = [after] if isinstance(after, str) else after
        if not isinstance(after, list) or not all(isinstance(one, str) for one in after):
            problems.add(f"stages.{name}.after", "the name of one of the recipe's stages is wanted, or a list of them")
            continue
        try:
            yield _Entry(name, kind, stage(kind), engine, tuple(dict.fromkeys(after)), settings)
        except PartError as error:
            if "." in kind:
                problems.add(f"stages.{name}", str(error))
                continue
            others = [other for other in recipe.stages if other != name]  # a key given with --set, misspelt
            problems.add(f"stages.{name}", f"no stage '{kind}'; {nearest(kind, [*stage_names(), *others])}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _nodes_of(
    entry: _Entry, tries: int, recipe: Recipe, engines: dict[str, Engine], problems: Problems
) -> Iterator[Node]:
    declared, settings = entry.declared, entry.settings
    for name in declared.from_pipeline:
        if name in settings:
            problems.add(f"{entry.where}.{name}", "the pipeline sets this key; leave it out")
            return
    engine = engines.get(entry.engine or "")
    settings, fault = with_voices(settings, declared.config.model_fields, engine, f"{problems.path}: {entry.where}")
    if fault:
        problems.lines.append(fault)
        return
    numbered = range(1, tries + 1) if tries else range(1)
    for attempt in numbered if entry.unrolls else range(1, 2):
        from_pipeline = {"attempt": attempt, "attempts": max(1, tries)}
        given = {name: value for name, value in from_pipeline.items() if name in declared.from_pipeline}
        try:
            config = declared.config.model_validate(settings | given, context=beside(problems.path))
        except ValidationError as error:
            lines = explain_errors(error, declared.config, problems.path, settings, ("stages", entry.name))
            problems.lines.extend(lines)
            return
        if attempt <= 1:
            _check_prompt(entry, config, problems)
            if engine and (objection := declared.refuses_engine(config, engine.backend, engine.config)):
                problems.add(entry.where, objection)
        group = declared.checks(config)
        checks = getattr(recipe.checks, section(group)) if group else None
        name = entry.name if attempt <= 1 else f"{entry.name}_{attempt}"
        yield Node(name, entry.kind, config, checks, entry.engine, entry.after)


def _engine_fits(entry: _Entry, recipe: Recipe, engines: dict[str, Engine], problems: Problems) -> bool:
    """Whether the stage got an engine of the kind that it asks."""
    wanted, engine, where = entry.declared.engine, entry.engine, f"{entry.where}.engine"
    if wanted is None:
        if engine is not None:
            problems.add(where, f"the stage '{entry.declared.name}' asks no engine; leave this key out")
        return engine is None
    if not isinstance(engine, str) or engine not in recipe.engines:
        fitting = [name for name, one in engines.items() if wanted in (one.backend.kind, *one.backend.also)]
        missing = f"no engine '{engine}'" if engine else f"this key is needed (an engine of kind {wanted})"
        problems.add(where, f"{missing}; {nearest(str(engine), fitting)}")
        return False
    if engine in engines and wanted not in (kind := engines[engine].backend.kind, *engines[engine].backend.also):
        problems.add(where, f"'{engine}' is an engine of kind {kind}; the stage asks one of {wanted}")
        return False
    return engine in engines


def _check_prompt(entry: _Entry, config: Any, problems: Problems) -> None:
    for field, prompt in config:
        if not isinstance(prompt, Prompt):
            continue
        given = entry.declared.prompt_variables
        known = given.get(field, ()) if isinstance(given, Mapping) else given
        where, used = f"{entry.where}.{field}", prompt.variables()
        for name in set(used) - set(known):
            unknown = f"{prompt.path} uses the variable '{name}', which the stage doesn't give"
            problems.add(where, f"{unknown}; {nearest(name, known)}")
        if not used:
            same = f"{prompt.path} uses no variable, so every row would be asked the same"
            problems.add(where, f"{same}; the stage gives {', '.join(known)}")
