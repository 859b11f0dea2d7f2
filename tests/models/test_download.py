"""Files from the web: whole or not at all, whatever the server does, and whenever the fetch is killed."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.file_server import FileServer
from tests.helpers.paths import ROOT
from tests.helpers.recipes import run_cli
from tests.helpers.waiting import LONGEST, wait_for
from voxsmith.models import download, references
from voxsmith.models.references import ModelMissing

DATA = random.Random(0).randbytes(3 << 20)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOXSMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(DATA) as site:
        yield site


def here(cache: Path) -> dict[str, int]:
    """What is in the file's folder, with its size, but the lock."""
    files = [path for path in cache.glob("urls/*/*") if path.suffix != ".lock"]
    return {path.name: path.stat().st_size if path.is_file() else -1 for path in files}


def refused(address: str) -> str:
    with pytest.raises(references.NotNow) as caught:
        references.fetch(address)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1500
    assert not references.available(address)
    return str(caught.value)


def replying(status: str, headers: dict[str, str], *pieces: bytes) -> Callable[[Any], None]:
    """A reply as it stands, then the end of the connection."""

    def reply(handler: Any) -> None:
        lines = [f"HTTP/1.1 {status}", *(f"{name.rstrip('+')}: {value}" for name, value in headers.items()), "", ""]
        handler.wfile.write("\r\n".join(lines).encode("latin-1"))
        for piece in pieces:
            handler.wfile.write(piece)

    return reply


