"""Augmented clips through a whole run: the same bytes on one actor and on two, and what a change of settings runs again."""

import base64
import json
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from tests.helpers.html_page import Page
from tests.helpers.recipes import digests_of, finish, open_state, run_cli, texts_of, write_recipe
from voxsmith.pipeline.errors import RecipeError

RECORDS = [{"text": "birds sing early " * (2 + n % 5), "spk": f"s{n % 7}"} for n in range(16)]
EFFECTS = {
    "noise": {"p": 0.7, "kinds": ["babble", "pink"], "speakers": [2, 3]},
    "room": {"p": 0.3, "rt60": [0.2, 0.3]},
    "codec": {"p": 0.5, "kinds": ["opus", "gsm"]},
    "speed": {"p": 0.5},
}


def write(folder: Path, **changes: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / "speech.jsonl"
    rows.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    source = {
        "path": str(rows), "layout": "columns", "columns": {"transcript": "text", "speaker": "spk"},
        "licence": "CC0-1.0", "shard": {"least": 1, "target": 4, "most": 8},
    }  # fmt: skip
    stages = {
        "utter": {"stage": "toys.utter"},
        "fit_babble": {"voices": 4, "seconds": 1},
        "augment": {"engine": "signal"} | EFFECTS,
        "listen": {"of": "augmented", "engine": "ears"},
        "verify": {"of": "augmented", "reject": False},
    }
    engines = {"signal": {"backend": "augmenter_signal"}, "ears": {"backend": "asr_null"}}
    given = {"sources": {"speech": source}, "stages": stages, "engines": engines}
    return write_recipe(folder, [], "augmented", **given | changes)


def test_both_clips_are_exported_and_a_change_runs_the_augmentation_alone(tmp_path: Path) -> None:
    path = write(tmp_path)
    state = finish(path)
    rows = dataset(tmp_path)
    notes = {row["id"]: json.loads(row["augmentation"]) for row in rows}
    assert len(rows) == 16 and all(row["audio"]["bytes"] for row in rows)
    for row in rows:
        assert (row["augmented_audio"]["bytes"] == row["audio"]["bytes"]) == (notes[row["id"]] == [])
    assert {one["effect"] for note in notes.values() for one in note} == {"noise", "room", "codec", "speed"}
    assert any("voices" in one for note in notes.values() for one in note)
    assert texts_of(state, "augmentation")
    assert {row["augmented_heard"] for row in rows} == {row["transcript"] for row in rows}

    state = open_state(path, overrides=["stages.augment.noise.snr=[0, 5]"])
    assert {node for node, _ in state.ready} == {"augment"}
    state = open_state(path, overrides=["engines.signal.resources={replicas: 2, batch: 8}"])
    assert not state.ready


def dataset(folder: Path, part: str = "dataset") -> list[dict[str, Any]]:
    rows = datasets.load_from_disk(str(folder / "out" / "augmented" / part))
    for clip in ("audio", "augmented_audio"):
        rows = rows.cast_column(clip, datasets.Audio(decode=False)) if clip in rows.column_names else rows
    return list(rows)


def test_a_clip_that_has_become_too_hard_is_measured_or_rejected_or_kept_out_of_the_export(tmp_path: Path) -> None:
    """The ears hear a third of the words where the SNR is below 10 dB, which is half of the range."""
    ears = {"signal": {"backend": "augmenter_signal"}, "ears": {"backend": "toys.ears"}}
    noise = {"p": 0.8, "kinds": ["pink"], "snr": [0, 20]}

    def corpus(verify: dict[str, Any], to_run: set[str], **changes: Any) -> set[str]:
        """Ids of the dataset, each row of which has both of its clips."""
        stages = {"utter": {"stage": "toys.utter"}, "augment": {"engine": "signal", "noise": noise}}
        stages |= {"listen": {"of": "augmented", "engine": "ears"}, "verify": {"of": "augmented"} | verify}
        path = write(tmp_path, stages=stages, engines=ears, **changes)
        assert {node for node, _ in open_state(path).ready} == to_run
        finish(path)
        rows = dataset(tmp_path)
        assert all(row["audio"]["bytes"] and row["augmented_audio"]["bytes"] for row in rows)
        return {row["id"] for row in rows}

    everything = corpus({"reject": False}, {"utter"})
    rows = {row["id"]: row for row in dataset(tmp_path)}
    noises = {name: json.loads(row["augmentation"]) for name, row in rows.items()}
    hard = {name for name, some in noises.items() if any(one.get("snr", 99) < 10 for one in some)}
    assert len(everything) == 16 and 3 <= len(hard) <= 12
    assert {name for name, row in rows.items() if row["augmented_wer"] == pytest.approx(2 / 3)} == hard
    assert all(row["augmented_wer"] == 0 for name, row in rows.items() if name not in hard)
    page = Page((tmp_path / "out" / "augmented" / "report.html").read_text(encoding="utf-8"))
    played = {base64.b64decode((one["src"] or "").partition(",")[2]) for one in page.all("audio")}
    clips = [{row["audio"]["bytes"], row["augmented_audio"]["bytes"]} for row in rows.values()]
    assert any(len(both) == 2 and both <= played for both in clips), "the clip can be heard before and after"

    assert corpus({}, {"verify"}) == everything - hard
    assert {(row["id"], row["stage"], row["reason"]) for row in dataset(tmp_path, "rejects")} == {
        (name, "verify", "too_hard") for name in hard
    }
    lenient = {"augmented": {"max_wer": 0.8, "max_cer": 0.8, "max_lost": 60}}
    assert corpus({}, {"verify"}, checks=lenient) == everything
    assert corpus({"reject": False}, set(), export={"gates": {"max_augmented_wer": 0.5}}) == everything - hard
    assert {(row["id"], row["stage"], row["reason"]) for row in dataset(tmp_path, "rejects")} == {
        (name, "export", "max_augmented_wer") for name in hard
    }


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("engines.signal.noises=/nope", "engines.signal.noises: there is no folder /nope"),
        ("engines.signal.rooms=FOLDER", "engines.signal.rooms: FOLDER: there are no sounds in it"),
        ("stages.augment.gain={p: 1, db: [-400, 400]}", "stages.augment.gain.db: [-400, 400] goes beyond a gain in dB"),
        ("stages.augment.noise.snr=[9, 3]", "stages.augment.noise.snr: a range begins with its lower end: [3, 9]"),
        ("stages.augment.noise.snr=[.nan, 3]", "stages.augment.noise.snr.0: nan is not a finite number"),
        ("stages.fit_babble=null", "stages.augment: needs 'babble', which no stage fits; add a stage fit_babble"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(tmp_path: Path, change: str, line: str) -> None:
    path, folder = write(tmp_path), tmp_path / "sounds"
    folder.mkdir()
    if change.endswith("null"):
        recipe = yaml.safe_load(Path(path).read_text())
        del recipe["stages"]["fit_babble"]
        Path(path).write_text(yaml.safe_dump(recipe))
        change = "seed=1"
    with pytest.raises(RecipeError) as error:
        open_state(path, overrides=[change.replace("FOLDER", str(folder))])
    assert str(error.value).startswith(f"{path}: {line.replace('FOLDER', str(folder))}")
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.heavy
def test_one_actor_and_two_make_the_same_bytes(tmp_path: Path, on_ray: dict[str, str]) -> None:
    for name, replicas in (("one", 1), ("two", 2)):
        resources = f"engines.signal.resources={{replicas: {replicas}, num_cpus: 0.5, batch: {replicas * 3}}}"
        code, output = run_cli("run", write(tmp_path / name), "--set", resources, env=on_ray)
        assert code == 0, output
    one, two = (digests_of(tmp_path / name / "out" / "augmented" / "dataset") for name in ("one", "two"))
    assert one == two and one
