"""A file of a web site: in its place whole, or not at all; what came of it before a fetch ended is gone on with.

What has come lies beside it as `.<name>.part-<tag>`; the tag is of what the server says about the file's version. A file
that can't be gone on with, because the server says nothing of that, begins anew.
"""

import hashlib
import http.client
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

PATIENCE = 60.0  # seconds of silence, of waiting for a reply to begin, and over which the rate is taken
SLOWEST = 1000  # bytes a second: what is slower never ends
MOST = 1 << 36  # bytes of a file whose length the server doesn't say
SPARE = 1 << 30  # bytes that are left free on the disk
_PIECE = 1 << 20
_TAG = re.compile(r"\.part-[0-9a-f]{16}$")
_EARLIER = re.compile(r"tmp[a-z0-9_]{8}")


class NotFetched(Exception):
    """The file can't be had; the message says why."""


class NotThere(NotFetched):
    """The site has no such file."""


class _Reply(NamedTuple):
    body: Any
    start: int  # of the file, where the body begins
    total: int | None  # bytes of the file; None where the server doesn't say
    tag: str  # of the file's version; "" where the server says nothing of it


def is_web(address: str) -> bool:
    """Whether a file is taken from there: from the web, or from this machine."""
    return address.startswith(("https://", "http://127.0.0.1:"))


