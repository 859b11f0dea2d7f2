"""Rows that a person has tried again: for which stages they get other seeds."""

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.recipe.nodes import SOURCE, Graph
from voxsmith.pipeline.sources.inputs import RETRIES, retries_path
from voxsmith.pipeline.store.objects import read_columns
from voxsmith.schemas.columns import AUGMENTED, full_name, text_column
from voxsmith.schemas.names import nearest

LATER = "earlier_turn_rejected"  # no verdict on the row itself: what is tried again is the turn that it goes with


def note(state: State, reason: str, label: str) -> tuple[int, list[str]]:
    """Note the rows that stages rejected for that reason. Returns how many they are, and the stages that draw anew for
    them; none where a run that noted them was cut, and this one is to go on with them. `label`: how messages name the
    recipe. Raises RecipeError where there is nothing to try.
    """
    noted = state.store.read_kept(retries_path(state.graph.recipe), RETRIES) or {}
    count, drawing, reasons = 0, set[str](), set[str]()
    for shard, source in enumerate(state.shards):
        ids = read_columns(state.store, {"id": (source.folder, source.key)})["id"].to_pylist()
        for row, reject in zip(ids, rejects_of(state, shard), strict=True):
            if reject is None or reject.stage not in state.graph.nodes or reject.reason == LATER:
                continue
            reasons.add(reject.reason)
            if reject.reason != reason:
                continue
            count += 1
            for stage in _drawing(state.graph, reject.stage):
                drawing.add(stage)
                rows = noted.setdefault(stage, {})
                rows[row] = rows.get(row, 0) + 1
    if not count and _waits(state):
        return 0, []
    if not count:
        message = f"no row is rejected for '{reason}'; {nearest(reason, reasons)}"
        if reason == LATER:
            message = f"later turns go with the first that is rejected: name its reason; {nearest('', reasons)}"
        raise RecipeError(f"{label}: --retry-rejects: {message}")
    state.store.write_json(retries_path(state.graph.recipe), noted)
    return count, [name for name in state.graph.nodes if name in drawing]


def _waits(state: State) -> bool:
    """Whether some stage has yet to try rows that were noted before."""
    wanted = ((stage, shard) for shard, source in enumerate(state.shards) for stage in source.retries)
    return any(stage in state.graph.nodes and (stage, shard) not in state.done for stage, shard in wanted)


def _drawing(graph: Graph, stage: str) -> set[str]:
    """The stages whose other seeds may save a row that this one rejected.

    Who judges a clip draws nothing: it has to be spoken anew. And because some voices draw nothing either, what it says
    is made anew too, where a stage makes that text.
    """
    node = graph.nodes[stage]
    group = getattr(node.config, "of", None)
    drawn = _drawn(group) if group else set()
    above = {owner for name, owner in graph.owners.items() if owner != SOURCE and name in drawn}
    return above | ({stage} if node.engine or not above else set())


def _drawn(group: str) -> set[str]:
    """The columns of the group that may come out otherwise: what is said, and each try at speaking it, or what is put on
    a clip.
    """
    if group == AUGMENTED:
        return {full_name(group, "audio")}
    return {
        text_column(group),
        full_name(group, "candidates"),
        *(full_name(group, "audio", attempt) for attempt in range(1, 100)),
    }
