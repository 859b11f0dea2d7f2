"""Who is at work in a store: a mark under `live/` that its process renews while it lives.

    live/<name>.json    what it is, host, process, a count of beats, and the folders of objects that it may need

No clock is believed. Times are those that the store gives its files, and a process that can't be asked (it is on
another machine) is gone only when its mark is old *and* doesn't move while it is watched.
"""

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import psutil
import pyarrow.fs as pafs

from pipeline.store.store import Store

FOLDER = "live"
BEAT = 20.0  # seconds between two renewals
SILENCE = timedelta(hours=24)  # of a process elsewhere, before it is watched for being gone
GC = "gc"  # what the mark of a `gc` says it is
_WATCHED = 3  # beats
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mark:
    """A process at work. `folders`: under objects/, what it may need; `written`: when, by the store's own clock."""

    name: str
    what: str
    host: str
    machine: str
    pid: int
    beat: int
    every: float
    folders: tuple[str, ...]
    written: datetime | None = None

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid} on {self.host})"


@contextmanager
def alive(store: Store, what: str, folders: Iterable[str], every: float = BEAT) -> Iterator[Mark]:
    """While the block runs, others see that this process is at work and may need what is in these folders.

    Whoever isn't a `gc` waits for one that is on, because that may not have seen the mark yet.
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
        except OSError as error:  # the work is done; a mark that stays is found to be that of a dead process
            log.warning("%s: its mark could not be taken away: %s", mark, error)


def marks(store: Store, own: str | None = None) -> list[Mark]:
    """Everyone's marks but one's own, of the living and the dead."""
    found = []
    for info in store.listed(FOLDER):
        name, _, ending = info.base_name.rpartition(".")
        wanted = ending == "json" and name != own
        raw = store.read_json(f"{FOLDER}/{info.base_name}") if wanted else None
        if raw:
            found.append(Mark(**{**raw, "folders": tuple(raw["folders"])}, name=name, written=info.mtime))
    return found


def is_gone(store: Store, mark: Mark, now: datetime) -> bool:
    """Whether the mark's process is certainly no more. May take a minute, in which the mark is watched.

    `now`: by the store's clock.
    """
    if mark.machine == _machine() and not _runs(mark.pid):
        return True
    if mark.written is None or now - mark.written < SILENCE:
        return False
    return _is_silent(store, mark)


def store_time(store: Store, mark: Mark) -> datetime | None:
    """When the store says that it was given this mark: the store's own clock, whatever ours says."""
    found: datetime | None = store.fs.get_file_info(f"{store.root}/{_path(mark.name)}").mtime
    return found


def remove(store: Store, mark: Mark) -> None:
    """Take away the mark of a process that is gone."""
    store.delete(_path(mark.name))


def _wait_for_gc(store: Store, own: str) -> None:
    """A `gc` that starts from now on sees our mark; one that is on sees it before it goes on, and ends."""
    told = False
    for mark in marks(store, own):
        while mark.what == GC and _is_there(store, mark):
            if (mark.machine == _machine() and not _runs(mark.pid)) or (told and _is_silent(store, mark)):
                remove(store, mark)
                break
            if not told:
                log.warning("%s is on in this store: waiting until it has noticed this run", mark)
                told = True
            time.sleep(0.2)


def _is_silent(store: Store, mark: Mark) -> bool:
    """Whether the mark stays as it is for some of its beats, by a clock that can't be set."""
    before, end = _beat(store, mark), time.monotonic() + _WATCHED * mark.every
    while before is not None and time.monotonic() < end:
        time.sleep(min(1.0, mark.every))
        if _beat(store, mark) != before:
            return False
    return True


def _is_there(store: Store, mark: Mark) -> bool:
    return bool(store.fs.get_file_info(f"{store.root}/{_path(mark.name)}").type == pafs.FileType.File)


def _beat(store: Store, mark: Mark) -> int | None:
    found = store.read_json(_path(mark.name))
    return None if found is None else int(found["beat"])


def _renew(store: Store, mark: Mark, over: threading.Event) -> None:
    beat = 0
    while not over.wait(mark.every):
        beat += 1
        try:
            _write(store, mark, beat)
        except (
            Exception
        ) as error:  # a full disk, a client's bad minute: for the work itself to tell; the next beat may pass
            log.debug("%s: not renewed: %s", mark, error)


def _write(store: Store, mark: Mark, beat: int) -> None:
    told = asdict(mark) | {"beat": beat}
    del told["name"], told["written"]
    store.write_bytes(_path(mark.name), json.dumps(told).encode())


def _path(name: str) -> str:
    return f"{FOLDER}/{name}.json"


def _machine() -> str:
    """Names what process ids here belong to: this start of this machine, and in it this container."""
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
