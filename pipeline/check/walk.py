"""A row goes through stages of a recipe, here and now: no store, no Ray, one request at a time."""

import logging
import traceback
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from voxsmith.models import references
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.nodes import SOURCE, Graph, Node
from voxsmith.schemas.template import PromptFault
from voxsmith.stages.context import Context, Reject, Row
from voxsmith.stages.engines.backend import loaded
from voxsmith.stages.engines.base import Engine, EngineLost, Refused, Unavailable
from voxsmith.stages.requests.base import Request

Ask = Callable[[Node, Request], Any]
log = logging.getLogger(__name__)


class NotThere(Exception):
    """An engine that a check needs isn't there, or doesn't answer now: no verdict on a row."""


class Unasked(Exception):
    """Nobody answers this request here: the stage is left out."""


class Engines:
    """A recipe's engines, each loaded when it is first asked."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._loaded: dict[str, Engine | str] = {}

    def ask(self, node: Node, request: Request) -> Any:
        """The reply. Raises NotThere, and Refused where the engine can't take this request."""
        engine = self._get(node.engine or "")
        if isinstance(engine, str):
            raise NotThere(engine)
        try:
            return engine.submit(request).result()
        except (Unavailable, EngineLost, MemoryError) as error:
            raise NotThere(f"engine '{node.engine}': {str(error) or type(error).__name__}") from None

    def _get(self, name: str) -> Engine | str:
        """The engine, or why it isn't there."""
        if name not in self._loaded:
            engine = self._graph.engines[name]
            try:
                self._loaded[name] = loaded(engine.backend, engine.config)
            except (references.ModelMissing, Unavailable, EngineLost, MemoryError) as error:
                self._loaded[name] = f"engine '{name}' can't be loaded: {error}"
        return self._loaded[name]

    def close(self) -> None:
        for engine in self._loaded.values():
            if not isinstance(engine, str):
                engine.close()


def walk(graph: Graph, row: Row, target: Node, ask: Ask) -> None:
    """Put into `row` what `target` writes, and the stages above it that find all they read in it.

    Raises Reject where one of them does, and NotThere. A stage whose requests `ask` doesn't answer (Unasked) is left out.
    """
    above = _above(graph, target)
    for node in graph.nodes.values():
        if node.name != target.name and (node.name not in above or node.stage.each != "row"):
            continue
        if all(row.get(name) is not None for name in node.writes):
            continue
        if lacking := [name for name in node.reads if row.get(name) is None]:
            if node.name == target.name:
                raise NotThere(f"stages.{node.name} reads '{lacking[0]}', which no stage before it makes of such a row")
            continue
        try:
            row.update(run_node(target if node.name == target.name else node, graph.recipe.seed, row, ask))
        except Unasked:
            continue


def run_node(node: Node, seed: int, row: Row, ask: Ask) -> Row:
    """What the stage writes for the row. Raises Reject; NotThere and Unasked as `ask` does."""
    named = dict.fromkeys((*node.reads, *node.optional))
    seen = named | row
    context = Context(node.config, node.checks, seed, node.stage_name)
    whole = node.stage.each == "conversation"
    try:
        returned = drive(node.stage.run([seen] if whole else seen, context), lambda request: ask(node, request))
    except (Reject, NotThere, Unasked):
        raise
    except Refused as refused:
        raise Reject(refused.reason, refused.message) from None
    except PromptFault as fault:
        raise RecipeError(f"stages.{node.name}: {fault}; mend the prompt") from None
    except Exception as fault:  # a stage's code must not end the command: the file has other rows
        log.debug("stage %s failed", node.name, exc_info=True)
        place = traceback.extract_tb(fault.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        raise Reject("stage_error", f"{type(fault).__name__}: {fault} ({where})") from None
    result: Row | Reject = returned[0] if whole else returned
    if isinstance(result, Reject):
        raise result
    return result


def with_settings(node: Node, settings: dict[str, Any]) -> Node:
    """The node with these settings in place of its own, as far as its stage has them."""
    known = {name: value for name, value in settings.items() if name in type(node.config).model_fields}
    return replace(node, config=node.config.model_copy(update=known))


def with_checks(node: Node, limits: dict[str, float]) -> Node:
    """The node with these limits in place of the recipe's."""
    return replace(node, checks=node.checks.model_copy(update=limits))


def drive(generator: Generator[Request, Any, Any], ask: Callable[[Request], Any]) -> Any:
    """What a stage's function returns, when each of its requests gets the reply of `ask`; that it refuses one, it hears."""
    try:
        request = next(generator)
        while True:
            try:
                reply = ask(request)
            except Refused as refused:
                request = generator.throw(refused)
            else:
                request = generator.send(reply)
    except StopIteration as end:
        return end.value


def _above(graph: Graph, target: Node) -> set[str]:
    """Names of the stages that `target` hangs on."""
    names, waiting = set[str](), [target]
    while waiting:
        for name in graph.parents(waiting.pop()) - names - {SOURCE}:
            names.add(name)
            waiting.append(graph.nodes[name])
    return names
