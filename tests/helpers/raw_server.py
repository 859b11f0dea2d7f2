"""A server on 127.0.0.1 that sends whatever bytes a test wants, HTTP or not, to whatever it is asked."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat

Sends = Callable[[], Iterable[bytes]]  # what goes over the wire, piece by piece; then the connection is closed


class RawServer:
    """Each connection is sent what `sends` gives, after the request on it has been read; `sent` counts bytes."""

    def __init__(self, sends: Sends) -> None:
        self.sends, self.sent = sends, 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._over = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def close(self) -> None:
        self._over.set()
        self._listener.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                _read_request(connection)
                for piece in self.sends():
                    connection.sendall(piece)
                    self.sent += len(piece)
                    if self._over.is_set():
                        return
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)  # until the other side has gone
            except OSError:
                return

    def wait(self, seconds: float) -> bool:
        """Whether the server was closed meanwhile."""
        return self._over.wait(seconds)


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return
        data += more
        if data[:1] == b"\x16":  # a handshake of TLS
            return
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    left = sum(lengths) - len(body)
    while left > 0 and (more := connection.recv(65536)):
        left -= len(more)


@contextmanager
def raw_server(sends: Sends) -> Iterator[RawServer]:
    server = RawServer(sends)
    try:
        yield server
    finally:
        server.close()


def http(body: bytes, status: str = "200 OK", *headers: str, kind: str = "application/json") -> bytes:
    """A whole reply with a body of known length."""
    lines = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def endless(start: bytes, piece: bytes) -> Iterable[bytes]:
    yield start
    yield from repeat(piece)


def one_by_one(*replies: bytes) -> Sends:
    """The replies, one for each connection."""
    left = iter(replies)
    return lambda: [next(left)]
