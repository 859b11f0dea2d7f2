"""Stages work on any group: an utterance and its continuation are spoken, heard, rated and chosen, as queries are."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.html_page import Page
from tests.helpers.recipes import finish, open_state, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.accounts import owner_of_failed_clip
from voxsmith.pipeline.plan.retries import _drawing
from voxsmith.pipeline.plan.state import State

ROWS = [
    {"text": "We sold 12 chairs.", "next": "Then the shop was empty."},
    {"text": "It rained all day.", "next": "Nobody went out."},
    {"text": "The train left at noon.", "next": "We waited for the next one."},
]


def of(group: str) -> dict[str, Any]:
    """The stages that speak a group, hear it, and choose a clip."""
    stages: dict[str, Any] = {
        "normalise": {},
        "speak": {"engine": "tts", "voices": ["null_0"], "attempts": 2},
        "listen": {"engine": "asr"},
        "rate": {"engine": "mos"},
        "pick": {},
        "units": {"engine": "encoder"},
    }
    return {f"{kind}_{group}": {"stage": kind, "of": group, **settings} for kind, settings in stages.items()}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("groups")
    (folder / "speech.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    source = {"path": str(folder / "speech.jsonl"), "layout": "columns", "licence": "CC0-1.0"}
    source["columns"] = {"transcript": "text", "continuation": "next"}  # type: ignore[assignment]
    kinds = {
        "tts": "tts_null",
        "asr": "asr_null",
        "mos": "mos_null",
        "encoder": "units_null",
        "noise": "augmenter_signal",
    }
    augmented: dict[str, Any] = {
        "augment": {"engine": "noise", "noise": {"p": 1.0, "snr": [10, 10]}},
        "listen_augmented": {"stage": "listen", "of": "augmented", "engine": "asr"},
        "rate_augmented": {"stage": "rate", "of": "augmented", "engine": "mos"},
        "fit_units": {"of": "continuation", "engine": "encoder", "clusters": 4},
        "verify_augmented": {"stage": "verify", "of": "augmented", "reject": False},
    }
    return write_recipe(
        folder,
        [],
        "groups",
        sources={"speech": source},
        engines={name: {"backend": backend} for name, backend in kinds.items()},
        stages=of("row") | of("continuation") | augmented,
        export__gates={"min_continuation_mos": 1.0, "max_augmented_wer": 1.0},
    )


@pytest.fixture(scope="module")
def state(recipe: str) -> State:
    return finish(recipe)


def test_each_group_has_its_clips_and_what_is_known_of_them(state: State, recipe: str) -> None:
    dataset = datasets.load_from_disk(str(Path(recipe).parent / "out" / "groups" / "dataset"))
    rows = {row["transcript"]: row for row in dataset.cast_column("audio", datasets.Audio(decode=False)).remove_columns(
        ["augmented_audio", "continuation_audio"]
    )}  # fmt: skip
    assert set(rows) == {row["text"] for row in ROWS}
    row = rows["We sold 12 chairs."]
    assert row["heard"] and row["wer"] == 0 and row["voice"] == "null_0" and row["speech_attempts"] == 1
    assert row["continuation_heard"] and row["continuation_wer"] == 0 and row["continuation_units"]
    assert row["audio"]["path"] == f"{row['id']}.audio.flac" and row["units"] and row["mos"] > 0
    assert json.loads(row["augmentation"])[0]["snr"] == 10 and row["augmented_mos"] > 0
    assert row["augmented_heard"] is not None and row["augmented_wer"] is not None
    manifest = json.loads((Path(recipe).parent / "out" / "groups" / "manifest.json").read_text())
    assert set(manifest["seconds"]) == {"row", "augmented", "continuation"}


def test_only_clips_that_are_spoken_here_have_attempts(state: State) -> None:
    nodes = state.graph.nodes
    assert nodes["listen_continuation"].reads == ("continuation_audio_1", "continuation")
    assert nodes["listen_continuation_2"].writes[0] == "continuation_heard_2"
    assert nodes["listen_row"].reads == ("audio_1", "transcript")
    assert nodes["listen_augmented"].reads == ("augmented_audio",) and "listen_augmented_2" not in nodes
    assert nodes["rate_augmented"].writes == ("augmented_mos",)
    assert nodes["pick_continuation"].checks is state.graph.recipe.checks.continuation_clip


def test_what_may_save_a_rejected_row_and_what_is_played_of_it(state: State) -> None:
    assert _drawing(state.graph, "verify_augmented") == {"augment"}
    assert _drawing(state.graph, "pick_continuation") == {"speak_continuation", "speak_continuation_2"}
    assert owner_of_failed_clip(state, "verify_augmented") == "augmented_audio"
    assert owner_of_failed_clip(state, "pick_continuation") == "continuation_audio_1"


def test_a_continuation_that_a_person_corrects_is_spoken_anew_and_nothing_else(
    state: State, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(recipe).parent
    ids = [row["id"] for row in datasets.load_from_disk(str(folder / "out/groups/dataset")).select_columns(["id"])]
    (folder / "mine.jsonl").write_text(json.dumps({"id": ids[0], "continuation": "And then it stopped."}) + "\n")
    corrected = [f"overrides={folder / 'mine.jsonl'}"]
    assert {node for node, _ in open_state(recipe, keep=False, overrides=corrected).ready} == {"normalise_continuation"}
    again = open_state(recipe, overrides=corrected)
    assert run_inline(again) == {}
    manifests.write_run(again, manifests.new_run(again), manifests.now(), "done", None)

    assert main(["diff", recipe, *(f"--set={one}" for one in corrected), "--page", str(folder / "diff.html")]) == 0
    shown = capsys.readouterr().out
    assert "2 same, 1 changed" in shown and "And then it stopped." in shown and "continuation_audio 1" in shown
    html = Page((folder / "diff.html").read_text(encoding="utf-8"))
    text = " ".join(html.text.split())
    for title in ("row, after", "augmented, before", "continuation, before null_0", "continuation, after null_0"):
        assert title in text
    assert len(html.all("audio")) == 4, "the row's own clip and the augmented one are the same after as before"
