"""Which actors give way: where not all engines find room at a time, as on one GPU, their pools take turns."""

import time
from collections.abc import Callable, Collection

import ray

from pipeline.pools import Actor, Pool

_GRACE = 10.0  # seconds that a pool waits for its first place before others give way


def to_end(pools: Collection[Pool], may_have_work: Callable[[str], bool]) -> list[tuple[Pool, Actor]]:
    """Actors without a unit, placed or not, of pools that have none for them: all of them where another pool waits for
    its first place, or else where no more work can come.
    """
    waits = [_waits_long(pool) for pool in pools]
    found = []
    for pool in pools:
        idle = [actor for actor in pool.actors if not actor.units]
        if idle and not pool.queue and (any(waits) or not may_have_work(pool.name)):
            found += [(pool, actor) for actor in idle]
    return found


def _waits_long(pool: Pool) -> bool:
    """It has work and has had no actor anywhere for a while: one that loads already has its place."""
    if not pool.queue or any(_is_placed(actor) for actor in pool.actors):
        pool.waits_since = None
        return False
    pool.waits_since = pool.waits_since or time.monotonic()
    return time.monotonic() - pool.waits_since > _GRACE


def _is_placed(actor: Actor) -> bool:
    return actor.ready is not None or bool(ray.wait([actor.placed], timeout=0)[0])
