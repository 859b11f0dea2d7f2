"""kill -9 in the middle of publish, all over it: nothing is lost, and the same command clears up and ends as undisturbed."""

import copy
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from tests.helpers.hub_server import TOKEN, HubServer, Repo
from tests.helpers.kills import Killer
from tests.helpers.made_corpus import export_corpus, row
from tests.helpers.recipes import digests_of
from tests.helpers.s3_server import S3Server
from voxsmith.pipeline.store.store import open_filesystem

OLD, NEW = [row(i) for i in range(6)], [row(i) for i in range(2, 11)]
THEIRS = {"notes.txt": b"theirs", "dataset/mine.parquet": b"theirs, too"}
REPO = "user/made"
SEND = "voxsmith.pipeline.publish.send:Sending.send"
Files = dict[str, bytes]


class Place(ABC):
    """Where it is published to, as files."""

    arguments: list[str]

    @abstractmethod
    def read(self) -> Files: ...

    @abstractmethod
    def write(self, files: Files) -> None:
        """Have these files there and no others."""


class Bucket(Place):
    def __init__(self, url: str) -> None:
        self.arguments = ["--to", url]
        self.fs, self.root = open_filesystem(url)

    def _names(self) -> list[str]:
        infos = self.fs.get_file_info(pafs.FileSelector(self.root, recursive=True, allow_not_found=True))
        return [info.path for info in infos if info.is_file]

    def read(self) -> Files:
        return {name.removeprefix(f"{self.root}/"): self.fs.open_input_stream(name).read() for name in self._names()}

    def write(self, files: Files) -> None:
        for name in self._names():
            self.fs.delete_file(name)
        for name, data in files.items():
            if isinstance(self.fs, pafs.LocalFileSystem):
                self.fs.create_dir(f"{self.root}/{name}".rpartition("/")[0], recursive=True)
            with self.fs.open_output_stream(f"{self.root}/{name}") as file:
                file.write(data)


class Hub(Place):
    def __init__(self, server: HubServer) -> None:
        self.arguments = ["--repo", REPO]
        self.repos = server.repos

    def read(self) -> Files:
        return dict(self.repos[REPO].files) if REPO in self.repos else {}

    def write(self, files: Files) -> None:
        lfs = {name for name in files if name.endswith(".parquet")}
        self.repos[REPO] = Repo(files=copy.copy(files), lfs=lfs)


@contextmanager
def place_of(way: str, folder: Path) -> Iterator[tuple[Place, dict[str, str]]]:
    """The place, and the environment of who publishes there."""
    if way == "folder":
        yield Bucket(str(folder / "there")), {}
    elif way == "bucket":
        with S3Server() as server:
            yield Bucket(server.url(folder.name)), {}  # moto keeps what other tests left in its bucket
    else:
        with HubServer() as server:
            home = str(folder / "home")
            yield (
                Hub(server),
                {"HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HOME": home},
            )


def data_of(files: Files) -> Files:
    return {name: data for name, data in files.items() if name.startswith(("dataset/", "rejects/"))}


@pytest.mark.parametrize("way", ["folder", "bucket", "hub"])
@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.heavy)])
def test_kills_all_over_publish(way: str, kills: int, tmp_path: Path) -> None:
    with place_of(way, tmp_path) as (place, environment), Killer(SEND, environment) as killer:
        path = export_corpus(tmp_path, OLD, rows_a_file=3)
        command = ["publish", path, *place.arguments]
        assert killer.run(*command)[0] == 0
        old = place.read() | THEIRS
        export_corpus(tmp_path, NEW, rows_a_file=3)
        export, made = tmp_path / "out" / "made_corpus", tmp_path / "out" / "made_corpus" / ".publish"
        place.write(old)
        shutil.rmtree(made)
        code, moments, output = killer.run(*command)
        new, exported = place.read(), digests_of(export)
        assert new["README.md"] != old["README.md"]
        assert code == 0 and new.items() >= THEIRS.items() and len(data_of(new)) == 3 + 1 + 1, output
        was_killed = arrived = 0
        for number in range(kills):
            place.write(old)
            shutil.rmtree(made)
            code, _, output = killer.run(*command, moment=1 + number * moments // kills)
            was_killed += code == -9
            left = place.read()
            arrived += left != old
            assert left.items() >= THEIRS.items()
            assert left["README.md"] in (old["README.md"], new["README.md"])
            if left["README.md"] == old["README.md"]:  # what it names is still there
                assert left.items() >= data_of(old).items()
            assert digests_of(export) == exported
            code, _, output = killer.run(*command)
            assert code == 0, output
            assert place.read() == new
            assert {file.name for file in made.rglob("*") if file.is_file()} <= {"made.json", "cards.json", "lock"}
        print(f"{way}: killed {was_killed} times in {moments} moments; {arrived} times something had arrived")
        assert was_killed >= kills - 1 and arrived >= kills // 6
