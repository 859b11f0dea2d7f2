"""The HTTP client under `openai`'s: whatever a server sends, no more of it is held in memory than the asker allows for.

`openai` reads bodies whole, and httpx decompresses what it reads: 18 MB of gzip become 3 GB. Here a body is counted as it
streams, the compressed bytes and what they decompress to. Headers are bounded by h11 (100 kB), time by the caller.
"""

import zlib
from contextvars import ContextVar
from typing import Any

import openai

# The most bytes of a reply that the current task wants; set before it asks.
MOST: ContextVar[int] = ContextVar("most")
_KEPT = ("retry-after", "location")  # headers that are looked at: what a charset says would be believed
_ZLIB = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's window bits by the name of a compression


class BadBody(Exception):
    """A body that is longer than it may be, or compressed in a way that can't be read."""


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """Raises BadBody for a reply beyond MOST. Of an error's body the start is enough. It follows no redirect: rows go to
    the server that the recipe names, and to no other.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(follow_redirects=False, **settings)

    async def send(self, request: Any, **how: Any) -> Any:
        response = await super().send(request, **how | {"stream": True})
        most, is_error = MOST.get(), not response.is_success
        raw = bytearray()
        try:
            async for chunk in response.aiter_raw(2**16):
                raw += chunk
                if len(raw) > most:
                    break
        finally:
            await response.aclose()
        try:
            content = _decompressed(bytes(raw), response.headers.get("content-encoding", ""), most)
        except BadBody:
            if not is_error:
                raise
            content = b""
        if len(content) > most and not is_error:
            raise BadBody(f"a reply of more than {most:,} bytes, which is more than was asked for")
        headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
        return type(response)(response.status_code, headers=headers, content=content[:most], request=request)


def _decompressed(data: bytes, compression: str, most: int) -> bytes:
    """The data, or more than `most` bytes of it. Raises BadBody where it can't be decompressed."""
    compression = compression.strip().lower()
    if compression in ("", "identity"):
        return data
    if compression not in _ZLIB:
        raise BadBody(f"a reply that is compressed ({compression[:40]}) although it was asked for as it is")
    for bits in (_ZLIB[compression], -15):  # some servers' deflate lacks the header
        decompressor = zlib.decompressobj(bits)
        try:
            plain = decompressor.decompress(data, most + 1)
        except zlib.error:
            continue
        if decompressor.eof or len(plain) > most:
            return plain
    raise BadBody(f"a reply that is not {compression}, or not all of it, though it says so")
