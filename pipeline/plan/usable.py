"""Whether the sources give rows to work on: each some, and all together at least one that isn't a reject before any stage."""

import logging

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.plan.state import State
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import SPEECH

log = logging.getLogger(__name__)


def check_usable(state: State, label: str) -> None:
    """Warns of sources without a row. `label`: the recipe as a person named it.

    Raises RunFailed where no row is left to work on, RecipeError where all rows of a source lack what they have to bring.
    """
    sources = state.graph.recipe.sources
    there = {shard.source for shard in state.shards}
    empty = [] if state.pilot else [_nothing_in(name, one) for name, one in sources.items() if name not in there]
    if not state.shards:
        raise RunFailed(f"{label}: the sources give nothing to work on: they have no row; {'; '.join(empty)}")
    for line in empty:
        log.warning("%s: %s", label, line)
    if not state.pilot:
        for name in sources:
            _check_brought(state, name, label)
    needed = state.graph.needed
    if not any(shard.rows > sum(shard.rejects.values()) + shard.without(needed) for shard in state.shards):
        rows = sum(shard.rows for shard in state.shards)
        why = f"all {rows} rows are rejects; to see why: voxsmith rejects {label}"
        raise RunFailed(f"{label}: the sources give nothing to work on: {why}")


def _nothing_in(name: str, source: Source) -> str:
    where = source.path if source.path is not None else f"{source.dataset} ({source.split})"
    wanted = SPEECH[source.layout].what if source.layout in SPEECH else "records, one a line or in a list"
    return f"sources.{name} has no row: in {where} was looked for {wanted} (layout {source.layout})"


def _check_brought(state: State, source: str, label: str) -> None:
    shards = [shard for shard in state.shards if shard.source == source]
    alive = sum(shard.alive for shard in shards)
    for name in state.graph.needed if alive else ():
        if sum(shard.without((name,)) for shard in shards) >= alive:
            reader = next(node.name for node in state.graph.nodes.values() if name in node.reads)
            raise RecipeError(
                f"{label}: sources.{source}: none of its {alive} rows has a '{name}', which stages.{reader} reads and no "
                "stage writes: all would be rejects; give it, or take out the source or the stage"
            )
