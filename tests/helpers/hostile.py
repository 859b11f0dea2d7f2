"""What servers send that is no reply of the OpenAI protocol: bodies, whole answers, and streams without end."""

import gzip
import json
import os
from typing import Any

from tests.helpers.raw_server import Sends, endless, http

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
DEEP = b"[" * 200_000
BLANKS = b" " * 2**16


def reply(choice: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A good reply to a prompt and a chat at once, but for what is given."""
    said = {"text": "Hello.", "message": {"role": "assistant", "content": "Hello."}}
    good = {"index": 0, "finish_reason": "stop", **said}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return json.dumps({"choices": [good | (choice or {})], "usage": usage} | fields).encode()


def message(**fields: Any) -> bytes:
    """A reply whose text is odd, of a prompt and of a chat."""
    return reply({"message": {"role": "assistant", "content": "Hello."} | fields, "text": fields.get("content", [])})


# Bodies of status 200 that are no reply of the protocol.
BODIES = {
    "a page": b"<!doctype html><title>Open WebUI</title><script>fetch('/context length')</script>",
    "nothing": b"",
    "a list": b"[]",
    "a word": b'"choices"',
    "null": b"null",
    "no choices": reply(choices=[]),
    "choices that are a number": reply(choices=5),
    "choices that are an object": reply(choices={"0": {"text": "Hello."}}),
    "a choice that is a word": reply(choices=["Hello."]),
    "a million wrong choices": b'{"choices": [' + b"1," * 1_000_000 + b"1]}",
    "a message that is a list": reply({"message": ["Hello."], "text": ["Hello."]}),
    "a refusal that is an object": message(refusal={"reason": "no"}, content={"text": "Hello."}),
    "a text that is a list": message(content=["Hello."]),
    "a text that is a number": message(content=7),
    "parts that are numbers": message(content=[1, 2]),
    "a reason that is an object": reply({"finish_reason": {"is": "stop"}}),
    "tokens without end": b'{"usage": {"completion_tokens": 1e400}, ' + reply()[1:].replace(b'"usage"', b'"used"'),
    "NaN tokens": reply(usage={"completion_tokens": float("nan")}),
    "infinite tokens": reply(usage={"prompt_tokens": float("-inf")}),
    "tokens below none": reply(usage={"completion_tokens": -5}),
    "more tokens than there are": reply(usage={"completion_tokens": 10**30}),
    "tokens of 5,000 digits": b'{"usage": {"prompt_tokens": ' + b"9" * 5000 + b"}, " + reply()[1:],
    "half a token": reply(usage={"completion_tokens": 1.5}),
    "tokens in a list": reply(usage={"completion_tokens": [2]}),
    "usage that is a list": reply(usage=[1]),
    "nested 200,000 deep": DEEP,
    "nested within a reply": reply()[:-1] + b', "more": ' + DEEP + b"]" * 200_000 + b"}",
    "another charset": reply().decode().replace("Hello.", "Übung").encode("latin-1") + b"\xff",
    "half of it": reply()[:60],
    "two of them": reply() * 2,
    "events": b"data: " + reply() + b"\n\ndata: [DONE]\n\n",
}
# What else comes over the wire: nothing of it is a reply.
WIRE: dict[str, Sends] = {
    **{name: lambda body=body: [http(body)] for name, body in BODIES.items()},  # type: ignore[misc]
    "a page, 404": lambda: [http(b"<html>Not Found</html>", "404 Not Found", kind="text/html")],
    "a page about the context length, 400": lambda: [http(b"<html>context length</html>", "400 Bad Request")],
    "a filter's page, 400": lambda: [http(b"<html>content_filter</html>", "400 Bad Request")],
    "a page, 405": lambda: [http(b"<html>Method Not Allowed</html>", "405 Method Not Allowed")],
    "a page, 413": lambda: [http(b"<html>413 Request Entity Too Large</html>", "413 Payload Too Large")],
    "a page, 422": lambda: [http(b"<html>no</html>", "422 Unprocessable Entity")],
    "nested deep, 400": lambda: [http(DEEP, "400 Bad Request")],
    "an error that is a list, 400": lambda: [http(b'{"error": [{"message": "context length"}]}', "400 Bad Request")],
    "a code that is an object, 400": lambda: [
        http(b'{"error": {"message": "context length", "code": {}}}', "400 Bad Request")
    ],
    "an odd charset, 400": lambda: [http(b"\xff\xfe no", "400 Bad Request", kind="text/html; charset=undefined")],
    "an odd charset, 500": lambda: [http(b"\xff\xfe no", "500 Oops", kind="text/html; charset=idna")],
    "an error about everything, 418": lambda: [http(b'{"error": {"message": "no"}}', "418 I'm a teapot")],
    "no content, 204": lambda: [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "a number that is no status": lambda: [http(b"{}", "999 ?")],
    "a filter that takes nothing": lambda: [http(reply({"finish_reason": "content_filter"}))],
    "a filter that takes nothing, 400": lambda: [
        http(b'{"error": {"message": "no", "code": "content_filter"}}', "400 Bad Request")
    ],
    "a reply that would be too long": lambda: [
        http(b'{"error": {"message": "maximum context length is 9, max_tokens is 20"}}', "400 Bad Request")
    ],
    "thoughts alone": lambda: [http(message(content=None, reasoning_content="Hm."))],
    "no text at all": lambda: [http(reply({"message": {"role": "assistant"}, "text": None}))],
    "an elsewhere": lambda: [http(b"", "308 Permanent Redirect", "Location: http://127.0.0.1:1/v1")],
    "itself, again and again": lambda: [http(b"", "307 Temporary Redirect", "Location: /v1/chat/completions")],
    "an elsewhere that is none": lambda: [http(b"", "301 Moved Permanently", "Location: http://[::1")],
    "an elsewhere of junk": lambda: [http(b"", "302 Found", "Location: //\x7f\xff:99999999/\x01")],
    "an elsewhere of another kind": lambda: [http(b"", "302 Found", "Location: file:///etc/passwd")],
    "a pause of junk": lambda: [http(b"{}", "429 Too Many Requests", "Retry-After: Mon, 99 Foo 99999999999999 +9e9")],
    "a pause without end": lambda: [http(b"{}", "503 Service Unavailable", f"Retry-After: {'9' * 500}")],
    "no HTTP": lambda: [b"220 mail.example.org ESMTP\r\n"],
    "an alert of TLS": lambda: [b"\x15\x03\x03\x00\x02\x02\x46"],
    "random bytes": lambda: [os.urandom(4096)],
    "nothing at all": list,
    "half a line": lambda: [b"HTTP/1.1 2"],
    "a length that is none": lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"],
    "a length below none": lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"],
    "a body that is shorter than its length": lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}"],
    "chunks that are none": lambda: [CHUNKED, b"zz\r\n{}\r\n"],
    "two lengths": lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    "gzip that is none": lambda: [http(b"{}", "200 OK", "Content-Encoding: gzip")],
    "half of a gzip": lambda: [http(gzip.compress(reply())[:40], "200 OK", "Content-Encoding: gzip")],
    "a kind of compression that was not asked for": lambda: [http(b"{}", "200 OK", "Content-Encoding: br")],
    "two kinds of compression": lambda: [http(gzip.compress(reply()), "200 OK", "Content-Encoding: gzip, gzip")],
}
ENDLESS: dict[str, Sends] = {
    "a body of a length": lambda: endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", BLANKS),
    "a body without a length": lambda: endless(b"HTTP/1.1 200 OK\r\n\r\n", BLANKS),
    "chunks": lambda: endless(CHUNKED, b"10000\r\n" + BLANKS + b"\r\n"),
    "an error": lambda: endless(b"HTTP/1.1 500 Oops\r\n\r\n", BLANKS),
    "an error about the row": lambda: endless(b"HTTP/1.1 400 Bad Request\r\n\r\n", BLANKS),
    "a redirect": lambda: endless(b"HTTP/1.1 302 Found\r\nLocation: /v1/elsewhere\r\n\r\n", BLANKS),
    "headers": lambda: endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 1000),
    "a header": lambda: endless(b"HTTP/1.1 200 OK\r\nX-More: ", BLANKS),
    "a first line": lambda: endless(b"HTTP/1.1 200 ", BLANKS),
    "a chunk's name": lambda: endless(CHUNKED + b"10;", BLANKS),
    "trailers": lambda: endless(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-More: and more\r\n" * 1000),
    "compressed bytes": lambda: endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", bytes(2**16)),
}
