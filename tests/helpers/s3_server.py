"""An object store on 127.0.0.1: moto's, behind a proxy that can be set to fail."""

import http.client
import os
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_OF_THIS_HOP = ("transfer-encoding", "connection", "expect", "content-length")
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


class S3Server:
    """While it is entered: a server with one bucket, `bucket`.

    `share` of the requests get a 500 or a 503 instead of what they ask for, `delay` seconds pass before each;
    `requests` counts them by method. After `puts` puts in all, if that is set, a put gets no reply and has no effect.
    """

    def __init__(self) -> None:
        self.share, self.delay = 0.0, 0.0
        self.requests: dict[str, int] = {}
        self.puts: int | None = None
        self.draw = random.Random(0)

    def __enter__(self) -> Self:
        from moto.server import ThreadedMotoServer

        os.environ.update(KEYS)
        self._store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._store.start()
        self.inner = self._store.get_host_and_port()
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._proxy.daemon_threads = True
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection(*self.inner)
        connection.request(
            "PUT", "/bucket", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/1/us-east-1/s3/x"}
        )
        assert connection.getresponse().status == 200
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self._store.stop()

    def url(self, path: str) -> str:
        host, port = self._proxy.server_address[:2]
        return f"s3://bucket/{path}?endpoint_override={host}:{port}&scheme=http&region=us-east-1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: S3Server

    def _pass_on(self) -> None:
        body = self._body()
        self.owner.requests[self.command] = self.owner.requests.get(self.command, 0) + 1
        time.sleep(self.owner.delay)
        if self.command == "PUT" and self.owner.puts is not None and self.owner.requests["PUT"] > self.owner.puts:
            time.sleep(3600)
        if self.owner.draw.random() < self.owner.share:
            status = self.owner.draw.choice((500, 503))
            self._send(status, [], b"<Error><Code>SlowDown</Code><Message>scripted</Message></Error>")
            return
        connection = http.client.HTTPConnection(*self.owner.inner)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THIS_HOP}
        connection.request(self.command, self.path, body, headers)
        reply = connection.getresponse()
        self._send(reply.status, reply.getheaders(), reply.read())

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            continue
        return body

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""
