"""Every row that came in comes out, or is a reject, or is pending: who is what, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.state import WHOLE, State
from voxsmith.pipeline.recipe.nodes import SOURCE
from voxsmith.pipeline.store.objects import Place, read_columns
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import full_name

# Who rejects, the object that says so, and in which column: one of verdicts, or one that a row has to bring with it.
Rejecting = tuple[str, Place, str]
REJECTS, BLOCKS = "_reject", "_blocked"  # columns of verdicts
SOURCES, OVERRIDES, EXPORT = "sources", "overrides", "export"  # the names that rejects outside stages have


@dataclass(frozen=True)
class Rejected:
    """Why a row did not come out. `stage` is the stage instance, or "sources", "overrides", "export"."""

    stage: str
    reason: str
    message: str
    sample: str


def finished(state: State, shard: int) -> bool:
    """Whether every stage is done with the shard."""
    return all(
        (node.name, WHOLE if node.stage.each == "recipe" else shard) in state.done
        for node in state.graph.nodes.values()
    )


def rejects_of(state: State, shard: int) -> list[Rejected | None]:
    """For each row of the shard the first reject, in the order of stages; what isn't done yet counts as fine."""
    source = state.shards[shard]
    return rejects_in(state.store, (source.folder, source.key), source.rows, rejecting(state, shard))


def rejecting(state: State, shard: int) -> tuple[Rejecting, ...]:
    """The stages, and before them a person and the source, that reject rows of the shard, with their objects."""
    source = state.shards[shard]
    place = (source.folder, source.key)
    objects: list[Rejecting] = [(OVERRIDES, place, BLOCKS)] if source.blocked else []
    objects += [(SOURCES, place, REJECTS)] if source.rejects else []
    objects += [(SOURCES, place, name) for name in state.graph.needed if source.without((name,))]
    for node in state.graph.nodes.values():
        done = state.done.get((node.name, shard))
        if done is not None and done.rejects:
            objects.append((node.name, (node.name, done.key), REJECTS))
    return tuple(objects)


def rejects_in(store: Store, source: Place, rows: int, objects: tuple[Rejecting, ...]) -> list[Rejected | None]:
    """For each row the first reject in these objects.

    Later turns of a conversation go with an earlier one: their reason is `earlier_turn_rejected`. Raises Damaged.
    """
    rejects: list[Rejected | None] = [None] * rows
    for name, place, column in objects:
        values = _values(store, place, column, rows)
        check_rows(store, source, rows, len(values))
        for row, reject in enumerate(values if column in (REJECTS, BLOCKS) else _missing(column, values)):
            if rejects[row] is None and reject is not None:
                rejects[row] = Rejected(name, reject["reason"], reject["message"] or "", reject["sample"] or "")
    if not any(rejects):
        return rejects
    return with_later_turns(read_columns(store, {"conversation_id": source})["conversation_id"].to_pylist(), rejects)


def check_rows(store: Store, source: Place, listed: int, there: int) -> None:
    """Raises RunFailed where the listing of a source counts other rows than there are."""
    if listed != there:
        raise RunFailed(
            f"objects/{'/'.join(source)} is listed with {listed} rows, and there are {there}: delete the folder "
            f"{store.url}/listings, and the sources are read again"
        )


def _values(store: Store, place: Place, column: str, rows: int) -> list[Any]:
    """The column in that object; a source may not have one that a row has to bring."""
    if column not in (REJECTS, BLOCKS) and column not in store.read(*place, [column]).column_names:
        return [None] * rows
    values: list[Any] = read_columns(store, {column: place})[column].to_pylist()
    return values


def _missing(column: str, values: list[Any]) -> Iterator[dict[str, str] | None]:
    """A verdict on each row that has nothing in a column that it has to bring with it."""
    message = f"the source gives no '{column}' here, and no stage writes it"
    for value in values:
        yield {"reason": "missing_field", "message": message, "sample": ""} if value is None else None


def with_later_turns(conversations: list[str], rejects: list[Rejected | None]) -> list[Rejected | None]:
    """The same, where a row goes with the first rejected row of its conversation before it."""
    result: list[Rejected | None] = []
    fallen: tuple[str, Rejected] | None = None
    for conversation, reject in zip(conversations, rejects, strict=True):
        if reject is None and fallen is not None and fallen[0] == conversation:
            first = fallen[1]
            reject = Rejected(first.stage, "earlier_turn_rejected", f"an earlier turn was rejected: {first.reason}", "")
        elif reject is not None and (fallen is None or fallen[0] != conversation):
            fallen = (conversation, reject)
        result.append(reject)
    return result


def owner_of_failed_clip(state: State, stage: str) -> str | None:
    """The audio column that a person should hear to judge a reject of that stage, if it has to do with one."""
    node = state.graph.nodes.get(stage)
    if node is None:
        return None
    group, owners = getattr(node.config, "of", None), state.graph.owners
    read = [name for name in node.reads if (one := state.graph.column(name)) and one.role == "audio"]
    of_group = [full_name(group, "audio", 1), full_name(group, "audio")] if group else []
    return next((name for name in (*of_group, *read) if owners.get(name, SOURCE) != SOURCE), None)
