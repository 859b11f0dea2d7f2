"""Every row that came in comes out, or is a reject, or is pending: who is what, and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.graph import SOURCE
from pipeline.objects import read_columns
from pipeline.state import WHOLE, State

SOURCES, EXPORT = "sources", "export"  # the names that rejects outside stages have


@dataclass(frozen=True)
class Rejected:
    """Why a row did not come out. `stage` is the stage instance, or "sources", or "export"."""

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
    """For each row of the shard the first reject, in the order of stages; what isn't done yet counts as fine.

    Later turns of a conversation go with an earlier one: their reason is `earlier_turn_rejected`.
    """
    source = state.shards[shard]
    place = (source.folder, source.key)
    found: list[Rejected | None] = [None] * source.rows
    for name, rejects in _reject_columns(state, shard, place):
        for row, reject in enumerate(rejects):
            if found[row] is None and reject is not None:
                found[row] = Rejected(name, reject["reason"], reject["message"] or "", reject["sample"] or "")
    conversations = read_columns(state.store, {"conversation_id": place})["conversation_id"].to_pylist()
    return with_later_turns(conversations, found)


def with_later_turns(conversations: list[str], found: list[Rejected | None]) -> list[Rejected | None]:
    """The same, where a row goes with the first rejected row of its conversation before it."""
    result: list[Rejected | None] = []
    fallen: tuple[str, Rejected] | None = None
    for conversation, reject in zip(conversations, found, strict=True):
        if reject is None and fallen is not None and fallen[0] == conversation:
            first = fallen[1]
            reject = Rejected(first.stage, "earlier_turn_rejected", f"an earlier turn was rejected: {first.reason}", "")
        elif reject is not None and (fallen is None or fallen[0] != conversation):
            fallen = (conversation, reject)
        result.append(reject)
    return result


def _reject_columns(
    state: State, shard: int, place: tuple[str, str]
) -> Iterator[tuple[str, list[dict[str, str] | None]]]:
    source = state.shards[shard]
    if source.rejects:
        yield SOURCES, state.store.read(*place, ["_reject"])["_reject"].to_pylist()
    for node in state.graph.nodes.values():
        done = state.done.get((node.name, shard))
        if done is not None and done.rejects:
            yield node.name, state.store.read(node.name, done.key, ["_reject"])["_reject"].to_pylist()


def owner_of_failed_clip(state: State, stage: str) -> str | None:
    """The audio column that a person should hear to judge a reject of that stage, if it has to do with one."""
    node = state.graph.nodes.get(stage)
    side = getattr(node.config, "of", None) if node else None
    name = f"{side}_audio_1"
    return name if side and state.graph.owners.get(name, SOURCE) != SOURCE else None
