"""publish, by the command line and the Hub's real client, against a server that speaks the Hub's protocol."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
import yaml

from tests.helpers.hub_server import TOKEN, Fault, HubServer, sha256
from tests.helpers.made_corpus import export_corpus, row
from tests.helpers.recipes import ROOT, run_cli, start_cli, write_recipe
from tests.helpers.waiting import LONGEST

REPO = "user/made"
ROWS = [row(i) for i in range(40)]
SPLITS = {"train": 0.8, "test": 0.2}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 118 files of data: three groups."""
    folder = tmp_path_factory.mktemp("many")
    without = ("units", "unit_durations", "heard", "wer", "cer", "mos")
    export_corpus(folder, [row(i) for i in range(117)], rows_a_file=1, without=without)
    return folder


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer(page=50) as server:
        yield server


def settings(hub: HubServer, folder: Path, token: str = TOKEN) -> dict[str, str]:
    home = str(folder / "home")  # no token of the person who tests
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HOME": home}


def publish(hub: HubServer, path: str, *arguments: str, token: str = TOKEN, code: int = 0) -> str:
    """What the command printed; the token never is among it, nor in what it wrote."""
    folder = Path(path).parent
    hub.requests.clear()
    codes, output = run_cli("publish", path, "--repo", REPO, *arguments, env=settings(hub, folder, token))
    assert codes == code, output
    assert "Traceback" not in output
    assert not token or token not in output
    notes = [file for file in folder.rglob("*") if file.suffix in (".json", ".md") and file.is_file()]
    assert not [file for file in notes if TOKEN in file.read_text()]
    return output


