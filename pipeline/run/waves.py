"""When pools start and end actors: engines load while others work, and take turns where the cluster can't hold them all."""

import time
from collections.abc import Callable, Collection, Iterator

import ray

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.run.cluster import WAIT, fits, shortage
from voxsmith.pipeline.run.pools import Actor, Pool

# Seconds that a pool waits for a place for its first actor before idle actors are ended for it: those that have what it
# lacks, if the cluster had none of that free; later any.
_SOON, _LATE = 0.3, 10.0
# Seconds that it waits for another node where the last that could hold it is lost, and nobody says how long that takes.
_LOST = 300.0


def to_end(pools: Collection[Pool], may_have_work: Callable[[str], bool]) -> list[tuple[Pool, Actor]]:
    """Idle actors, placed or not, of pools without queued tasks: where another pool waits for a place for its first actor,
    or where no more work can come.
    """
    waiting = [pool for pool in pools if _waits(pool)]
    ended: list[tuple[Pool, Actor]] = []
    served: list[Pool] = []
    for pool in pools:
        idle = [actor for actor in pool.actors if not actor.tasks]
        if not idle or pool.queue:
            continue
        claims = [other for other in waiting if _gives_way(pool, other)]
        served += claims
        if claims or not may_have_work(pool.name):
            ended += [(pool, actor) for actor in idle]
    for other in served:
        # Ray takes a while to give the place away: don't end still more actors for it meanwhile.
        other.waits_since, other.had_resources = time.monotonic(), True
    return ended


def to_start(
    pools: Collection[Pool], may_have_work: Callable[[str], bool], free_resources: Callable[[], dict[str, float]]
) -> Iterator[Pool]:
    """Pools whose work is still to come, and whose first actor fits what the cluster has free: an engine that takes long to
    load is ready in time, and one that can't be loaded fails early.
    """
    cold = [pool for pool in pools if not pool.actors and may_have_work(pool.name)]
    left = free_resources() if cold else {}
    for pool in pools if cold else ():
        for _ in (actor for actor in pool.actors if not _is_placed(actor)):
            left = _without(left, pool)  # it may be counted as free still
    for pool in cold:
        if fits(pool.wants, left):
            left = _without(left, pool)
            yield pool


def look_for_nodes(pools: Collection[Pool], seconds: float | None) -> Iterator[str]:
    """Note which pools have no node that could hold an actor of theirs; yields a message for each that is new.

    Raises RunFailed where one had none from the start, or lost it and has work, and has waited for one for `seconds`: it
    would wait for ever. None: a node that never existed is not waited for, one that did may come back.
    """
    now = time.monotonic()
    for pool in pools:
        lacks = shortage(pool.wants)
        if lacks is None:
            pool.had_node, pool.no_node_since = True, None
            continue
        wait = seconds if seconds is not None else _LOST if pool.had_node else 0.0
        if pool.no_node_since is None:
            pool.no_node_since = now
            if wait:
                yield f"engine '{pool.name}' {lacks.message}: waiting for a node, up to {wait:g} s from when it has work"
        elif not pool.queue:
            pool.no_node_since = now  # nobody has asked the cluster for it yet
        if now - pool.no_node_since >= wait and (pool.queue or not pool.had_node):
            raise RunFailed(
                f"engine '{pool.name}' {lacks.message}. Add a node, or give --set engines.{pool.name}.{lacks.setting}; "
                f"on a cluster that grows when it is asked, set {WAIT} to the seconds that this may take"
            )


def _without(resources: dict[str, float], pool: Pool) -> dict[str, float]:
    """What is left of them beside an actor of the pool."""
    return {kind: amount - pool.wants.get(kind, 0) for kind, amount in resources.items()}


def _waits(pool: Pool) -> bool:
    """Whether it has work and no actor with a place; one that still loads has its place. What others have is of no use to
    a pool that waits for a node.
    """
    if not pool.queue or pool.no_node_since is not None or any(map(_is_placed, pool.actors)):
        pool.waits_since = None
        return False
    pool.waits_since = pool.waits_since or time.monotonic()
    return True


def _gives_way(pool: Pool, other: Pool) -> bool:
    since = time.monotonic() - (other.waits_since or 0)
    # What a pool with GPUs has is likely what another that wants GPUs lacks.
    alike = bool(pool.wants["GPU"]) == bool(other.wants["GPU"])
    return since > _LATE or (alike and not other.had_resources and since > _SOON)


def _is_placed(actor: Actor) -> bool:
    return actor.ready is not None or bool(ray.wait([actor.placed], timeout=0)[0])
