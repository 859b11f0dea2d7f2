"""Which tasks the runs in a store work on, so that two of them don't do the same work.

    live/<name>.claims    beside a run's mark: its process, a count of writes, and the tasks that it works on

A store has no locks. So a run first writes that it wants a task, and *then* reads what others have written: of two that
want it at the same moment, at least one sees the other and leaves it. If both do, both come back to it a little later.
Where a store is slow to show what was written, both may do the task. That costs time and harms nothing, because an
object never changes.

A run that has ended claims nothing: its process is gone from this machine, or its count stands still while it is
watched. No clock is compared with another machine's. While a run is alone, it lists the folder now and then, in a thread
of its own, and writes nothing.
"""

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from voxsmith.pipeline.store.liveness import FOLDER, Mark, claims_path, has_ended
from voxsmith.pipeline.store.store import Store, json_object

_EVERY = 1.0  # seconds between two looks at the others
_EVERY_ALONE = 5.0  # on an object store, where a look has its price, while nobody else is there
_WATCHED = 10.0  # seconds between two looks, beyond which a run has slept or the store has failed: it saw nothing then
_ANSWERED_WITHIN = 15.0  # seconds, in which a run notices a newcomer and writes what it works on
_READS = 3  # of claims: a client of an object store asks for a file's length first, and gets a wrong part of one that changes
_BEAT = 20.0  # seconds, after which a count is moved where there is nothing new to write
_SILENCE = 60.0  # seconds for which a count stands still, after which its run counts as ended
log = logging.getLogger(__name__)


@dataclass
class _Other:
    """Another run, as it was last read. `still`: seconds for which it was watched and its count did not move."""

    process: str
    machine: str
    pid: int
    count: int
    tasks: frozenset[str]
    read: float  # time.monotonic
    still: float = 0.0


class Claims:
    """What one run claims, whose mark in the store is `mark`, and what others claim there. A task is named by its object,
    stage/key. A context manager; of what others call, only `take` waits for the store.
    """

    def __init__(self, store: Store, mark: Mark) -> None:
        self._store, self._mark = store, mark
        # By task, the process that works on it, as of the last look. It is replaced, never changed.
        self.others: dict[str, str] = {}
        self._others: dict[str, _Other] = {}  # by the name of its mark
        self._mine: frozenset[str] | None = None  # None while there is nobody to read it
        self._written: tuple[frozenset[str], float] = frozenset(), 0.0  # what, and when (time.monotonic)
        self._count = 0
        self._lock = threading.Lock()  # of all that is written, and of what is known of others
        # Who was there first was alone until now, and wrote nothing. By name, their counts before they answer.
        self._unanswered: dict[str, int] | None = None
        self._answered, self._no_answer_after = threading.Event(), 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True, name="claims")

    def __enter__(self) -> "Claims":
        self._no_answer_after = time.monotonic() + _ANSWERED_WITHIN
        self._try(lambda: self._write(frozenset()))
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()
        self._try(lambda: self._store.delete(claims_path(self._mark.name)))

    @property
    def alone(self) -> bool:
        """Whether this run has looked, and knows no other that could claim something."""
        return self._answered.is_set() and not self._others

    def hold(self, tasks: Iterable[str]) -> None:
        """The run works on these tasks and on no others. They are written at the next look."""
        is_first, self._mine = self._mine is None, (held := frozenset(tasks))
        if is_first:  # a newcomer waits for it
            with self._lock:
                self._try(lambda: self._write(held))

    def take(self, tasks: Iterable[str], held: Iterable[str]) -> set[str]:
        """Claim these tasks besides those that the run holds. Returns those that others work on, which aren't claimed.

        Where the store fails, nobody works on them as far as anybody knows.
        """
        wanted, before = frozenset(tasks), frozenset(held)
        self._answered.wait(max(0.0, self._no_answer_after - time.monotonic()))
        with self._lock:
            self._mine = wanted | before
            if not self._try(lambda: self._write(wanted | before)) or not self._try(lambda: self._read(self._others)):
                return set()
            lost = wanted & self.others.keys()
            self._mine -= lost
        return set(lost)

    def look(self) -> None:
        """See who is there and what they claim, and write what this run claims if that is new, or old."""
        listed = [info.base_name.rpartition(".") for info in self._store.listed(FOLDER)]
        names = [name for name, _, ending in listed if ending == "claims" and name != self._mark.name]
        with self._lock:
            before = self._others
            self._read(names)
            self._note_answers()
            if not self._others:
                self._mine = None
            elif (mine := self._mine) is not None:
                what, when = self._written
                if mine != what or self._others.keys() - before.keys() or time.monotonic() - when > _BEAT:
                    self._write(mine)

    def _keep_looking(self) -> None:
        while not self._over.is_set():
            self._try(self.look)
            every = _EVERY if self._others or self._store.is_local else _EVERY_ALONE
            self._over.wait(every * random.uniform(0.8, 1.2))  # so that two runs don't come back to a task as one

    def _note_answers(self) -> None:
        now = {name: other.count for name, other in self._others.items()}
        before = self._unanswered
        self._unanswered = now if before is None else {name: n for name, n in before.items() if now.get(name) == n}
        if not self._unanswered:
            self._answered.set()

    def _read(self, names: Iterable[str]) -> None:
        """Read what these claim, and know of no others."""
        others = {}
        for name in names:
            before = self._others.get(name)
            other = self._read_one(name, before)
            if other is None:
                continue
            if before is not None and before.count == other.count:
                other.still = before.still + min(other.read - before.read, _WATCHED)
            if has_ended(other.machine, other.pid) or other.still > _SILENCE:
                self._store.delete(claims_path(name))  # a process that was only stopped writes it again
            else:
                others[name] = other
        self._others = others
        self.others = {task: other.process for other in others.values() for task in other.tasks}

    def _read_one(self, name: str, before: _Other | None) -> _Other | None:
        """What the run claims; as `before` where that can't be read; None where it claims nothing, or in other words."""
        for _ in range(_READS):
            data = self._store.read_bytes(claims_path(name))
            if data is None:
                return None
            if other := _parsed(json_object(data)):
                return other
        return before and replace(before, read=time.monotonic())

    def _write(self, tasks: frozenset[str]) -> None:
        self._count += 1
        process = {"process": f"process {self._mark.pid} on {self._mark.host}", "pid": self._mark.pid}
        fields = process | {"machine": self._mark.machine, "count": self._count, "tasks": sorted(tasks)}
        self._store.write_bytes(claims_path(self._mark.name), json.dumps(fields).encode())
        self._written = tasks, time.monotonic()

    def _try(self, work: Callable[[], None]) -> bool:
        """Whether it went well. A full disk or a client's bad minute is reported by the work itself; without claims, work is
        done twice at worst.
        """
        try:
            work()
        except Exception as error:
            log.debug("the claims of %s: %s", self._mark, error)
            return False
        return True


def _parsed(fields: dict[str, Any] | None) -> _Other | None:
    """None where there are none, or where a version writes them that has other words for them."""
    match fields:
        case {
            "process": str(process),
            "machine": str(machine),
            "pid": int(pid),
            "count": int(count),
            "tasks": [*tasks],
        }:
            is_pid = 0 < pid < 2**31
            names = frozenset(task for task in tasks if isinstance(task, str))
            return _Other(process, machine, pid, count, names, time.monotonic()) if is_pid else None
    return None
