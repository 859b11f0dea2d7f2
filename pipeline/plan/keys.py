"""The key of a shard at a stage: what has the same key is the same, and does not run again."""

from typing import Any

from pydantic import BaseModel

from voxsmith.pipeline.recipe.nodes import Graph, Node
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.digests import digest
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.registry import stage_module

Parts = dict[str, Any]


def fixed_parts(graph: Graph, node: Node) -> Parts:
    """The parts of the node's keys that are the same for each shard."""
    engine = graph.engines.get(node.engine or "")
    parts: Parts = {"stage": node.stage_name, "code": code_part(node), "seed": graph.recipe.seed}
    parts |= {f"config.{name}": value for name, value in _settings(node.config).items()}
    if isinstance(node.checks, BaseModel):
        parts |= {f"checks.{name}": value for name, value in node.checks.model_dump(mode="json").items()}
    if node.passed:
        parts["after"] = [list(names) for names in node.passed]
    if engine:
        parts |= {f"engine.{name}": value for name, value in engine.identity.items()}
    return parts


def code_part(node: Node) -> str:
    """What names the code of the node's stage."""
    return code_digest(stage_module(node.stage_name))


def _settings(config: BaseModel) -> Parts:
    """The stage's settings as plain values: a prompt counts by its text, not by its path."""
    values = config.model_dump(mode="json")
    for name, value in config:
        if isinstance(value, Prompt):
            values[name] = value.text
    if "attempt" in values:
        values.pop("attempts", None)  # a third attempt must not make the first one stale
    return values


def shard_key(parts: Parts) -> str:
    return digest(parts)


def difference(old: Parts, new: Parts) -> str | None:
    """The first part that differs, in words; None where all are the same."""
    for name in dict.fromkeys([*new, *old]):
        if old.get(name) != new.get(name):
            return _told(name, old.get(name), new.get(name))
    return None


def _told(name: str, old: Any, new: Any) -> str:
    kind, _, rest = name.partition(":")
    if name == "column:id":  # ids are made of content
        return "rows of it were edited, added or taken out"
    if kind == "column":
        return f"the column {rest.removeprefix('given ')} changed"
    if kind == "artifact":
        return f"the {rest} changed"
    if name in ("code", "engine.code"):
        return f"the {'stage' if name == 'code' else 'engine'}'s code changed"
    if len(f"{old}{new}") > 80 or "\n" in f"{old}{new}":
        return f"{name} changed"
    return f"{name} changed from {old!r} to {new!r}"
