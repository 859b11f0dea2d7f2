"""What is open already: neighbours in a corpus lie in the same recordings, archives and tables."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class _Entry(Generic[V]):
    def __init__(self) -> None:
        self.lock, self.value, self.users = threading.Lock(), list[V](), 0


class Kept(Generic[V]):
    """The last values that were used, `most` of them and those in use. `close` is called with each that goes.

    `alone`: whether one thread at a time may use a value.
    """

    def __init__(self, most: int, close: Callable[[V], Any] = lambda value: None, alone: bool = True) -> None:
        self._most, self._close, self._alone = most, close, alone
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()

    @contextmanager
    def use(self, key: Hashable, make: Callable[[], V]) -> Iterator[V]:
        """The value of the key, made where there is none. Where the block raises, the value is not kept."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            entry.users += 1
        try:
            with entry.lock:
                if not entry.value:
                    entry.value.append(make())
                value = entry.value[0]
                if self._alone:
                    yield value
            if not self._alone:
                yield value
        except BaseException:
            self._forget(key, entry)
            raise
        finally:
            self._leave(entry)

    def clear(self) -> None:
        """Close all that nobody uses."""
        with self._lock:
            for key in list(self._entries):
                self._drop(key)

    def _forget(self, key: Hashable, entry: _Entry[V]) -> None:
        with self._lock:
            if self._entries.get(key) is entry:
                del self._entries[key]

    def _leave(self, entry: _Entry[V]) -> None:
        with self._lock:
            entry.users -= 1
            if not entry.users and entry not in self._entries.values():
                self._close_all(entry)
            for key in list(self._entries)[: max(0, len(self._entries) - self._most)]:
                self._drop(key)

    def _drop(self, key: Hashable) -> None:
        if not self._entries[key].users:
            self._close_all(self._entries.pop(key))

    def _close_all(self, entry: _Entry[V]) -> None:
        while entry.value:
            self._close(entry.value.pop())
