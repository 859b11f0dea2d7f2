"""What has failed in a run so far, and how often something may fail before the run ends."""

from collections import Counter

from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.state import Task

ACTOR_GONE = (RayActorError, OutOfMemoryError, NodeDiedError)  # Ray's errors for it have no base of their own

_LOADS = 3  # of an engine that end with the actor gone, beyond which loading is at fault
_DEATHS = 20  # of one engine's actors that no row explains, beyond which the engine rather than a row is at fault
_CRASHES = 2  # of actors under one task, from which on the row that kills them is looked for
_DAMAGES = 3  # of one object, beyond which it is the disk that needs care
_ATTEMPTS = 3  # at a task that a disk or an object store failed


class Failures:
    """Counts failures by engine, task and object. Raises RunFailed, or says so, where one has failed too often."""

    def __init__(self) -> None:
        self.pending = Counter[str]()  # tasks with pending rows, by stage: this run does not try them again
        self._loads, self._deaths = Counter[str](), Counter[str]()
        self._crashes, self._attempts, self._damages = Counter[str](), Counter[str](), Counter[str]()

    def load_ended(self, engine: str, cause: str) -> None:
        """An actor was gone before its engine was loaded. Raises RunFailed at the fourth."""
        self._loads[engine] += 1
        if self._loads[engine] > _LOADS:
            raise RunFailed(f"engine '{engine}' could not be loaded: {cause}")

    def actor_died(self, engine: str, cause: str) -> None:
        """Raises RunFailed where this was one death too many."""
        self._deaths[engine] += 1
        if self._deaths[engine] > _DEATHS:
            raise RunFailed(f"engine '{engine}' died {_DEATHS} times in this run; the last time: {cause}")

    def explain_deaths(self, engine: str) -> None:
        """The rows that caused the engine's deaths are known, so these no longer count."""
        self._deaths[engine] = 0

    def crashed(self, task: Task) -> bool:
        """An actor died while it ran the task; whether to look for the row that does this."""
        self._crashes[task.key] += 1
        return self._crashes[task.key] >= _CRASHES

    def clear_crashes(self, task: Task) -> None:
        """The rows that caused the task's crashes will not be asked again."""
        self._crashes[task.key] = 0

    def storage_failed(self, task: Task) -> bool:
        """A disk or an object store failed the task; whether to try it again."""
        self._attempts[task.key] += 1
        return self._attempts[task.key] < _ATTEMPTS

    def damaged(self, key: str) -> bool:
        """The object of that key was damaged; whether to make it again."""
        self._damages[key] += 1
        return self._damages[key] <= _DAMAGES
