"""What other runs in the store work on is left to them. It comes back when they have done it, or have left it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from voxsmith.pipeline.plan.state import State, Task, commit_of
from voxsmith.pipeline.store.claims import Claims
from voxsmith.pipeline.store.forms import Commit


class Sharing:
    """Between one run and the others. `in_hand`: the tasks that this run works on at the moment; `claims`: None where the
    store is nobody else's.
    """

    def __init__(self, state: State, claims: Claims | None, in_hand: Callable[[], Iterable[Task]]) -> None:
        self._state, self._claims, self._in_hand = state, claims, in_hand
        self.elsewhere: dict[str, Task] = {}  # by object

    def ours(self, tasks: list[Task]) -> list[Task]:
        """Those of the tasks that this run is to do now; others are put aside."""
        if self._claims is None or self._claims.alone:
            return tasks
        in_hand = {_object(task) for task in self._in_hand()}
        # Probes are of a task that is in hand.
        wanted = {_object(task): task for task in tasks if task.span is None and not task.anew}
        others = wanted.keys() & self._claims.others.keys()
        if free := wanted.keys() - others - in_hand:
            others |= self._claims.take(free, in_hand)
        self.elsewhere |= {name: wanted[name] for name in others}
        return [task for task in tasks if _object(task) not in others]

    def back(self) -> list[tuple[Task, Commit | None]]:
        """Tasks that no other run works on any more, and what the commit says where one has done it."""
        if self._claims is None:
            return []
        if not self._claims.alone:
            self._claims.hold(map(_object, self._in_hand()))
        others = self._claims.others
        names = [name for name in self.elsewhere if name not in others]
        tasks = [replace(self.elsewhere.pop(name), begun=True) for name in names]
        store, nodes = self._state.store, self._state.graph.nodes
        return [(task, commit_of(store, nodes[task.node], task.key)) for task in tasks]

    def by_process(self) -> Counter[str]:
        """How many tasks are under way elsewhere, by process."""
        others = self._claims.others if self._claims else {}
        return Counter(others[name] for name in self.elsewhere if name in others)


def _object(task: Task) -> str:
    return f"{task.node}/{task.key}"