ODD: dict[str, tuple[Callable[[Any], None], str]] = {
    "length of letters": (replying("200 OK", {"Content-Length": "abc"}, b"x"), "Content-Length is no length: 'abc'"),
    "length below 0": (replying("200 OK", {"Content-Length": "-5"}, b"x"), "Content-Length is no length: '-5'"),
    "length as a list": (replying("200 OK", {"Content-Length": "5, 6"}, b"x"), "Content-Length is no length: '5, 6'"),
    "two lengths": (replying("200 OK", {"Content-Length": "1", "Content-Length+": "2"}, b"x"), "no length: '1, 2'"),
    "length of 30 digits": (replying("200 OK", {"Content-Length": "9" * 30}, b"x"), "Content-Length is no length"),
    "length of 4 TB": (replying("200 OK", {"Content-Length": "4000000000000"}, b"x"), "it has 4000000000000 bytes, and there is room for"),
    "no file": (replying("204 No Content", {}), "the status 204"),
    "error": (replying("503 " + "x" * 20_000, {"Content-Length": "0"}), "can't be fetched: HTTP Error 503: xxx"),
    "no HTTP": (lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"), "can't be fetched: SSH-2.0-OpenSSH"),
    "nothing": (lambda handler: None, "can't be fetched: Remote end closed connection"),
    "headers": (replying("200 OK", {f"A{n}": "b" for n in range(500)}), "can't be fetched: got more than 100 headers"),
    "a long header": (replying("200 OK", {"A": "b" * 100_000}), "can't be fetched: got more than 65536 bytes"),
    "packed": (replying("200 OK", {"Content-Encoding": "gzip", "Content-Length": "1"}, b"x"), "in the coding 'gzip'"),
    "broken pieces": (replying("200 OK", {"Transfer-Encoding": "chunked"}, b"zz\r\nx"), "can't be fetched: IncompleteRead"),
    "an unasked part": (
        replying("206 Partial Content", {"Content-Range": "bytes 5-5/9", "Content-Length": "1"}, b"x"),
        "a part of it, which wasn't asked for",
    ),
    "a nameless part": (replying("206 Partial Content", {"Content-Length": "1"}, b"x"), "doesn't say which"),
    "to a file": (replying("302 Found", {"Location": "file:///etc/passwd"}), "Redirection to url 'file:///etc/passwd' is not allowed"),
    "to ftp": (replying("302 Found", {"Location": "ftp://127.0.0.1/x"}), "redirected to ftp://127.0.0.1/x, and not followed"),
    "to http": (replying("302 Found", {"Location": "http://169.254.169.254/x"}), "redirected to http://169.254.169.254/x"),
    "in a circle": (replying("302 Found", {"Location": "/folder/weights.pt"}), "infinite loop"),
    "to nowhere": (replying("302 Found", {"Location": "https://[::1/x"}), "can't be fetched: "),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_server_that_makes_no_sense_is_one_line(cache: Path, server: FileServer, name: str) -> None:
    server.instead, message = ODD[name]
    assert message in refused(server.url)
    assert here(cache) == {}
    server.instead = None
    assert references.fetch(server.url).read_bytes() == DATA


@pytest.mark.parametrize(
    ("reply", "code"), [(ODD["length of letters"][0], 1), (replying("503 Busy", {}), 1), (replying("404 No", {}), 2)]
)
def test_the_command_says_whose_fault_it_is(
    cache: Path, server: FileServer, reply: Callable[[Any], None], code: int
) -> None:
    server.instead = reply
    ended, output = run_cli("fetch", server.url)
    assert ended == code and len(output.splitlines()) == 2, output


def test_a_site_sends_nobody_onto_this_machine() -> None:
    request = urllib.request.Request("https://example.org/weights.pt")
    handler = download._Redirects()
    with pytest.raises(download.NotFetched, match="redirected to http://127"):
        handler.redirect_request(request, None, 302, "Found", Message(), "http://127.0.0.1:8080/x")
    assert handler.redirect_request(request, None, 302, "Found", Message(), "https://cdn.example.org/x") is not None


def test_a_body_without_end_is_left(cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MOST", 1 << 20)

    def endless(handler: Any) -> None:
        replying("200 OK", {"ETag": '"one"'})(handler)
        while True:
            handler.wfile.write(bytes(1 << 16))

    server.instead = endless
    assert "it has more than 1048576 bytes, and no end in sight" in refused(server.url)
    assert here(cache) == {}


def dripping(handler: Any) -> None:
    replying("200 OK", {"Content-Length": "100000", "ETag": '"one"'})(handler)
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.01)


def dripping_headers(handler: Any) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 60_000:
        handler.wfile.write(bytes([letter]))
        handler.wfile.flush()
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("reply", "messages"),
    [
        # the last is said where a busy machine lets the server be silent for so long
        (dripping, ("it comes too slowly: ", "can't be fetched: ")),
        (dripping_headers, ("the server didn't begin to reply in ", "can't be fetched: ")),
        (lambda handler: time.sleep(30), ("can't be fetched: ",)),
    ],
)
def test_a_server_that_trickles_is_left(
    cache: Path,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    reply: Callable[[Any], None],
    messages: tuple[str, ...],
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    server.instead = reply
    said = refused(server.url)
    assert any(message in said for message in messages)


def cut(handler: Any) -> None:
    """A megabyte of the file, then the end of the connection."""
    headers = {"Content-Length": str(len(DATA))} | ({"ETag": handler.owner.etag} if handler.owner.etag else {})
    replying("200 OK", headers, DATA[: 1 << 20])(handler)


def test_what_came_before_a_connection_broke_is_gone_on_with(cache: Path, server: FileServer) -> None:
    server.instead = cut
    message = refused(server.url)
    assert (
        "it broke off: 1048576 of 3145728 bytes came; 1048576 bytes are kept, and the same command goes on" in message
    )
    server.instead = None
    assert references.fetch(server.url).read_bytes() == DATA
    assert server.asked == ["", "bytes=1048575-"] and server.sent == len(DATA) - (1 << 20) + 1
    assert here(cache) == {"weights.pt": len(DATA)}


@pytest.mark.parametrize(
    ("etag", "ranges", "size"), [('"two"', True, 3 << 20), ('"one"', False, 3 << 20), ('"one"', True, 1000)]
)
def test_another_version_begins_anew(cache: Path, server: FileServer, etag: str, ranges: bool, size: int) -> None:
    """Another tag, a server that sends no parts, a file that has become shorter than what is here."""
    server.instead = cut
    refused(server.url)
    server.instead, server.etag, server.ranges, server.data = None, etag, ranges, bytes(reversed(DATA[:size]))
    assert references.fetch(server.url).read_bytes() == server.data
    assert here(cache) == {"weights.pt": size}


def test_a_version_without_a_name_begins_anew_unless_a_checksum_says_which(cache: Path, server: FileServer) -> None:
    server.etag, server.instead = "", cut
    assert "kept" not in refused(server.url) and here(cache) == {}
    checked = f"{server.url}#sha256={hashlib.sha256(DATA).hexdigest()}"
    assert "1048576 bytes are kept" in refused(checked)
    server.instead = None
    assert references.fetch(checked).read_bytes() == DATA and server.asked[-1] == "bytes=1048575-"


def test_a_part_that_is_not_of_the_file_is_not_used(cache: Path, server: FileServer) -> None:
    """The server's tag says that nothing has changed, and it has: the checksum tells."""
    checked = f"{server.url}#sha256={hashlib.sha256(DATA[::-1]).hexdigest()}"
    server.instead = cut
    refused(checked)
    server.instead, server.data = None, DATA[::-1]
    assert "it has sha256 " in refused(checked) and here(cache) == {}
    assert references.fetch(checked).read_bytes() == DATA[::-1]


def test_a_disk_without_room_is_told(cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SPARE", shutil.disk_usage(cache.parent).free + (1 << 40))
    assert "it has 3145728 bytes, and there is room for 0 in " in refused(server.url)


def test_what_earlier_versions_left_goes_and_nothing_else(cache: Path, server: FileServer) -> None:
    file = references.fetch(server.url)
    (file.parent / "tmpab12cd_9").mkdir()
    (file.parent / "tmpab12cd_9" / "weights.pt").write_bytes(b"half")
    (file.parent / ".weights.pt.part-0123456789abcdef").write_bytes(b"half")
    (file.parent / "README.md").write_text("license: mit\n")
    assert references.fetch(server.url) == file
    assert here(cache) == {"weights.pt": len(DATA), "README.md": 13}
    assert server.asked == [""] and references.licence(server.url) == "mit"


FETCH = "import sys; from voxsmith.models import references; print(references.fetch(sys.argv[1]))"


def start(address: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, address],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True,
    )  # fmt: skip


def kill_at(server: FileServer, requests: int, sent: int) -> None:
    """SIGKILL to a fetch that has sent so many requests and got so many bytes, about; or has ended."""
    before, asked = server.sent, len(server.asked)
    process = start(server.url)
    wait_for(
        lambda: process.poll() is not None or (len(server.asked) >= asked + requests and server.sent >= before + sent),
        "the bytes at which it is killed",
    )
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def check_kills(cache: Path, server: FileServer, kills: int) -> None:
    """However often a fetch is killed, at whatever point: at the end the file is whole, and nothing is beside it."""
    server.pause = 0.01
    draw = random.Random(kills)
    for number in range(kills):
        left = len(DATA) - max([0, *here(cache).values()])
        kill_at(server, 1, draw.choice((0, draw.randrange(1 + left // 4), left)))
        assert len(here(cache)) <= 1, "one part at most"
        if "weights.pt" in here(cache):
            (file,) = cache.glob("urls/*/weights.pt")
            assert file.read_bytes() == DATA, f"kill {number}"
            file.unlink()
    assert references.fetch(server.url).read_bytes() == DATA
    assert here(cache) == {"weights.pt": len(DATA)}
    assert any(server.asked), "none was gone on with"


def test_a_few_kills_lose_and_leave_nothing(cache: Path, server: FileServer) -> None:
    check_kills(cache, server, 6)


@pytest.mark.heavy
def test_sixty_kills_lose_and_leave_nothing(cache: Path, server: FileServer) -> None:
    check_kills(cache, server, 60)


def test_a_fetch_that_waits_for_another_goes_on_where_that_was_killed(cache: Path, server: FileServer) -> None:
    server.hold_at = 1 << 20
    first = start(server.url)
    wait_for(lambda: server.sent >= 1 << 20, "a third of the file", first)
    others = [start(server.url) for _ in range(2)]
    assert "another process is getting it; waiting" in (others[0].stdout.readline() if others[0].stdout else "")
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    server.hold_at = None
    printed = [process.communicate(timeout=LONGEST)[0] for process in others]
    assert [process.returncode for process in others] == [0, 0]
    assert sum("MB of it are here; going on from there" in text for text in printed) == 1
    (file,) = cache.glob("urls/*/weights.pt")
    assert file.read_bytes() == DATA and here(cache) == {"weights.pt": len(DATA)}
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "address",
    [
        *("https://[::1/file", "https:///file", "https://a..b/file", f"https://{'a' * 70}/file", "https://host:port/file"),
        *("https://host:99999/file", "https://host/", "https://host/.file", "https://host/..", "https://host/a\0b"),
        *(f"https://host/{'a' * 300}", "https://host/\udcff", "https://host/a\x1b[2Jb", "https://", "https://#sha256=00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("use", [references.locate, references.available, references.resolve, references.fetch])
def test_an_address_that_is_none_is_one_line(cache: Path, use: Callable[[str], Any], address: str) -> None:
    with pytest.raises(ModelMissing, match=r"is no address|names no file") as caught:
        use(address)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a b", "http://127.0.0.1:1/é", "http://127.0.0.1:1/file"])
def test_an_address_that_nobody_answers_at_is_one_line(cache: Path, address: str) -> None:
    assert "can't be fetched: " in refused(address)


@pytest.mark.parametrize(
    "reference",
    [
        *("", "~nobody-has-this-name/model", "a" * 300 + "/b", "a\0b/c", "file:///etc/hostname", "http://host/x.pt"),
        *("hub:", "hub:/", "hub:name", "hub:org/name/../../../etc/hostname", "hub:org/name//etc/hostname"),
        *("hub:org/name@../../main", "hub:org/name@", "hub:../name", "hub:org/name/."),
    ],
)  # fmt: skip
def test_a_reference_out_of_its_place_is_one_line(cache: Path, reference: str) -> None:
    with pytest.raises(ModelMissing) as caught:
        references.resolve(reference)
    assert "\n" not in str(caught.value)


def test_without_a_home_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "VOXSMITH_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    with pytest.raises(ModelMissing, match="no home folder to keep models in; name another folder: VOXSMITH_CACHE"):
        references.fetch("whisper-base")
