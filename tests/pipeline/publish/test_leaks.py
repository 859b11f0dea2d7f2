"""A secret in what is published is refused on every way out, before anything is sent; no message repeats it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hub_server import TOKEN, HubServer
from tests.helpers.made_corpus import export_corpus, reject, row, write_corpus
from tests.helpers.recipes import write_recipe
from tests.helpers.s3_server import S3Server
from tests.pipeline.test_secrets import SECRETS
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.store.store import open_filesystem

ROWS = [row(i) for i in range(6)]
WAYS = ("folder", "s3", "hub")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture(autouse=True)
def environment(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIR_API_KEY", SECRETS["environment"])
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))


@pytest.fixture
def refused(
    s3: S3Server, hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, str, str], str]:
    """Publishes by that way; returns the message. Nothing has arrived, and the secret is nowhere in what was printed."""

    def publish(way: str, path: str, secret: str) -> str:
        capsys.readouterr()
        url = {"folder": str(tmp_path / "there"), "s3": s3.url(f"{tmp_path.name}")}.get(way, "")
        hub.requests.clear()
        assert main(["publish", path, *(["--to", url] if url else ["--repo", "user/made"])]) == 1
        if url:
            fs, root = open_filesystem(url)
            assert not [one for one in hub.requests if one in ("put", "commit")]
            import pyarrow.fs as pafs

            assert not fs.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
        assert not {"put", "commit", "preupload", "batch"} & set(hub.requests)
        captured = capsys.readouterr()
        assert secret not in captured.out + captured.err
        return captured.err

    return publish


def with_rows(folder: Path, rows: list[dict[str, Any]], rejects: list[dict[str, Any]]) -> str:
    path, out = export_corpus(folder, ROWS), folder / "out" / "made_corpus"
    for part in ("dataset", "rejects"):
        shutil.rmtree(out / part)
    write_corpus(out, rows, rejects)
    return path


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", [*SECRETS.values(), TOKEN], ids=[*SECRETS, "own"])
def test_in_the_manifest(refused: Callable[[str, str, str], str], tmp_path: Path, secret: str, way: str) -> None:
    """Of an export that an earlier version wrote, or that somebody edited: the recipe of today may be clean."""
    path = export_corpus(tmp_path, ROWS)
    file = tmp_path / "out/made_corpus/manifest.json"
    made = json.loads(file.read_text())
    made["prompts"] = {"ask.jinja": f"Say it, {secret}"}
    made["recipe"]["engines"] = {"llm": {"model": "small", "extra": {"user": [secret]}}}
    file.write_text(json.dumps(made))
    message = refused(way, path, secret)
    assert "in recipe.engines.llm.extra.user.0" in message and "in prompts.ask.jinja" in message, message


@pytest.mark.parametrize("way", WAYS)
def test_in_rows_rejects_and_other_files(refused: Callable[[str, str, str], str], tmp_path: Path, way: str) -> None:
    secret, third = SECRETS["hub"], SECRETS["environment"]
    nested = [{"stage": "rewrite", "engine": "llm", "model": f"m {third}", "object": "k"}]
    rows = [*ROWS[:3], ROWS[3] | {"query_text": f"what is {secret}?"}, ROWS[4] | {"provenance": nested}]
    rows += [ROWS[5] | {"answer_voice": SECRETS["aws"]}, row(6) | {"query_text": secret}]
    path = with_rows(tmp_path, rows, [reject(1, message=f"not {secret}"), reject(2, id=SECRETS["github"])])
    (tmp_path / "out/made_corpus/report.html").write_text(f"<b>{third}</b>")
    message = refused(way, path, secret)
    assert (
        f"query_text holds what looks like a token of the Hub in 2 rows of dataset, {ROWS[3]['id']} the first"
        in message
    )
    for part in ("provenance holds the value of the environment variable THEIR_API_KEY in 1 rows", "report.html holds"):
        assert part in message, message
    for part in (
        "answer_voice holds what looks like a key of AWS",
        "message holds what looks like",
        "(secret) the first",
    ):
        assert part in message, message
    assert not [one for one in SECRETS.values() if one in message] and "overrides" in message


def test_a_dry_run_says_it_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_rows(tmp_path, [ROWS[0] | {"instruction": SECRETS["llm"]}], [])
    for place in (["--repo", "user/made"], ["--to", str(tmp_path / "there")]):
        assert main(["publish", path, *place, "--dry-run"]) == 1
        assert "instruction holds what looks like a key of an LLM's server" in capsys.readouterr().err


def test_the_hubs_own_token_goes_nowhere(
    refused: Callable[[str, str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `hf auth login` keeps it, and whatever its shape."""
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(token := "an-older-shape-of-token-42")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    path = with_rows(tmp_path, [ROWS[0] | {"instruction": token}], [])
    assert "instruction holds your Hub token" in refused("folder", path, token)


def test_a_corpus_without_secrets_goes_out(tmp_path: Path) -> None:
    there = tmp_path / "there"
    assert (
        main(["publish", write_recipe(tmp_path, ["x"], name="made_corpus"), "--to", str(there)]) == 1
    )  # no export yet
    assert main(["publish", export_corpus(tmp_path, ROWS), "--to", str(there)]) == 0
    assert (there / "README.md").is_file() and os.environ["HF_TOKEN"] not in (there / "manifest.json").read_text()
