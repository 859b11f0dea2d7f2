"""The request memo: an engine is never asked the same thing twice.

It is an index of request digests over a stage's objects in this store. Replies are read when they are looked up.
"""

import pyarrow as pa
import pyarrow.compute as pc

from voxsmith.pipeline.store.digests import column_digest
from voxsmith.pipeline.store.forms import DIGESTS
from voxsmith.pipeline.store.objects import REPLIES, REQUESTS
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.table_cache import TableCache
from voxsmith.schemas.columns import AUDIO

_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError)  # what reading a damaged file raises


class Memo:
    """Replies of one stage instance by request digest. `kept_as`: the audio column that holds the replies, if any;
    `cache`: of the tables that were read, shared by all memos of an actor.
    """

    def __init__(self, store: Store, stage: str, kept_as: str | None, cache: TableCache | None = None) -> None:
        self._store, self._stage, self._kept_as, self._cache = store, stage, kept_as, cache or TableCache()
        self._where: dict[bytes, tuple[str, int, int]] = {}
        for path in [*store.objects(stage), *store.partials(stage)]:
            self._index(path)

    def add_partials(self, key: str) -> None:
        """Know the partial objects, too, that a task has left since this memo was made."""
        for path in self._store.partials(self._stage):
            if path.partition(".part-")[0].endswith(f"/{key}"):
                self._index(path)

    def __len__(self) -> int:
        return len(self._where)

    def get(self, request: bytes) -> bytes | None:
        """The packed reply, or None where this request was never made."""
        where = self._where.get(request)
        if where is None:
            return None
        path, row, position = where
        table = self._cache.get(path, lambda: self._read(path))
        if table is None:
            return None
        reply: bytes | None = table["_replies"][row][position].as_py()
        if reply is None and self._kept_as in table.column_names:
            clip = table[self._kept_as][row].as_py()
            reply = clip and clip["bytes"]
        return reply

    def _read(self, path: str) -> pa.Table | None:
        """The columns with replies, or None where the file isn't what was written: then the engine is asked again."""
        columns = ["_requests", "_replies", *([self._kept_as] if self._kept_as else [])]
        try:
            table = self._store.read_file(path, columns)
            return table if self._is_whole(path, table) else None
        except _DAMAGE:
            return None

    def _is_whole(self, path: str, table: pa.Table) -> bool:
        if not all(table.schema.field(name).type == kind for name, kind in self._kinds(table).items()):
            return False  # what another version wrote
        # The requests themselves have no digest. A request whose bytes have changed is never looked up; but if lengths
        # of lists have changed, a request would get the reply of another one.
        lengths = [pc.list_value_length(table[name]) for name in ("_requests", "_replies")]
        if not lengths[0].equals(lengths[1]):
            return False
        if path.endswith(".arrow"):
            meta = self._store.read_json(f"{path.removesuffix('.arrow')}.json", DIGESTS) or {}
            digests = {"_replies": meta.get("replies"), self._kept_as: meta.get("columns", {}).get(self._kept_as or "")}
        else:
            digests = {"_replies": (table.schema.metadata or {}).get(b"replies", b"").decode() or None}
        return all(known is None or column_digest(table[name]) == known for name, known in digests.items())

    def _kinds(self, table: pa.Table) -> dict[str, pa.DataType]:
        kinds = {"_requests": REQUESTS, "_replies": REPLIES}
        return kinds | ({self._kept_as: AUDIO} if self._kept_as and self._kept_as in table.column_names else {})

    def _index(self, path: str) -> None:
        try:
            requests = self._store.read_file(path, ["_requests"])["_requests"].cast(REQUESTS)
        except _DAMAGE:  # or a partial object that another run has just removed
            return
        for row, made in enumerate(requests.to_pylist()):
            for position, request in enumerate(made or ()):
                self._where[request] = (path, row, position)
