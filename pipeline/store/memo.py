"""The request memo: an engine is never asked the same thing twice.

An index of request digests over a stage's objects in this store; replies are read only when they are wanted.
"""

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.digests import column_digest
from pipeline.store.store import Store
from pipeline.store.table_cache import Held

_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError)  # what reading a damaged file ends in


class Memo:
    """Replies of one stage instance by request digest. `kept_as`: the audio column that holds the replies, if any;
    `held`: where tables are kept that were read, for all memos of an actor.
    """

    def __init__(self, store: Store, stage: str, kept_as: str | None, held: Held | None = None) -> None:
        self._store, self._kept_as, self._held = store, kept_as, held or Held()
        self._where: dict[bytes, tuple[str, int, int]] = {}
        for path in [*store.objects(stage), *store.parts(stage)]:
            self._index(path)

    def __len__(self) -> int:
        return len(self._where)

    def get(self, request: bytes) -> bytes | None:
        """The packed reply, or None where this was never asked."""
        found = self._where.get(request)
        if found is None:
            return None
        path, row, position = found
        table = self._held.get(path, lambda: self._read(path))
        if table is None:
            return None
        reply: bytes | None = table["_replies"][row][position].as_py()
        if reply is None and self._kept_as in table.column_names:
            clip = table[self._kept_as][row].as_py()
            reply = clip and clip["bytes"]
        return reply

    def _read(self, path: str) -> pa.Table | None:
        """The columns that hold replies; None where the file isn't what was written: then the engine is asked."""
        columns = ["_requests", "_replies", *([self._kept_as] if self._kept_as else [])]
        try:
            table = self._store.read_file(path, columns)
            return table if self._is_whole(path, table) else None
        except _DAMAGE:
            return None

    def _is_whole(self, path: str, table: pa.Table) -> bool:
        # Requests have no digest. A changed name is never asked for; but from a changed place came another's reply.
        lengths = [pc.list_value_length(table[name]) for name in ("_requests", "_replies")]
        if not lengths[0].equals(lengths[1]):
            return False
        if path.endswith(".arrow"):
            meta = self._store.read_json(f"{path.removesuffix('.arrow')}.json") or {}
        else:
            meta = {name.decode(): told.decode() for name, told in (table.schema.metadata or {}).items()}
        wanted = {"_replies": meta.get("replies"), self._kept_as: meta.get("columns", {}).get(self._kept_as)}
        return all(known is None or column_digest(table[name]) == known for name, known in wanted.items())

    def _index(self, path: str) -> None:
        try:
            requests = self._store.read_file(path, ["_requests"])["_requests"]
        except _DAMAGE:  # or a part that another run has just removed
            return
        for row, asked in enumerate(requests.to_pylist()):
            for position, request in enumerate(asked or ()):
                self._where[request] = (path, row, position)
