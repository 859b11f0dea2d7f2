"""Tables that were read and may be wanted again soon: those used last, bounded in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import pyarrow as pa

# Of all of an actor's memos together. A task's replies are in one or two old objects, tens of MB of clips each, and an
# actor works on two tasks: so many stay at hand. Off an object store each is in memory as it is, and an actor lives long.
HELD_BYTES = 256 * 2**20


class Held:
    """The tables used last, by name, that have `limit` bytes together; the very last stays however large it is."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self.limit, self.bytes = limit, 0
        self._tables: OrderedDict[str, tuple[pa.Table | None, int]] = OrderedDict()
        self._lock = threading.Lock()  # an actor works on two tasks at once

    def get(self, name: str, read: Callable[[], pa.Table | None]) -> pa.Table | None:
        """The table of that name; where it isn't held, what `read` gives, None too."""
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
