"""A server on 127.0.0.1 that speaks the Hub's protocol to the real client: repositories, LFS, commits, downloads.

What goes wrong is scripted by operation (`create`, `tree`, `preupload`, `batch`, `put`, `verify`, `commit`, …); what
happened can be looked at: `repos`, `uploads`, `commits`, `requests`.
"""

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_SecretOfTheTests0123456789abcdefgh"
_LARGE = 10_000_000  # bytes; besides these, Arrow and Parquet files go into LFS


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request. `after`: the operation is done, and its answer gets lost."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False  # the connection is closed in the middle of what the client sends
    after: bool = False
    hang: float = 0.0  # seconds of silence, then the connection is closed


@dataclass
class Repo:
    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    lfs: set[str] = field(default_factory=set)  # names of those that are in LFS
    closed: Fault | None = None  # what every request about it is answered

    def entry(self, name: str) -> dict[str, Any]:
        data = self.files[name]
        entry: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": git_name(data)}
        if name in self.lfs:
            entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 130}
        return entry

    def folders(self) -> list[str]:
        return sorted({name[:at] for name in self.files for at, letter in enumerate(name) if letter == "/"})

    @property
    def head(self) -> str:
        return hashlib.sha1(repr(sorted((k, sha256(v)) for k, v in self.files.items())).encode()).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_name(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class HubServer:
    """Serves while it is entered. `hold` stops all requests of an operation but the first `after`, undone; `release`
    closes their connections.
    """

    def __init__(self, page: int = 1000) -> None:
        self.page = page  # entries of one page of a listing
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}  # LFS, by sha256
        self.uploads: Counter[str] = Counter()  # objects that came, by sha256
        self.commits: list[list[str]] = []  # names that each commit brought or took
        self.requests: list[str] = []  # operations
        self.sent = 0  # bytes of files
        self.times: list[tuple[str, float]] = []
        self.bodies: list[str] = []  # what was created
        self.reached = threading.Event()  # a request stands at the operation that is held
        self._faults: dict[str, deque[Fault | None]] = {}
        self._held: str | None = None
        self._free = 0
        self._go = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, operation: str, *faults: Fault | None) -> None:
        self._faults.setdefault(operation, deque()).extend(faults)

    def hold(self, operation: str, after: int = 0) -> None:
        self._held, self._free = operation, after
        self.reached.clear()
        self._go.clear()

    def release(self) -> None:
        self._held = None
        self._go.set()

    def enter(self, operation: str) -> Fault:
        with self.lock:
            self.requests.append(operation)
            self.times.append((operation, time.monotonic()))
            script = self._faults.get(operation)
            fault = script.popleft() if script else None
            held = self._held == operation and self._free <= 0
            self._free -= self._held == operation
        if held:
            self.reached.set()
            self._go.wait()
            return Fault(drop=True)
        return fault or Fault()

    def __enter__(self) -> Self:
        self._server = _Listener(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


_REPO = r"(?P<repo>[^/]+/[^/]+)"
_ROUTES = [  # method, path, operation, whether a token is needed
    ("GET", r"/api/whoami-v2", "whoami", True),
    ("POST", r"/api/repos/create", "create", True),
    ("POST", r"/api/validate-yaml", "validate", False),
    ("GET", rf"/api/(?:datasets|models)/{_REPO}(?:/revision/[^/]+)?", "info", False),
    ("GET", rf"/api/(?:datasets|models)/{_REPO}/tree/[^/]+(?:/(?P<name>.+))?", "tree", False),
    ("POST", rf"/api/datasets/{_REPO}/paths-info/[^/]+", "paths", False),
    ("POST", rf"/api/datasets/{_REPO}/preupload/main", "preupload", True),
    ("POST", rf"/datasets/{_REPO}\.git/info/lfs/objects/batch", "batch", True),
    ("PUT", r"/storage/(?P<name>\w+)", "put", False),  # its signature is its permission
    ("POST", r"/storage/(?P<name>\w+)/verify", "verify", True),
    ("POST", rf"/api/datasets/{_REPO}/commit/main", "commit", True),
    ("GET", rf"/(?:datasets/)?{_REPO}/resolve/[^/]+/(?P<name>.+)", "resolve", False),
    ("HEAD", rf"/(?:datasets/)?{_REPO}/resolve/[^/]+/(?P<name>.+)", "resolve", False),
]


def _route(command: str, path: str) -> tuple[str, bool, dict[str, Any]] | None:
    for method, pattern, operation, needs_token in _ROUTES:
        match = re.fullmatch(pattern, path)
        if method == command and match:
            return operation, needs_token, match.groupdict()
    return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: HubServer

    def _serve(self) -> None:
        address = urlsplit(self.path)
        self.query = parse_qs(address.query)
        route = _route(self.command, unquote(address.path))
        if route is None:
            self._body()
            return self._send(404, {"error": f"no {self.command} {address.path}"})
        operation, needs_token, self.names = route
        fault = self.owner.enter(operation)
        if fault.drop:
            self.rfile.read(min(1000, int(self.headers.get("Content-Length") or 0)))
            return self._hang_up()
        if fault.hang:
            time.sleep(fault.hang)
            return self._hang_up()
        body = self._body()
        if fault.status:
            return self._send(fault.status, {"error": "scripted"}, fault.headers)
        authorization = self.headers.get("Authorization")
        if authorization != f"Bearer {TOKEN}" and (needs_token or authorization):
            return self._send(401, {"error": "Invalid credentials in Authorization header"})
        if "repo" in self.names and self.names["repo"] not in self.owner.repos:
            return self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if "repo" in self.names and (closed := self.repo.closed):
            return self._send(closed.status, {"error": "closed"}, closed.headers)
        with self.owner.lock:
            reply = getattr(self, f"_{operation}")(body)
        if fault.after:
            return self._hang_up()
        if isinstance(reply, tuple):
            return self._send(*reply)
        self._send(200, reply)

    do_GET = do_POST = do_PUT = do_HEAD = _serve

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    @property
    def repo(self) -> Repo:
        return self.owner.repos[self.names["repo"]]

    # -- operations: a reply's JSON, or (status, JSON or bytes, headers) ----------------------------------------------

    def _whoami(self, body: bytes) -> Any:
        return {"type": "user", "name": "user", "orgs": [], "auth": {"accessToken": {"role": "write"}}}

    def _create(self, body: bytes) -> Any:
        request = json.loads(body)
        self.owner.bodies.append(body.decode())
        name = f"{request['organization'] or 'user'}/{request['name']}"
        if not name.startswith("user/"):
            return 403, {"error": f"You don't have the rights to create a dataset under the namespace {name}"}, {}
        reply = {"url": f"{self.owner.url}/datasets/{name}", "name": name, "id": "1"}
        if name in self.owner.repos:
            return 409, reply | {"error": "You already created this dataset repo"}, {}
        private = request.get("private") or request.get("visibility") == "private"
        first = {".gitattributes": b"*.parquet filter=lfs\n*.arrow filter=lfs\n"}
        self.owner.repos[name] = Repo(bool(private), first)
        return reply

    def _validate(self, body: bytes) -> Any:
        if not json.loads(body)["content"].startswith("---\n"):
            return 400, {"errors": [{"message": "no metadata"}], "warnings": []}, {}
        return {"errors": [], "warnings": []}

    def _info(self, body: bytes) -> Any:
        name, repo = self.names["repo"], self.repo
        return {
            "_id": "1",
            "id": name,
            "author": name.split("/")[0],
            "sha": repo.head,
            "private": repo.private,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "lastModified": "2025-01-31T12:00:00.000Z",
            "createdAt": "2025-01-31T12:00:00.000Z",
            "siblings": [{"rfilename": file} for file in sorted(repo.files)],
        }

    def _tree(self, body: bytes) -> Any:
        repo, under = self.repo, f"{self.names['name']}/" if self.names["name"] else ""
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        names = sorted([*repo.files, *repo.folders()])
        names = [name for name in names if name.startswith(under) and (deep or "/" not in name[len(under) :])]
        if under and not names:
            return 404, {"error": "no such folder"}, {"X-Error-Code": "EntryNotFound"}
        start = int(self.query.get("cursor", ["0"])[0])
        page = [self._entry(name) for name in names[start : start + self.owner.page]]
        headers = {}
        if start + self.owner.page < len(names):
            plain = urlsplit(self.path).path
            query = f"recursive={deep}&cursor={start + self.owner.page}"
            headers["Link"] = f'<{self.owner.url}{plain}?{query}>; rel="next"'
        return 200, page, headers

    def _entry(self, name: str) -> dict[str, Any]:
        if name in self.repo.files:
            return self.repo.entry(name)
        return {"type": "directory", "path": name, "size": 0, "oid": git_name(name.encode())}

    def _paths(self, body: bytes) -> Any:
        form = parse_qs(body.decode())
        names = form.get("paths", []) or form.get("paths[]", [])
        known = {*self.repo.files, *self.repo.folders()}
        return [self._entry(name) for name in names if name in known]

    def _preupload(self, body: bytes) -> Any:
        files = []
        for file in json.loads(body)["files"]:
            assert base64.b64decode(file["sample"]) or not file["size"]
            large = file["size"] >= _LARGE or file["path"].endswith((".parquet", ".arrow"))
            answer = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            if file["path"] in self.repo.files:
                entry = self.repo.entry(file["path"])
                answer["oid"] = entry.get("lfs", entry)["oid"]
            files.append(answer)
        return {"files": files}

    def _batch(self, body: bytes) -> Any:
        request = json.loads(body)
        assert request["operation"] == "upload" and request["hash_algo"] == "sha256"
        objects = []
        for one in request["objects"]:
            place = f"{self.owner.url}/storage/{one['oid']}"
            actions = {"upload": {"href": f"{place}?signature=abc"}, "verify": {"href": f"{place}/verify"}}
            objects.append(one if one["oid"] in self.owner.objects else one | {"actions": actions})
        return {"transfer": "basic", "objects": objects}

    def _put(self, body: bytes) -> Any:
        if self.query.get("signature") != ["abc"] or sha256(body) != self.names["name"]:
            return 400, {"error": "not what was announced"}, {}
        self.owner.objects[self.names["name"]] = body
        self.owner.uploads[self.names["name"]] += 1
        return 200, b"", {"ETag": '"1"'}

    def _verify(self, body: bytes) -> Any:
        request = json.loads(body)
        kept = self.owner.objects.get(request["oid"])
        return {} if kept is not None and len(kept) == request["size"] else (404, {"error": "not here"}, {})

    def _commit(self, body: bytes) -> Any:
        lines = [json.loads(line) for line in body.splitlines()]
        assert lines[0]["key"] == "header" and lines[0]["value"]["summary"]
        files, lfs, names = dict(self.repo.files), set(self.repo.lfs), []
        for line in lines[1:]:
            key, value = line["key"], line["value"]
            names.append(value["path"])
            if key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                lfs.discard(value["path"])
            elif key == "lfsFile":
                if value["oid"] not in self.owner.objects:
                    return 400, {"error": f"LFS pointer pointed to a file that does not exist: {value['oid']}"}, {}
                files[value["path"]] = self.owner.objects[value["oid"]]
                lfs.add(value["path"])
            elif files.pop(value["path"], None) is None:
                return 404, {"error": "A file with this name doesn't exist"}, {"X-Error-Code": "EntryNotFound"}
        self.repo.files, self.repo.lfs = files, lfs & set(files)
        self.owner.commits.append(names)
        head = self.repo.head
        url = f"{self.owner.url}/datasets/{self.names['repo']}/commit/{head}"
        return {"success": True, "commitOid": head, "commitUrl": url, "hookOutput": ""}

    def _resolve(self, body: bytes) -> Any:
        name = self.names["name"]
        if name not in self.repo.files:
            return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"}
        data, entry = self.repo.files[name], self.repo.entry(name)
        headers = {"ETag": f'"{entry.get("lfs", entry)["oid"]}"', "X-Repo-Commit": self.repo.head}
        headers["Accept-Ranges"] = "bytes"
        if part := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(part[1]), min(int(part[2] or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            data = data[start : end + 1]
        self.owner.sent += len(data) if self.command == "GET" else 0
        return (206 if part else 200), data, headers

    def _send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Be quiet."""
