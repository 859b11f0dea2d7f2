"""Recorded clips through a whole recipe: each is read once, by workers alone; what the world does to files is no verdict."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.broken_clips import ASR, BROKEN, plant
from tests.helpers.recipes import dataset_of, finish, open_state, run_inline, texts_of
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.recipe.by_name import ByName

GOOD = [json.loads(line) for line in (ASR / "manifest.jsonl").read_text().splitlines()][:6]
REJECTED_ONCE_READ = ("too_short", "silent")
LISTED = {"missing_file"}  # what is told as the source is listed


def write(folder: Path, **read_clip: Any) -> str:
    """A recipe over six good clips and the broken ones, which listens without a model."""
    clips = folder / "corpus" / "clips"
    planted = plant(clips)
    for record in GOOD:
        shutil.copy(ASR / record["path"], clips)
    records = [
        {"id": one["id"], "audio": Path(one["path"]).name, "text": one["text"], "duration": one["duration"]}
        for one in GOOD
    ]
    records += [
        {"id": name, "audio": name, "text": "WORDS", "duration": reference.length}
        for name, (_, reference) in planted.items()
    ]
    (folder / "corpus" / "manifest.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    recipe = {
        "name": "recorded",
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": {
            "asr": {
                "path": str(folder / "corpus" / "manifest.jsonl"),
                "layout": "manifest",
                "clips": str(clips),
                "columns": {"clip": "audio", "source_transcript": "text", "duration": "duration", "id": "id"},
                "licence": "CC-BY-4.0",
                "shard": {"least": 1, "target": 4, "most": 8},
            }
        },
        "engines": {
            "clips": {"backend": "clip_reader"},
            "asr": {"backend": "asr_null"},
            "units": {"backend": "units_null"},
        },
        "stages": {
            "read_clip": {"engine": "clips", **read_clip},
            "listen": {"of": "row", "engine": "asr"},
            "fit_units": {"of": "row", "engine": "units", "clusters": 4},
            "units": {"of": "row", "engine": "units"},
        },
        "checks": {"max_reject_ratio": 1},
    }
    (folder / "recorded.yaml").write_text(yaml.safe_dump(recipe))
    return str(folder / "recorded.yaml")


def reads(state: Any) -> int:
    """Clips that were read for what the state holds."""
    metas = [state.store.meta(node, done.key) for (node, _), done in state.done.items() if node == "read_clip"]
    return int(sum(meta["metrics"].get("clips_read", 0) for meta in metas))


def audio_of(state: Any, folder: Path) -> dict[str, bytes]:
    from datasets import load_from_disk

    summary = dataset_of(state, folder)
    assert summary["counts"] == {"rows_in": 16, "rows_out": 6, "rejects": 10, "pending": 0}
    rows = load_from_disk(str(folder / "dataset")).data.table
    return {row["id"]: row["audio"]["bytes"] for row in rows.select(["id", "audio"]).to_pylist()}


def test_each_clip_is_read_once_and_each_broken_one_says_why(tmp_path: Path) -> None:
    path = write(tmp_path)
    state = open_state(path)
    assert texts_of(state, "clip") and not any("fLaC" in str(value) for value in texts_of(state, "clip"))
    assert run_inline(state) == {}
    assert reads(state) == len(GOOD) + len(REJECTED_ONCE_READ)
    rejects: dict[str, int] = {}
    for (node, _), done in state.done.items():
        if node == "read_clip":
            for reason, count in state.store.meta(node, done.key)["rejects"].items():
                rejects[reason] = rejects.get(reason, 0) + count
    assert rejects == {"bad_audio": 2} | dict.fromkeys(
        {reason for reason, _, _ in BROKEN.values()} - {"bad_audio"} - LISTED, 1
    )
    again = open_state(path)
    assert not again.ready
    assert len(audio_of(state, tmp_path / "written")) == len(GOOD)


def test_another_transcript_or_limit_reads_no_good_clip_again(tmp_path: Path) -> None:
    path = write(tmp_path)
    first = open_state(path)
    assert run_inline(first) == {}
    manifest = tmp_path / "corpus" / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace(GOOD[0]["text"], "ANOTHER TEXT"))
    edited = open_state(path)
    assert {node for node, _ in edited.ready} == {"listen"}
    assert run_inline(edited) == {}
    limited = open_state(with_limits(path, max_seconds=30))
    assert {node for node, _ in limited.ready} == {"read_clip"}
    assert run_inline(limited) == {} and reads(limited) == len(REJECTED_ONCE_READ)


def with_limits(path: str, section: str = "", **settings: Any) -> str:
    recipe = yaml.safe_load(Path(path).read_text())
    (recipe.setdefault(section, {}) if section else recipe["stages"]["read_clip"]).update(settings)
    Path(path).write_text(yaml.safe_dump(recipe))
    return path


def test_a_folder_that_is_gone_leaves_rows_pending_with_one_line(tmp_path: Path) -> None:
    path = write(tmp_path)
    state = open_state(path)
    clips, away = tmp_path / "corpus" / "clips", tmp_path / "away"
    clips.rename(away)
    pending = run_inline(state)
    assert len(pending) == len(GOOD) + len(BROKEN) - len(LISTED)
    assert set(pending.values()) == {
        f"the folder of its source can't be read: {clips}: No such file or directory; is its disk mounted?"
    }
    away.rename(clips)
    state = open_state(path)
    assert run_inline(state) == {}
    assert sum(value is not None for value in texts_of(state, "duration")) == len(GOOD)


def test_kept_as_references_the_dataset_is_the_same(tmp_path: Path) -> None:
    whole, named = write(tmp_path / "whole"), write(tmp_path / "named", keep="reference")
    states = [finish(path) for path in (whole, named)]
    for column in ("duration", "units"):
        values, others = (texts_of(state, column) for state in states)
        assert values == others and sum(value is not None for value in values) == len(GOOD)
    sizes = [sum(file.stat().st_size for file in Path(state.store.url).rglob("*.arrow")) for state in states]
    assert sizes[1] < sizes[0] / 4
    datasets = [audio_of(state, tmp_path / name) for state, name in zip(states, ("a", "b"), strict=True)]
    assert datasets[0] == datasets[1] and all(clip.startswith(b"fLaC") for clip in datasets[0].values())


def test_kept_as_references_clips_of_rejects_are_heard(tmp_path: Path) -> None:
    from datasets import load_from_disk

    path = with_limits(
        write(tmp_path, keep="reference"), "stages", verify={"of": "row"}
    )  # what hears nothing, agrees with none
    recipe = yaml.safe_load(Path(path).read_text())
    recipe["sources"]["asr"]["columns"]["transcript"] = "text"
    Path(path).write_text(yaml.safe_dump(recipe))
    state = open_state(path)
    assert run_inline(state) == {}
    dataset_of(state, tmp_path / "written")
    rows = load_from_disk(str(tmp_path / "written" / "rejects")).data.table.select(["reason", "audio"]).to_pylist()
    clips = [row["audio"]["bytes"] for row in rows if row["reason"] == "mislabelled"]
    assert len(clips) == len(GOOD) and all(clip.startswith(b"fLaC") for clip in clips)
    pickle.loads(pickle.dumps(ByName(state.graph, ("audio",))))  # as it goes to processes that write


def test_kept_as_references_a_changed_file_is_never_another_clip(tmp_path: Path) -> None:
    path = write(tmp_path, keep="reference")
    state = open_state(path)
    assert run_inline(state) == {}
    clips = tmp_path / "corpus" / "clips"
    first, second = (clips / Path(record["path"]).name for record in GOOD[:2])
    kept = first.read_bytes()
    shutil.copy(second, first)
    with pytest.raises(RunFailed, match=f"row .*{GOOD[0]['id']}.* has no clip to export: changed_file"):
        dataset_of(state, tmp_path / "written")
    first.unlink()
    with pytest.raises(RunFailed, match="has no clip to export: missing_file"):
        dataset_of(state, tmp_path / "written")
    first.write_bytes(kept)
