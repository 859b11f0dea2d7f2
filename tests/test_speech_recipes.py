"""The recipes of recorded speech: what their headers say, and both tiny profiles end to end over real clips."""

import json
import re
import shlex
from pathlib import Path

import datasets
import pytest
import yaml

from tests.helpers.recipes import ROOT, run_cli
from tests.test_recipes import ASR, QUESTIONS, checked, header, sets
from voxsmith.pipeline.recipe.load import load_recipe

RECIPES = [ASR, QUESTIONS]


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with the corpora that the headers name, as far as a recipe is checked."""
    record = json.dumps({"path": "a.wav", "text": "one two", "audio_filepath": "a.wav"}) + "\n"
    common_voice = "speech/cv-corpus-17.0-2024-03-15/en"
    for name, text in {
        "speech/mine.jsonl": record,
        "speech/questions.jsonl": record,
        "speech/fisher/wav.scp": "a a.wav\n",
        "speech/fisher/text": "a one two\n",
        "speech/LibriSpeech/1/2/1-2.trans.txt": "1-2-0000 ONE TWO\n",
        f"{common_voice}/train.tsv": "client_id\tpath\tsentence\tlocale\nx\ta.mp3\tone two\ten\n",
        f"{common_voice}/clips/a.mp3": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", RECIPES)
def test_what_a_header_tells_to_set_can_be_set(path: str, corpora: None) -> None:
    checked(str(ROOT / path), [])
    lines = [line.strip() for line in header(path).splitlines() if line.strip().startswith("--set ")]
    assert len(lines) >= 4
    for line in lines:
        words = shlex.split(line)
        assert words[::2] == ["--set"] * (len(words) // 2)
        checked(str(ROOT / path), words[1::2])


@pytest.mark.parametrize(("path", "name"), [(ASR, "llama_8b_80gb"), (QUESTIONS, "llama_8b_24gb")])
def test_the_llm_is_set_up_as_the_arithmetic_has_it(path: str, name: str, corpora: None) -> None:
    block = yaml.safe_load((ROOT / "configs/engines/llama.yaml").read_text())[name]
    llm = dict(load_recipe(str(ROOT / path)).engines["llm"])
    assert llm.pop("licence") == "llama3.1"
    assert llm.pop("resources") == {"replicas": 1, **block.pop("resources")}
    assert llm == block


@pytest.mark.parametrize(("path", "rows"), [(ASR, 24), (QUESTIONS, 4)])
def test_plan_of_the_tiny_profile(path: str, rows: int, tmp_path: Path) -> None:
    code, output = run_cli("plan", path, "--profile", "tiny", "--json", "--set", f"store={tmp_path}/store")
    assert code == 0, output
    assert max(stage["rows_to_run"] for stage in json.loads(output)["stages"]) == rows


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("one_ray")
@pytest.mark.parametrize(("path", "rows"), [(ASR, 24), (QUESTIONS, 4)])
def test_tiny_runs_end_to_end(path: str, rows: int, tmp_path: Path) -> None:
    code, output = run_cli("fetch", path, "--profile", "tiny")
    assert code == 0, output
    places = sets(f"store={tmp_path}/store", f"out={tmp_path}/out", "export.splits={}")
    code, output = run_cli("run", path, "--profile", "tiny", *places)
    assert code == 0, output
    (out,) = (tmp_path / "out").iterdir()
    manifest = json.loads((out / "manifest.json").read_text())
    counts = manifest["counts"]
    assert counts["rows_in"] == rows == counts["rows_out"] + counts["rejects"] and not counts["pending"]
    assert counts["rows_out"] >= 0.75 * rows, output
    assert all(engine["licence"] not in ("", "unknown") for engine in manifest["engines"].values())
    corpus = datasets.load_from_disk(str(out / "dataset"))
    named = re.split(r",\s+", header(path).partition("columns: ")[2].strip())
    assert set(corpus.column_names) == set(named)
    for row in corpus:
        clip, seconds, text = (
            (row["audio"], row["duration"], row["transcript"])
            if path == ASR
            else (row["query_audio"], row["query_duration"], row["query_text"])
        )
        samples = clip.get_all_samples()
        assert samples.sample_rate == 16000 and samples.data.shape[1] / 16000 == pytest.approx(seconds, abs=0.01)
        assert not text.isupper(), "case was given back"
        answer = row["continuation"] if path == ASR else row["answer_text"]
        assert 1 <= len(answer.split()) <= 80 and answer.casefold() != text.casefold()
    code, output = run_cli("run", path, "--profile", "tiny", *places)
    assert code == 0 and "nothing to do" in output
