"""A server that speaks the OpenAI protocol over real HTTP, with faults on demand. Also: python openai_server.py PORT."""

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[dict[str, Any]], str]


def echo(request: dict[str, Any]) -> str:
    """A reply that depends on the request alone."""
    text = request.get("prompt") or request["messages"][-1]["content"]
    return f"You said: {text}"


class Server:
    """Use as a context manager. `faults`: what the next requests meet, in order; then all is well.

    A fault is an HTTP status, or "hang", "cut" (half a body), "empty" (no choices), "drop" (no reply at all), "html".
    """

    def __init__(self, reply: Reply = echo, faults: list[Any] | None = None, port: int = 0) -> None:
        self.reply, self.faults, self.seen = reply, list(faults or []), []
        self.lock = threading.Lock()
        self.active = self.most_active = 0
        self.http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.http.shutdown()
        self.http.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            self.send({"object": "list", "data": [{"id": "toy", "object": "model", "created": 0, "owned_by": "us"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.seen.append(body)
                fault = server.faults.pop(0) if server.faults else None
                server.active += 1
                server.most_active = max(server.most_active, server.active)
            try:
                self.answer(body, fault)
            finally:
                with server.lock:
                    server.active -= 1

        def answer(self, body: dict[str, Any], fault: Any) -> None:
            if isinstance(fault, int):
                self.send({"error": {"message": f"fault {fault}", "type": "fault"}}, fault)
            elif isinstance(fault, tuple):  # status and message
                self.send({"error": {"message": fault[1], "type": "fault"}}, fault[0])
            elif fault == "hang":
                time.sleep(3)
                self.close_connection = True
            elif fault == "drop":
                self.connection.close()
                self.close_connection = True
            elif fault == "html":
                self.send_bytes(b"<html>busy</html>", 200, "text/html")
            elif fault == "empty":
                self.send({"id": "x", "object": "text_completion", "created": 0, "model": "toy", "choices": []})
            else:
                data = json.dumps(self.completion(body)).encode()
                if fault == "cut":
                    self.send_bytes(data[: len(data) // 2], 200, "application/json")
                else:
                    self.send_bytes(data, 200, "application/json")

        def completion(self, body: dict[str, Any]) -> dict[str, Any]:
            time.sleep(0.02)
            text = server.reply(body)
            words = text.split(" ")
            finish = "length" if len(words) > body["max_tokens"] else "stop"
            text = " ".join(words[: body["max_tokens"]])
            chat = "messages" in body
            choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            usage = {"prompt_tokens": 1, "completion_tokens": len(text.split()), "total_tokens": 1}
            kind = "chat.completion" if chat else "text_completion"
            choices = [{"index": 0, "finish_reason": finish, "logprobs": None, **choice}]
            return {"id": "x", "object": kind, "created": 0, "model": "toy", "choices": choices, "usage": usage}

        def send(self, value: Any, status: int = 200) -> None:
            self.send_bytes(json.dumps(value).encode(), status, "application/json")

        def send_bytes(self, data: bytes, status: int, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("Retry-After", "0.1")
            self.end_headers()
            self.wfile.write(data)

    return Handler


if __name__ == "__main__":
    with Server(port=int(sys.argv[1])):
        threading.Event().wait()
