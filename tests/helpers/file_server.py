"""A web site on 127.0.0.1 with one file, that does what a test says: slow, broken, lying, or as it should be."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

PIECE = 1 << 16


class FileServer:
    """Serves `data` at any path while it is entered, parts of it too. `etag`: of its version, "" for none. `instead`: what
    to do in place of that, with the handler. `pause`: seconds after each piece. `hold_at`: so many bytes are sent, and no more
    until it is None. `sent`: bytes of bodies so far.
    """

    def __init__(self, data: bytes, etag: str = '"one"') -> None:
        self.data, self.etag, self.ranges, self.pause = data, etag, True, 0.0
        self.instead: Callable[[Any], None] | None = None
        self.hold_at: int | None = None
        self.sent = 0
        self.asked: list[str] = []  # the Range of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/folder/weights.pt"

    def __enter__(self) -> Self:
        self._server = _Listener(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    owner: FileServer

    def do_GET(self) -> None:
        owner, part = self.owner, self.headers.get("Range", "")
        owner.asked.append(part)
        if owner.instead is not None:
            owner.instead(self)
            return
        start = int(part.removeprefix("bytes=").rstrip("-")) if part and owner.ranges else 0
        size = len(owner.data)
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if part and owner.ranges else 200)
        if part and owner.ranges:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if owner.etag:
            self.send_header("ETag", owner.etag)
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        for at in range(start, size, PIECE):
            self.wfile.write(owner.data[at : at + PIECE])
            owner.sent += min(PIECE, size - at)
            time.sleep(owner.pause)
            while owner.hold_at is not None and owner.sent >= owner.hold_at:
                time.sleep(0.01)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Be quiet."""
