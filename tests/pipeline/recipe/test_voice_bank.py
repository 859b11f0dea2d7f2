"""A voice bank in a recipe: its voices, a changed clip, its licences, and what is wrong with it told before anything runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.recipes import ROOT, open_state, run_inline, texts_of, write_recipe
from voxsmith.models.references import ModelMissing
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.report.outputs import export_state, out_folder
from voxsmith.stages.engines.tts.null import Tts
from voxsmith.stages.engines.voice_bank import read_bank, refuse_faulty

BANK = ROOT / "tests" / "data" / "voices"
NAMES = ["LJ001-0025", "ls-4340-15220-0000", "vctk-p226_008"]
TEXTS = [f"Name {number} colours of the rainbow, please." for number in range(2, 14)]


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BANK, tmp_path / "bank"))


def recipe(folder: Path, bank: Path, voices: Any = "*", **changes: Any) -> str:
    return write_recipe(
        folder,
        TEXTS,
        sources__rows__columns={"instruction": "instruction", "query_text": "instruction"},
        engines={
            "tts": {"backend": "tts_null", "bank": str(bank)},
            "asr": {"backend": "asr_null"},
            "speaker": {"backend": "speaker_resemblyzer", "bank": str(bank)},
        },
        stages={
            "normalise": {"of": "query"},
            "speak": {"of": "query", "engine": "tts", "sample_rate": 16000, "voices": voices},
            "listen": {"of": "query", "engine": "asr"},
            "pick": {"of": "query"},
            "recognise": {"of": "query", "engine": "speaker"},
        },
        **changes,
    )


def test_a_bank_speaks_is_recognised_and_passes_its_terms_on(tmp_path: Path, bank: Path) -> None:
    path = recipe(tmp_path, bank)
    state = open_state(path)
    assert run_inline(state) == {}
    voices, likeness = texts_of(state, "query_voice"), texts_of(state, "query_similarity")
    assert set(voices) == set(NAMES)
    assert all(value < 0.7 for value in likeness), "a hum is no clone of anyone"
    export_state(state)
    import datasets

    rows = datasets.load_from_disk(str(out_folder(state) / "dataset"))
    terms = {row["query_voice"]: row["licence"] for row in rows.remove_columns("query_audio")}
    assert terms[NAMES[0]] == "Apache-2.0", "the clip is in the public domain; the speaker encoder's terms bind more"
    assert terms[NAMES[1]].startswith("CC BY 4.0 (LibriSpeech") and terms[NAMES[2]].startswith("CC BY 4.0 (CSTR")

    gated = open_state(path, overrides=["export.gates.min_query_similarity=0.7"])
    export_state(gated)
    counts = json.loads((out_folder(gated) / "manifest.json").read_text())["counts"]
    assert counts == {"rows_in": len(TEXTS), "rows_out": 0, "rejects": len(TEXTS), "pending": 0}


def test_only_what_speaks_in_a_changed_clip_is_spoken_again(
    tmp_path: Path, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recipe(tmp_path, bank)
    state = open_state(path)
    run_inline(state)
    mine = [voice == NAMES[0] for voice in texts_of(state, "query_voice")]
    assert 0 < sum(mine) < len(mine)
    text = (bank / "manifest.jsonl").read_text()
    (bank / "manifest.jsonl").write_text(text.replace("imitates a much freer hand", "it imitates a much freer hand"))
    again = open_state(path)
    unchanged = {clip["path"] for clip, own in zip(texts_of(state, "query_audio"), mine, strict=True) if not own}
    asked = []
    monkeypatch.setattr(
        Tts, "submit", lambda self, request, say=Tts.submit: asked.append(request) or say(self, request)
    )
    run_inline(again)
    assert [request.voice for request in asked] == [NAMES[0]] * sum(mine)
    assert unchanged <= {clip["path"] for clip in texts_of(again, "query_audio")}


@pytest.mark.parametrize(
    ("voices", "spoil", "message"),
    [
        (["LJ001-0026"], {}, "stages.speak.voices: no voice 'LJ001-0026' in tts; did you mean 'LJ001-0025'?"),
        ("*", {"manifest": None}, "its voices: no voice bank in"),
        ("*", {"manifest": ""}, "no voice in it"),
        ("*", {"manifest": '{"id": "anna"}\n'}, "manifest.jsonl, line 1: path Field required"),
        ("*", {"manifest": "nonsense\n"}, "manifest.jsonl, line 1: "),
        ("*", {"clip": None}, "the clip can't be read"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    tmp_path: Path, bank: Path, voices: Any, spoil: dict[str, str | None], message: str
) -> None:
    for kind, content in spoil.items():
        file = bank / ("manifest.jsonl" if kind == "manifest" else f"audio/{NAMES[1]}.flac")
        file.unlink() if content is None else file.write_text(content)
    with pytest.raises(RecipeError) as caught:
        open_state(recipe(tmp_path, bank, voices))
    assert any(message in line for line in caught.value.lines), caught.value.lines
    assert all("\n" not in line for line in caught.value.lines)


def test_a_clip_outside_the_bank_is_refused(tmp_path: Path, bank: Path) -> None:
    (bank / "manifest.jsonl").write_text('{"id": "anna", "path": "../secret.flac", "text": "hello"}\n')
    (tmp_path / "secret.flac").write_bytes((bank / f"audio/{NAMES[0]}.flac").read_bytes())
    with pytest.raises(RecipeError) as caught:
        open_state(recipe(tmp_path, bank))
    assert "../secret.flac is not in the bank's folder" in caught.value.lines[0]


@pytest.mark.heavy
def test_voices_that_are_no_good_to_clone_are_named(
    tmp_path: Path, bank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real bank, and clips of it spoilt: cut short, drowned in noise, turned up until flat, with another's text."""
    samples, rate = soundfile.read(bank / f"audio/{NAMES[0]}.flac", dtype="float32")
    noise = np.random.default_rng(1).normal(0, 0.02, len(samples)).astype(np.float32)
    spoilt = {"short": samples[: 2 * rate], "noisy": samples + noise, "flat": np.clip(samples * 30, -1, 1)}
    lines = [json.loads(line) for line in (bank / "manifest.jsonl").read_text().splitlines()]
    for name, changed in spoilt.items():
        soundfile.write(bank / f"audio/{name}.flac", changed, rate)
        lines.append({"id": name, "path": f"audio/{name}.flac", "text": lines[0]["text"]})
    lines.append({"id": "other", "path": lines[0]["path"], "text": lines[1]["text"]})
    (bank / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    path = recipe(tmp_path, bank)
    whisper = "engines.asr.backend=asr_whisper"
    banks = api.voices(path, overrides=[whisper])
    voices = banks.voices[str(bank)]
    assert not banks.fit and banks.transcribed
    assert {name for name, voice in voices.items() if voice["faults"]} == {*spoilt, "other"}
    assert "2.0 s" in voices["short"]["faults"][0] and "noise" in voices["noisy"]["faults"][0]
    assert any("clipped" in fault for fault in voices["flat"]["faults"])
    assert voices["other"]["wer"] > 0.5 and "heard: " in voices["other"]["faults"][0]
    assert main(["voices", path, "--set", whisper, "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == banks.voices
    with pytest.raises(ModelMissing, match=r"short: it lasts 2\.0 s.*noisy: .*flat: "):
        refuse_faulty(read_bank(str(bank)).values())
