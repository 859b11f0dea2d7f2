"""When pools begin and give way: engines load while others work, and take turns where there isn't room for all."""

import time
from collections.abc import Callable, Collection, Iterator

import ray

from pipeline.errors import RunFailed
from pipeline.run.cluster import WAIT, fits, lack
from pipeline.run.pools import Actor, Pool

# Seconds that a pool waits for its first place before idle actors give way: those that have what it lacks, where there
# was no room for it; later any.
_SOON, _LATE = 0.3, 10.0
# Seconds that it waits for another node where the last that could hold it is lost, and nobody says how long that takes.
_LOST = 300.0


def to_end(pools: Collection[Pool], may_have_work: Callable[[str], bool]) -> list[tuple[Pool, Actor]]:
    """Actors without a task, placed or not, of pools that have none for them: where another pool waits for its first
    place, or else where no more work can come.
    """
    waiting = [pool for pool in pools if _waits(pool)]
    found, heard = [], []
    for pool in pools:
        idle = [actor for actor in pool.actors if not actor.tasks]
        if not idle or pool.queue:
            continue
        asking = [other for other in waiting if _gives_way(pool, other)]
        heard += asking
        if asking or not may_have_work(pool.name):
            found += [(pool, actor) for actor in idle]
    for other in heard:
        other.waits_since, other.had_room = time.monotonic(), True  # it takes a while to get there
    return found


def to_warm(
    pools: Collection[Pool], may_have_work: Callable[[str], bool], free: Callable[[], dict[str, float]]
) -> Iterator[Pool]:
    """Pools whose work is still to come, and for whose first actor there is room that nobody asks for: what takes long to
    load is ready in time, and what can't be loaded is told early.
    """
    cold = [pool for pool in pools if not pool.actors and may_have_work(pool.name)]
    left = free() if cold else {}
    for pool in pools if cold else ():
        for _ in (actor for actor in pool.actors if not _is_placed(actor)):
            left = _without(left, pool)  # it may be counted as free still
    for pool in cold:
        if fits(pool.wants, left):
            left = _without(left, pool)
            yield pool


def look_for_nodes(pools: Collection[Pool], patience: float | None) -> Iterator[str]:
    """Note which pools have no node that could hold an actor of theirs, and tell of each that is new.

    Raises RunFailed where one had none from the start, or lost it and has work, and has waited for one for `patience`
    seconds: it would be a hang. None: a node that never was is not waited for, one that was may come back.
    """
    now = time.monotonic()
    for pool in pools:
        lacks = lack(pool.wants)
        if lacks is None:
            pool.had_node, pool.no_node_since = True, None
            continue
        wait = patience if patience is not None else _LOST if pool.had_node else 0.0
        if pool.no_node_since is None:
            pool.no_node_since = now
            if wait:
                yield f"engine '{pool.name}' {lacks.told}: waiting for a node, up to {wait:g} s from when it has work"
        elif not pool.queue:
            pool.no_node_since = now  # nobody has asked the cluster for it yet
        if now - pool.no_node_since >= wait and (pool.queue or not pool.had_node):
            raise RunFailed(
                f"engine '{pool.name}' {lacks.told}. Add a node, or give --set engines.{pool.name}.{lacks.setting}; "
                f"on a cluster that grows when it is asked, set {WAIT} to the seconds that this may take"
            )


def _without(room: dict[str, float], pool: Pool) -> dict[str, float]:
    return {kind: amount - pool.wants.get(kind, 0) for kind, amount in room.items()}


def _waits(pool: Pool) -> bool:
    """It has work and no actor anywhere; one that loads already has its place. What others have is of no use to one that
    waits for a node.
    """
    if not pool.queue or pool.no_node_since is not None or any(map(_is_placed, pool.actors)):
        pool.waits_since = None
        return False
    pool.waits_since = pool.waits_since or time.monotonic()
    return True


def _gives_way(pool: Pool, other: Pool) -> bool:
    since = time.monotonic() - (other.waits_since or 0)
    # What one with a GPU has is likely what another that wants one lacks.
    alike = bool(pool.wants["GPU"]) == bool(other.wants["GPU"])
    return since > _LATE or (alike and not other.had_room and since > _SOON)


def _is_placed(actor: Actor) -> bool:
    return actor.ready is not None or bool(ray.wait([actor.placed], timeout=0)[0])
