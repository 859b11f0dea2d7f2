"""A source that is a dataset of the Hub: streamed once for each commit, by the real client, from a server on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.hub_server import HubServer, Repo
from tests.helpers.recipes import asked, run_cli, write_recipe

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
