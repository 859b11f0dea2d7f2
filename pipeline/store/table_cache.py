"""A cache of tables that were read: the least recently used go first when it has grown beyond so many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import pyarrow as pa

# All memos of an actor share one cache. The replies that a task looks up are in one or two old objects, with tens of MB
# of clips each, and an actor works on two tasks at once: those fit. The cache is bounded because tables that are read
# from an object store are fully in memory, and actors live for the whole run.
CACHE_BYTES = 256 * 2**20


class TableCache:
    """Tables by name, `limit` bytes of them together. The one used last stays, however large it is."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit, self.bytes = limit, 0
        self._tables: OrderedDict[str, tuple[pa.Table | None, int]] = OrderedDict()
        self._lock = threading.Lock()  # an actor works on two tasks at once

    def get(self, name: str, read: Callable[[], pa.Table | None]) -> pa.Table | None:
        """The table of that name. Where it isn't in the cache, what `read` returns is put there and returned, None too."""
        with self._lock:
            if name in self._tables:
                self._tables.move_to_end(name)
                return self._tables[name][0]
        table = read()  # others needn't wait meanwhile
        with self._lock:
            if name not in self._tables:
                self._tables[name] = table, table.nbytes if table is not None else 0
                self.bytes += self._tables[name][1]
            while self.bytes > self.limit and len(self._tables) > 1:
                self.bytes -= self._tables.popitem(last=False)[1][1]
        return table
