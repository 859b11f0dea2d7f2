"""Which processes are at work in a store: each has a mark under `live/`, which it renews while it lives.

    live/<name>.json    what it is, host, process, a count of beats, and the folders of objects that it may need
    live/<name>.claims  of a run, the tasks that it works on: see `pipeline/store/claims.py`

No machine's clock is trusted. Times are those that the store gives its files. A process on another machine, which can't
be asked, counts as gone only when its mark is old *and* does not change while it is watched.

Another version of Voxsmith may have written a mark. What a mark doesn't say, or says in a form that this version doesn't
know, is None: it may be anything.
"""

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import psutil
import pyarrow.fs as pafs
from pydantic import Field, WrapValidator
from typing_extensions import TypedDict

from voxsmith.pipeline.store.forms import Form, Misfit
from voxsmith.pipeline.store.store import Store

FOLDER = "live"
BEAT = 20.0  # seconds between two renewals
SILENCE = timedelta(hours=24)  # of a process on another machine, before it is watched
GC = "gc"  # `Mark.what` of a `gc`
_WATCHED = 3  # beats
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mark:
    """A process at work. `folders`: those under objects/ that it may need; `every`: seconds from beat to beat; `written`:
    the time of the last beat, by the store's clock.
    """

    name: str
    what: str | None = None
    host: str | None = None
    machine: str | None = None
    pid: int | None = None
    beat: int | None = None
    every: float | None = None
    folders: tuple[str, ...] | None = None
    written: datetime | None = None

    def __str__(self) -> str:
        where = f"process {self.pid or '?'} on {self.host or '?'}" if self.pid or self.host else _path(self.name)
        return f"{self.what or 'some process'} ({where})"

    @property
    def unread(self) -> list[str]:
        """The keys that its file lacks, or that another version has written in a form of its own."""
        return [key for key in _Fields.__annotations__ if getattr(self, key) is None]

    @property
    def is_gc(self) -> bool:
        """Whether it is, or may be, that of a `gc`: the file is named after what its process does."""
        return self.what == GC if self.what is not None else self.name.startswith(f"{GC}-")


def _or_none(value: Any, check: Callable[[Any], Any]) -> Any:
    try:
        return check(value)
    except ValueError:
        return None


_OrNone = WrapValidator(_or_none)


class _Fields(TypedDict, total=False):
    what: Annotated[str | None, _OrNone]
    host: Annotated[str | None, _OrNone]
    machine: Annotated[str | None, _OrNone]
    pid: Annotated[Annotated[int, Field(ge=1, lt=2**31)] | None, _OrNone]
    beat: Annotated[int | None, _OrNone]
    every: Annotated[Annotated[float, Field(gt=0, le=3600)] | None, _OrNone]
    folders: Annotated[list[str] | None, _OrNone]


_MARK = Form("a mark of a process", _Fields)


@contextmanager
def at_work(store: Store, what: str, folders: Iterable[str], every: float = BEAT) -> Iterator[Mark]:
    """While the block runs, other processes see that this one is at work and may need what is in these folders.

    If a `gc` is running, the block begins when that has ended, because it may not have seen the new mark yet.
    """
    name = f"{what.split()[-1]}-{uuid.uuid4().hex[:12]}"
    mark = Mark(name, what, socket.gethostname(), _machine(), os.getpid(), 0, every, tuple(sorted(folders)))
    _write(store, mark, 0)
    over = threading.Event()
    thread = threading.Thread(target=_renew, args=(store, mark, over), daemon=True, name="heartbeat")
    thread.start()
    try:
        if what != GC:
            _wait_for_gc(store, name)
        yield mark
    finally:
        over.set()
        thread.join()
        try:
            store.delete(_path(name))
        except OSError as error:  # the work is done; a mark that stays is one of a dead process
            log.warning("%s: its mark could not be removed: %s", mark, error)


def marks(store: Store, own: str | None = None) -> list[Mark]:
    """The marks of all processes but the own, of living and of dead ones."""
    others = []
    for info in store.listed(FOLDER):
        name, _, ending = info.base_name.rpartition(".")
        data = store.read_bytes(_path(name)) if ending == "json" and name != own else None
        if data is not None:
            others.append(_read(name, info.mtime, data))
    return others


def _read(name: str, written: datetime | None, data: bytes) -> Mark:
    try:
        fields: dict[str, Any] = {**_MARK.read(data)}
    except Misfit:
        return Mark(name, written=written)
    if fields.get("folders") is not None:
        fields["folders"] = tuple(fields["folders"])
    return Mark(name, **fields, written=written)


def is_gone(store: Store, mark: Mark, now: datetime) -> bool:
    """Whether the mark's process has certainly ended. This may take a minute, in which the mark is watched.

    `now`: by the store's clock.
    """
    if has_ended(mark.machine, mark.pid):
        return True
    if mark.written is None or now - mark.written < SILENCE:
        return False
    return _is_silent(store, mark)


def store_time(store: Store, mark: Mark) -> datetime | None:
    """When the mark was written by the store's own clock, whatever the clock of this machine says."""
    written: datetime | None = store.fs.get_file_info(f"{store.root}/{_path(mark.name)}").mtime
    return written


def remove(store: Store, mark: Mark) -> None:
    """Remove the mark of a process that has ended."""
    store.delete(claims_path(mark.name))
    store.delete(_path(mark.name))


def _wait_for_gc(store: Store, own: str) -> None:
    """A `gc` that starts from now on sees our mark. One that is running sees it before its next deletions, and ends."""
    warned = False
    for mark in marks(store, own):
        while mark.is_gc and _is_there(store, mark):
            if has_ended(mark.machine, mark.pid) or (warned and _is_silent(store, mark)):
                remove(store, mark)
                break
            if not warned:
                log.warning("%s is running in this store: waiting until it has noticed this run", mark)
                warned = True
            time.sleep(0.2)


def _is_silent(store: Store, mark: Mark) -> bool:
    """Whether the mark is not renewed in the time of three beats, by this machine's monotonic clock."""
    every = mark.every or BEAT
    before, end = store.read_bytes(_path(mark.name)), time.monotonic() + _WATCHED * every
    while before is not None and time.monotonic() < end:
        time.sleep(min(1.0, every))
        if store.read_bytes(_path(mark.name)) != before:
            return False
    return True


def _is_there(store: Store, mark: Mark) -> bool:
    return bool(store.fs.get_file_info(f"{store.root}/{_path(mark.name)}").type == pafs.FileType.File)


def _renew(store: Store, mark: Mark, over: threading.Event) -> None:
    beat = 0
    while not over.wait(mark.every):
        beat += 1
        try:
            _write(store, mark, beat)
        # A full disk or a client's bad minute is reported by the work itself, and the next beat may succeed.
        except Exception as error:
            log.debug("%s: not renewed: %s", mark, error)


def _write(store: Store, mark: Mark, beat: int) -> None:
    fields = asdict(mark) | {"beat": beat}
    del fields["name"], fields["written"]
    store.write_bytes(_path(mark.name), json.dumps(fields).encode())


def claims_path(name: str) -> str:
    """Where a run with a mark of that name says what it works on."""
    return f"{FOLDER}/{name}.claims"


def has_ended(machine: str | None, pid: int | None) -> bool:
    """Whether it was a process of this machine, and isn't there any more."""
    return pid is not None and machine == _machine() and not _runs(pid)


def _path(name: str) -> str:
    return f"{FOLDER}/{name}.json"


def _machine() -> str:
    """Names the range in which process ids are unique: one boot of one machine, and in it one PID namespace."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {uuid.getnode():x}"


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