def test_datasets_loads_what_was_published_by_its_name(hub: HubServer, tmp_path: Path) -> None:
    """Splits, configurations and features come out of the card's header and the Parquet alone."""
    path = export_corpus(tmp_path, ROWS, SPLITS)
    assert "published  " in publish(hub, path)
    code = f"""
import datasets, json
from datasets import Audio
found = datasets.load_dataset("{REPO}")
told = {{"splits": list(found), "rejects": len(datasets.load_dataset("{REPO}", "rejects")["rejects"])}}
told["rate"] = found["train"][0]["answer_audio"].get_all_samples().sample_rate
for name, split in found.items():
    split = split.cast_column("query_audio", Audio(decode=False)).cast_column("answer_audio", Audio(decode=False))
    told[name] = [[row["id"], row["query_audio"]["bytes"].hex(), row["answer_audio"]["path"]] for row in split]
told["streamed"] = next(iter(datasets.load_dataset("{REPO}", split="test", streaming=True)))["id"]
print(json.dumps(told))
"""
    environment = {**os.environ, **settings(hub, tmp_path), "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=LONGEST)
    assert ran.returncode == 0, ran.stderr
    loaded = json.loads(ran.stdout)
    here = datasets.load_from_disk(str(tmp_path / "out/made_corpus/dataset"))
    assert sorted(loaded["splits"]) == sorted(SPLITS) and loaded["rejects"] == 3 and loaded["rate"] == 24000
    for name in SPLITS:
        rows = here[name].cast_column("query_audio", datasets.Audio(decode=False)).with_format("arrow")[:]
        wanted = zip(rows["id"].to_pylist(), rows["query_audio"].to_pylist(), strict=True)
        assert [(i, clip) for i, clip, _ in loaded[name]] == [(i, clip["bytes"].hex()) for i, clip in wanted]
        assert loaded[name][0][2] == f"{loaded[name][0][0]}.answer.flac"
    assert loaded["streamed"] == loaded["test"][0][0]


def test_what_is_there_is_not_sent_again_and_what_is_old_goes(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS, SPLITS)
    publish(hub, path)
    repo, commits = hub.repos[REPO], len(hub.commits)
    assert not repo.private
    header = yaml.safe_load(repo.files["README.md"].decode().split("---\n")[1])
    paths = {part["split"]: part["path"] for part in header["configs"][0]["data_files"]}
    assert paths == {split: f"dataset/{split}/data-*-of-00001.parquet" for split in SPLITS}
    sizes = [len(data) for name, data in repo.files.items() if name.startswith("dataset/")]
    assert header["dataset_info"]["download_size"] == sum(sizes)
    assert f'load_dataset("{REPO}", split="test")' in repo.files["README.md"].decode()
    assert not list((tmp_path / "out/made_corpus/.publish").rglob("*.parquet"))  # no second dataset stays on the disk

    shutil.rmtree(tmp_path / "out/made_corpus/.publish")  # as on another machine
    assert "0 files sent, 6 were there already" in publish(hub, path)
    assert (len(hub.commits), sum(hub.uploads.values())) == (commits, 3)

    repo.files["dataset/train/mine.txt"] = b"somebody's own file"
    export_corpus(tmp_path, ROWS[:39], SPLITS, rows_a_file=10)
    assert "2 old ones deleted" in publish(hub, path)
    names = sorted(name for name in repo.files if name.startswith("dataset/"))
    assert [name for name in names if "test" in name] == [f"dataset/test/data-0000{n}-of-00002.parquet" for n in (0, 1)]
    assert "dataset/train/mine.txt" in names


def test_a_card_that_was_edited_is_replaced_and_told(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS[:10])
    assert "README.md there" not in publish(hub, path)
    export_corpus(tmp_path, ROWS[:11])
    assert "README.md there" not in publish(hub, path)
    hub.repos[REPO].files["README.md"] += b"\nTold by somebody.\n"
    output = publish(hub, path)
    assert "README.md there is not the one that was sent from here last: it is replaced" in output
    assert b"Told by somebody" not in hub.repos[REPO].files["README.md"]


@pytest.mark.parametrize(("operation", "after", "arrived"), [("commit", 1, 50), ("put", 70, 50)])
def test_a_kill_costs_at_most_one_group(
    hub: HubServer, many: Path, tmp_path: Path, operation: str, after: int, arrived: int
) -> None:
    shutil.copytree(many, tmp_path, dirs_exist_ok=True)
    path = write_recipe(tmp_path, ["x"], name="made_corpus")
    hub.hold(operation, after)
    process = start_cli("publish", path, "--repo", REPO, env=settings(hub, tmp_path))
    assert hub.reached.wait(60)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    hub.release()
    first = {name for commit in hub.commits for name in commit}
    assert len(first) == arrived
    assert f"{arrived} were there already" in publish(hub, path)
    repo = hub.repos[REPO]
    assert len([name for name in repo.files if name.endswith(".parquet")]) == 118
    assert set(hub.uploads.values()) == {1}  # not even those whose commit was cut
    assert not [name for commit in hub.commits[1:] for name in commit if name in first]


@pytest.mark.heavy
def test_bad_minutes_of_the_hub_are_lived_through(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS, SPLITS)
    hub.script("create", Fault(status=503))
    hub.script("tree", Fault(drop=True))
    hub.script("preupload", Fault(status=500))
    hub.script("put", Fault(drop=True), Fault(status=503))  # a connection lost in the middle of an upload
    hub.script("verify", Fault(status=502))
    hub.script("commit", Fault(status=429, headers={"Retry-After": "2"}), Fault(after=True), Fault(status=504))
    output = publish(hub, path)
    assert "opening user/made: status 503; again in" in output
    assert "status 429; again in" in output
    times = [at for operation, at in hub.times if operation == "commit"]
    assert times[1] - times[0] >= 2
    assert len(hub.commits) == 2  # the commit whose answer was lost isn't made twice
    here = {name: sha256(data) for name, data in hub.repos[REPO].files.items()}
    made = json.loads((tmp_path / "out/made_corpus/.publish/made.json").read_text())
    assert {name: here[name] for name in made} == {name: file["sha256"] for name, file in made.items()}
    assert len(here) == 7


def test_a_silent_server_is_no_end(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS[:10])
    hub.script("create", Fault(hang=3600))
    hub.script("commit", Fault(hang=3600))
    impatient = "import voxsmith.pipeline.publish.hub as hub, voxsmith.pipeline.cli as cli; hub.SILENCE = 2.0; raise SystemExit(cli.main())"
    ran = subprocess.run(
        [sys.executable, "-c", impatient, "publish", path, "--repo", REPO],
        cwd=ROOT,
        env={**os.environ, **settings(hub, tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert ran.returncode == 0, ran.stderr
    assert "ReadTimeout" in ran.stdout
    assert len(hub.repos[REPO].files) == 6


def test_a_dry_run_asks_nobody(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS, SPLITS)
    output = publish(hub, path, "--dry-run", token="")
    for part in ("dataset/train/data-00000-of-00001.parquet", "kB", "README.md", "6 files, about", "no token"):
        assert part in output, part
    assert hub.requests == []
    assert not (tmp_path / "out/made_corpus/.publish").exists()


def test_a_missing_or_a_wrong_token(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS[:10])
    output = publish(hub, path, token="", code=1)
    assert "https://huggingface.co/settings/tokens" in output
    assert "HF_TOKEN" in output and "hf auth login" in output
    assert hub.requests == []
    assert "doesn't know this token" in publish(hub, path, token="hf_wrong", code=1)
    code, output = run_cli("publish", path, "--repo", "others/made", env=settings(hub, tmp_path))
    assert code == 1 and "the right to write there" in output and TOKEN not in output


@pytest.mark.parametrize("around", ["hf_\x0b{}", "\u201c{}\u201d"])
def test_a_token_that_was_pasted_with_something_else(hub: HubServer, tmp_path: Path, around: str) -> None:
    """What is no header can't be sent; the client's complaint would quote it."""
    path = export_corpus(tmp_path, ROWS[:10])
    token = around.format(TOKEN)
    code, output = run_cli("publish", path, "--repo", REPO, env=settings(hub, tmp_path, token))
    assert code == 1 and "copy it again" in output
    assert TOKEN not in output and hub.requests == []


def test_an_endpoint_without_xet_says_what_to_set(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS[:10])
    code, output = run_cli("publish", path, "--repo", REPO, env=settings(hub, tmp_path) | {"HF_HUB_DISABLE_XET": "0"})
    assert code == 1 and "HF_HUB_DISABLE_XET=1" in output and "Traceback" not in output and TOKEN not in output


def test_a_token_in_the_corpus_is_not_published(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS[:10])
    report = tmp_path / "out/made_corpus/report.html"
    report.write_text(f"<html>{TOKEN}</html>")
    assert "report.html holds your Hub token" in publish(hub, path, code=1)
    assert "report.html" not in hub.repos[REPO].files


def test_private_means_private(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS[:10])
    publish(hub, path, "--private")
    assert hub.repos[REPO].private
    assert "is private, and stays so" in publish(hub, path)
    hub.repos[REPO].private = False
    output = publish(hub, path, "--private", code=1)
    assert "public: nothing was sent" in output
    assert set(hub.requests) == {"create", "info"}


def test_arrow_as_it_is(hub: HubServer, tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS, SPLITS)
    publish(hub, path, "--format", "arrow")
    for name, data in hub.repos[REPO].files.items():
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / name).write_bytes(data)
    dataset = datasets.load_from_disk(str(tmp_path / "there" / "dataset"))
    assert {name: len(split) for name, split in dataset.items()} == {"train": 20, "test": 20}
    assert "dataset/test/*" not in hub.repos[REPO].files["README.md"].decode()
    publish(hub, path)
    assert not [name for name in hub.repos[REPO].files if name.endswith(".arrow")]
