"""A fetch from the Hub that is killed, at whatever request: the next one goes on, and nothing is left beside the model."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.hub_server import HubServer, Repo
from tests.helpers.paths import ROOT
from tests.helpers.waiting import LONGEST, wait_for

FILES = {"README.md": b"license: mit\n", "config.json": b"{}", "model.safetensors": os.urandom(11 << 20)}
FETCH = "import sys; from voxsmith.models import references; print(references.fetch(sys.argv[1]))"


def start(server: HubServer, home: Path) -> "subprocess.Popen[str]":
    env = {"HF_HOME": str(home), "HF_ENDPOINT": server.url, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, "hub:org/name"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        cwd=ROOT, env={**os.environ, **env}, start_new_session=True,
    )  # fmt: skip


def stop(process: "subprocess.Popen[str]", server: HubServer) -> None:
    """SIGKILL at the request that the server holds, if it comes to that."""
    wait_for(lambda: server.reached.is_set() or process.poll() is not None, "a request to stop at")
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def check_kills(home: Path, kills: int) -> None:
    with HubServer() as server:
        server.repos["org/name"] = repo = Repo(files=FILES)
        for number in range(kills):
            server.hold(("info", "tree", "resolve", "resolve")[number % 4], after=number // 4 % 5)
            process = start(server, home)
            stop(process, server)
            server.release()
        process = start(server, home)
        output = process.communicate(timeout=LONGEST)[0]
        assert process.returncode == 0, output
        snapshot = home / "hub" / "models--org--name" / "snapshots" / repo.head
        assert {file.name: file.read_bytes() for file in snapshot.iterdir()} == FILES
        assert list(home.rglob("*.incomplete")) == []


def test_a_few_kills(tmp_path: Path) -> None:
    check_kills(tmp_path, 4)


@pytest.mark.heavy
def test_sixty_kills(tmp_path: Path) -> None:
    check_kills(tmp_path, 60)
