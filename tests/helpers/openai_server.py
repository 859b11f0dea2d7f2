"""A server on 127.0.0.1 that speaks the OpenAI protocol: models, completions, chats, speech; with faults on demand.

Its replies are a function of the request. Every POST is written down before it is answered. To have one that can be
killed: `python tests/helpers/openai_server.py PORT`, which prints its address as soon as it listens.
"""

import io
import json
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile

Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request. The first that is set of `hang`, `drop`, `status`, `raw`, `cut` happens."""

    status: int = 0  # an error reply of this status ...
    message: str = "scripted"
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)  # ... with these headers, Retry-After say
    hang: float = 0.0  # seconds of silence, then the connection is closed
    drop: bool = False  # the connection is closed unanswered
    raw: str | bytes | None = None  # status 200 with this body
    cut: bool = False  # the headers and half the body, then the connection is closed
    patch: dict[str, Any] = field(default_factory=dict)  # over the keys of a good reply


@dataclass(frozen=True)
class Seen:
    path: str
    body: Body
    headers: dict[str, str]
    at: float  # time.monotonic()


def user_text(body: Body) -> str:
    """The prompt, or what the user said last."""
    if "prompt" in body:
        return str(body["prompt"])
    return str([message["content"] for message in body["messages"] if message["role"] == "user"][-1])


def echo(body: Body) -> str:
    """The last line of what was said, as a sentence; under a JSON schema, that as each of its string properties."""
    lines = [line for line in user_text(body).splitlines() if line.strip()]
    text = f" You said: {lines[-1] if lines else ''}"
    schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    return text if schema is None else json.dumps(dict.fromkeys(schema.get("properties", {}), text))


def tone(body: Body) -> bytes:
    """A WAV file of the input's length: a twentieth of a second a letter, at 22,050 Hz; each voice has its own pitch."""
    rate, seconds = 22050, 0.05 * len(body["input"]) / body.get("speed", 1.0)
    time_ = np.arange(round(rate * seconds)) / rate
    pitch = 150 + 50 * len(body["voice"])
    file = io.BytesIO()
    soundfile.write(file, 0.2 * np.sin(2 * np.pi * pitch * time_), rate, format=body["response_format"].upper())
    return file.getvalue()


class OpenAIServer:
    """Serves while it is entered (`with OpenAIServer() as server`), or between `start` and `stop`.

    `reply` makes the text for a request's body; it is then cut at the request's stop strings and after `max_tokens`
    words. `script(*faults)` says what happens to the next requests, one each (None: nothing); `always` to all others.
    """

    def __init__(
        self, reply: Callable[[Body], str] = echo, models: tuple[str, ...] = ("small",), port: int = 0
    ) -> None:
        self.reply, self.models = reply, models
        self.voices = ("anna", "bob")
        self.barrier: threading.Barrier | None = None  # where set, each reply waits until so many requests are there
        self.key: str | None = None  # where set, requests without it get a 401
        self.always: Fault | None = None
        self.seen: list[Seen] = []
        self.at_once = self.most_at_once = 0  # requests under way
        self.port = port
        self._script: deque[Fault | None] = deque()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *faults: Fault | None) -> None:
        self._script.extend(faults)

    def start(self) -> None:
        """Listen: without a port the first time on any free one, later on the same again."""
        self._server = _Listener(("127.0.0.1", self.port), type("Handler", (_Handler,), {"owner": self}))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Be down: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def enter(self, seen: Seen) -> Fault | None:
        """Write a request down; returns what is to go wrong with it."""
        with self._lock:
            self.seen.append(seen)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            return self._script.popleft() if self._script else self.always

    def leave(self) -> None:
        with self._lock:
            self.at_once -= 1

    def answer(self, path: str, body: Body) -> Body:
        """The protocol's reply to a good request."""
        text, finish = self.reply(body), "stop"
        for stop in body.get("stop") or ():
            text = text.split(stop)[0]
        words = text.split(" ")
        if len(words) > body.get("max_tokens", 16):
            words, finish = words[: body["max_tokens"]], "length"
            text = " ".join(words)
        chat = path.endswith("/chat/completions")
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        asked = len(user_text(body).split())
        return {
            "id": "reply",
            "object": "chat.completion" if chat else "text_completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": finish, "logprobs": None, **said}],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": len(words),
                "total_tokens": asked + len(words),
            },
        }


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: OpenAIServer

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            models = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in self.owner.models]
            self._send(200, {"object": "list", "data": models})
        else:
            self._send(404, {"error": {"message": f"no {self.path}"}})

    def do_POST(self) -> None:
        body: Body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.owner.enter(Seen(self.path, body, dict(self.headers), time.monotonic()))
        try:
            if self.owner.barrier:
                self.owner.barrier.wait(300)
            self._answer(body, fault or Fault())
        finally:
            self.owner.leave()

    def _answer(self, body: Body, fault: Fault) -> None:
        if fault.hang or fault.drop:
            time.sleep(fault.hang)
            self._hang_up()
        elif fault.status:
            error = {"message": fault.message, "type": "scripted", "code": fault.code}
            self._send(fault.status, {"error": error}, fault.headers)
        elif fault.raw is not None:
            self._send(200, fault.raw)
        elif self.owner.key and self.headers["Authorization"] != f"Bearer {self.owner.key}":
            self._send(401, {"error": {"message": f"wrong key: {self.headers['Authorization']}"}})
        elif self.path not in ("/v1/completions", "/v1/chat/completions", "/v1/audio/speech"):
            self._send(404, {"error": {"message": f"no {self.path}"}})
        elif body.get("model") not in self.owner.models:
            self._send(404, {"error": {"message": f"no model {body.get('model')}", "code": "model_not_found"}})
        elif self.path != "/v1/audio/speech":
            self._send(200, self.owner.answer(self.path, body) | fault.patch, cut=fault.cut)
        elif body["voice"] not in self.owner.voices:
            self._send(400, {"error": {"message": f"no voice {body['voice']}"}})
        else:
            self._send(200, tone(body), {"Content-Type": "audio/wav"}, cut=fault.cut)

    def _send(self, status: int, content: Any, headers: dict[str, str] | None = None, cut: bool = False) -> None:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        data = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Be quiet."""


if __name__ == "__main__":
    _, own_port, *most = sys.argv  # and how many requests get a reply, if not all
    with OpenAIServer(port=int(own_port)) as running:
        if most:
            running.script(*[None] * int(most[0]))
            running.always = Fault(hang=3600)
        print(running.url, flush=True)
        threading.Event().wait()
