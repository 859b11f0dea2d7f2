"""A source that is a dataset of the Hub: streamed once for each commit, by the real client, from a server on loopback."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.hub_server import HubServer, Repo
from tests.helpers.recipes import asked, run_cli, write_recipe
from voxsmith.pipeline.sources import read_source
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.schemas.source import Source

NAME = "user/rows"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.repos[NAME] = Repo(files={"train.jsonl": lines(20)})
        yield server


def lines(count: int, edited: int | None = None) -> bytes:
    texts = [f"thing {number}{' anew' if number == edited else ''}" for number in range(count)]
    return "".join(json.dumps({"instruction": text}) + "\n" for text in texts).encode()


@pytest.mark.heavy
@pytest.mark.usefixtures("one_ray")
def test_a_dataset_is_streamed_once_for_each_commit(hub: HubServer, tmp_path: Path) -> None:
    entry = {"dataset": NAME, "layout": "columns", "columns": {"instruction": "instruction"}, "licence": "CC0-1.0"}
    path = write_recipe(tmp_path, [], sources={"rows": entry | {"shard": {"least": 1, "target": 4, "most": 8}}})
    env = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}

    def run(*arguments: str, verb: str = "run") -> tuple[int, int]:
        """How often a file was sent, and how many requests the engine got."""
        hub.requests.clear()
        code, output = run_cli(verb, path, *arguments, env=env)
        assert code == 0, output
        return hub.requests.count("resolve"), len(asked(path))

    read, calls = run()
    assert read > 0 and calls == 20 + 40
    assert run() == (0, 0)
    hub.repos[NAME].files["train.jsonl"] = lines(20, edited=7)
    read, calls = run()
    assert read > 0 and calls == 1 + 2

    pinned = ("--set", f"sources.rows.revision={hub.repos[NAME].head}")
    assert run(*pinned)[1] == 0
    hub.repos.clear()  # nobody is asked any more
    assert run(*pinned) == (0, 0) and hub.requests == []
    assert run(*pinned, verb="plan") == (0, 0)


def test_clips_of_a_dataset_stay_on_the_hub(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a Parquet file with clips only the texts are fetched; a reference leads to a cell of the file at its commit."""
    for name, value in {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    clips = [{"bytes": os.urandom(1_000_000), "path": None} for _ in range(24)]
    table = pa.table({"audio": clips, "text": [f"text {number}" for number in range(24)]})
    file = pa.BufferOutputStream()
    pq.write_table(table, file, row_group_size=8)
    hub.repos["user/clips"] = Repo(files={"data/train-0.parquet": file.getvalue().to_pybytes()})
    source = Source.model_validate({"dataset": "user/clips", "layout": "audio_dataset", "licence": "CC0-1.0"})
    rows = [row for shard in read_source("speech", source) for row in shard]
    assert [row["source_transcript"] for row in rows] == [f"text {number}" for number in range(24)]
    places = [ClipReference.parse(row["clip"]) for row in rows]
    address = f"hf://datasets/user/clips@{hub.repos['user/clips'].head}/data/train-0.parquet"
    assert [(place.path, place.member) for place in places] == [(address, f"audio:{number}") for number in range(24)]
    assert {place.size for place in places} == {len(file.getvalue())}
    assert hub.sent < 6_000_000  # of 24
