"""A recipe's engines, its stages as nodes, and the DAG that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voxsmith.pipeline.recipe.licences import is_unknown, parts, strictest
from voxsmith.pipeline.recipe.replies import code_of_replies
from voxsmith.schemas.columns import COLUMNS, ROW_COLUMNS, Column
from voxsmith.schemas.columns import column as look_up
from voxsmith.schemas.recipe import Recipe
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.registry import backend, stage
from voxsmith.stages.stage import Stage

SOURCE = "source"  # owner of the columns that rows bring with them


@dataclass(frozen=True)
class Engine:
    """An engine of the recipe: a backend and its settings."""

    name: str
    backend_name: str
    config: Any

    @property
    def backend(self) -> Backend[Any]:
        return backend(self.backend_name)

    @property
    def identity(self) -> dict[str, Any]:
        """All that the engine's replies depend on, as plain JSON: what the backend says, and its code. Raises ModelMissing."""
        code = code_of_replies(self.backend_name)
        return self.backend.identity(self.config) | ({"code": code} if code else {})

    @property
    def licence(self) -> str:
        """Terms of what the engine makes. What a recipe states counts where the model's files don't tell."""
        of_models, stated = self.backend.licence(self.config), self.config.licence
        known = [one for one in parts(of_models) if not is_unknown(one)]
        return strictest([*known, stated] if stated else [of_models])

    @property
    def batch_invariant(self) -> bool:
        """Whether a reply is the same whatever is asked beside it; with some backends this depends on the settings."""
        return self.backend.is_batch_invariant(self.config)


@dataclass(frozen=True)
class Node:
    """A stage as the recipe uses it (an instance; one for each attempt)."""

    name: str
    stage_name: str
    config: Any
    checks: Any
    engine: str | None
    after: tuple[str, ...] = ()  # other nodes: rows that one of these rejects are passed over
    # Of each of those, what it writes: where all of that is null, it rejected the row.
    passed: tuple[tuple[str, ...], ...] = ()
    # Written columns that a source or a person supplies: rows that have them are passed over.
    given: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=lambda: COLUMNS)  # the recipe's, by full name

    @property
    def stage(self) -> Stage:
        return stage(self.stage_name)

    @property
    def reads(self) -> tuple[str, ...]:
        return self.stage.reads(self.config)

    @property
    def optional(self) -> tuple[str, ...]:
        return self.stage.optional(self.config)

    @property
    def writes(self) -> tuple[str, ...]:
        return self.stage.writes(self.config)

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Whether the row has a value in each column that the stage reads, and each stage that it comes after let it pass.
        Otherwise an earlier stage has rejected the row, and this one passes it over.
        """
        there = all(row.get(name) is not None for name in self.reads)
        return there and all(any(row.get(name) is not None for name in names) for names in self.passed)

    def column(self, name: str) -> Column:
        """What the column is. Raises KeyError where the recipe has no such column."""
        known = look_up(name, self.columns)
        if known is None:
            raise KeyError(f"no column is called '{name}'")
        return known

    @property
    def artifacts(self) -> tuple[str, ...]:
        return self.stage.artifacts(self.config)


@dataclass(frozen=True)
class Graph:
    nodes: dict[str, Node]  # in topological order
    engines: dict[str, Engine]
    owners: dict[str, str]  # column or artifact -> the node that writes it, or SOURCE
    recipe: Recipe
    # Ours, then those from outside, by full name.
    columns: Mapping[str, Column] = field(default_factory=lambda: COLUMNS)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that stages read and none writes: a row has to bring them with it."""
        read = {name for node in self.nodes.values() for name in node.reads}
        wanted = read - (set(ROW_COLUMNS) - {"instruction"})
        return tuple(sorted(name for name in wanted if self.owners.get(name) == SOURCE))

    def column(self, name: str) -> Column | None:
        """What the column is, numbered (query_audio_2) or not."""
        return look_up(name, self.columns)

    def inputs(self, node: Node) -> tuple[str, ...]:
        """The columns that the node sees, the row's identity first; optional ones that nobody writes are left out."""
        passed = (name for names in node.passed for name in names)
        named = ("id", "conversation_id", "turn", *node.reads, *node.optional, *passed)
        for name in named:  # a clip of which the store has the name alone is read again by what its writer reads
            if (writer := self.nodes.get(self.owners.get(name, ""))) and name in writer.stage.by_name(writer.config):
                named += writer.reads
        return tuple(dict.fromkeys(name for name in named if name in self.owners))

    def parents(self, node: Node) -> set[str]:
        wanted = (*self.inputs(node), *node.artifacts)
        return {self.owners[name] for name in wanted} - {SOURCE}

    def below(self, name: str) -> set[str]:
        """The node and all that hang on it."""
        names = {name}
        for node in self.nodes.values():
            if self.parents(node) & names:
                names.add(node.name)
        return names