def download(address: str, file: Path, sha256: str = "") -> None:
    """Get the file. Only one process at a time may. Raises NotFetched; OSError where nothing can be written there."""
    part = _part(file)
    tidy(file, but=part)
    try:
        with _opened(address, part, sha256) as reply:
            fresh = file.with_name(f"{_prefix(file)}{reply.tag or 'new'}")
            tidy(file, but=fresh)
            size = _receive(reply, fresh)
        if reply.total not in (None, size):
            raise NotFetched(f"it broke off: {size} of {reply.total} bytes came")
        if sha256 and (got := sha256_of(fresh)) != sha256:
            fresh.unlink()
            raise NotFetched(f"it has sha256 {got}: not used")
    except (NotFetched, http.client.HTTPException, ValueError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.filename:
            raise  # of the disk
        reason = str(error) if isinstance(error, NotFetched) else f"it can't be fetched: {_line(error)}"
        gone = isinstance(error, urllib.error.HTTPError) and error.code in (404, 410)
        raise (NotThere if gone else NotFetched)(f"{reason}{_kept(file)}") from None
    with open(fresh, "rb") as written:
        os.fsync(written.fileno())
    fresh.rename(file)


def leftovers(file: Path) -> list[Path]:
    """What fetches left that were killed, ours and those of earlier versions."""
    here = sorted(file.parent.iterdir()) if file.parent.is_dir() else []
    return [path for path in here if path.name.startswith(_prefix(file)) or _EARLIER.fullmatch(path.name)]


def tidy(file: Path, but: Path | None = None) -> None:
    """Remove leftovers. The caller holds the file's lock."""
    for path in leftovers(file):
        if path.is_dir():
            shutil.rmtree(path)
        elif path != but:
            path.unlink()


def sha256_of(path: Path) -> str:
    """In hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _prefix(file: Path) -> str:
    return f".{file.name}.part-"


def _part(file: Path) -> Path | None:
    """What there is of the file, if that can be gone on with."""
    names = sorted(path for path in file.parent.iterdir() if path.name.startswith(_prefix(file)))
    return next((path for path in names if _TAG.search(path.name) and path.stat().st_size), None)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _kept(file: Path) -> str:
    """What becomes of what has come; what can't be gone on with is removed."""
    part = _part(file)
    tidy(file, but=part)
    return f"; {part.stat().st_size} bytes are kept, and the same command goes on from there" if part else ""


@contextmanager
def _opened(address: str, part: Path | None, sha256: str) -> Iterator[_Reply]:
    """The server's reply: the rest of the file where it has the version of `part`, else all of it."""
    last = part.stat().st_size - 1 if part else 0  # from the last byte on: there is always one to send
    answer = _ask(address, last)
    reply = None if answer.status == 416 else _reply(answer, sha256)
    if reply and part and reply.start == last and reply.tag and part.name.endswith(reply.tag):
        print(f"  {last / 1e6:.0f} MB of it are here; going on from there", flush=True)
    elif not reply or reply.start:
        answer.close()
        answer = _ask(address, 0)
        reply = _reply(answer, sha256)
        if reply.start:
            answer.close()
            raise NotFetched("the server sends a part of it, which wasn't asked for")
    with answer:
        yield reply


class _Redirects(urllib.request.HTTPRedirectHandler):
    """On the web a file may have moved, but not out of it, nor onto this machine."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https://") and not (is_web(newurl) and not req.full_url.startswith("https://")):
            raise NotFetched(f"it is redirected to {newurl}, and not followed there")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _ask(address: str, start: int) -> Any:
    """The reply to a request, as soon as it begins. A server may take its time over each line of it: so the whole is timed."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "voxsmith"} | (
        {"Range": f"bytes={start}-"} if start else {}
    )
    answers: SimpleQueue[Any] = SimpleQueue()

    def ask() -> None:
        try:
            request = urllib.request.Request(address, headers=headers)
            answers.put(urllib.request.build_opener(_Redirects).open(request, timeout=PATIENCE))
        except BaseException as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=2 * PATIENCE)
    except Empty:
        raise NotFetched(f"the server didn't begin to reply in {2 * PATIENCE:.0f} s") from None
    if isinstance(answer, urllib.error.HTTPError) and answer.code == 416:
        return answer  # there is no such part: it has become shorter
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _reply(answer: Any, sha256: str) -> _Reply:
    """What it says of itself. Raises NotFetched where that makes no sense."""
    headers: Message = answer.headers
    lengths = {length.strip() for length in headers.get_all("Content-Length", [])}
    if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
        raise NotFetched(f"the server's Content-Length is no length: {', '.join(sorted(lengths))[:100]!r}")
    if (coding := headers.get("Content-Encoding", "identity")) != "identity":
        raise NotFetched(f"the server sends it in the coding {coding[:100]!r}, which wasn't asked for")
    total = int(lengths.pop()) if lengths else None
    start = 0
    if answer.status == 206:
        match = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", headers.get("Content-Range", ""))
        if not match or total not in (None, int(match[2]) - int(match[1]) + 1):
            raise NotFetched("the server sends a part of it, and doesn't say which")
        start, total = int(match[1]), int(match[3])
    elif answer.status != 200:
        raise NotFetched(f"the server's reply has the status {answer.status}")
    version = headers.get("ETag", "")
    version = (version if version.startswith('"') else headers.get("Last-Modified", "")) or sha256
    tag = hashlib.sha256(f"{version} {total}".encode()).hexdigest()[:16] if version else ""
    return _Reply(answer, start, total, tag)


def _receive(reply: _Reply, fresh: Path) -> int:
    """Write the body into the file, from where it begins; returns the bytes of the file."""
    room = shutil.disk_usage(fresh.parent).free - SPARE + reply.start
    if (reply.total or 0) > room:
        raise NotFetched(f"it has {reply.total} bytes, and there is room for {max(0, room)} in {fresh.parent}")
    most = min(room, MOST) if reply.total is None else reply.total
    size, since, before = reply.start, time.monotonic(), reply.start
    with open(fresh, "r+b" if reply.start else "wb") as output:
        output.seek(reply.start)
        while piece := reply.body.read1(_PIECE):
            size += len(piece)
            if size > most:
                fresh.unlink()
                raise NotFetched(f"it has more than {most} bytes, and no end in sight")
            output.write(piece)
            if (passed := time.monotonic() - since) > PATIENCE:
                if size - before < SLOWEST * passed:
                    raise NotFetched(f"it comes too slowly: {size - before} bytes in {passed:.0f} s")
                since, before = time.monotonic(), size
    return size
