"""Tasks learned from augmented clips and from those of other groups, through a recipe to a batch."""

from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.made_corpus import tone
from tests.trainer import folders
from voxsmith.trainer.build import build, chat_of
from voxsmith.trainer.data.exports import BadExport
from voxsmith.trainer.fit.corpus import Corpus, corpus, planned
from voxsmith.trainer.recipe import TrainRecipe

CLEAN, AUGMENTED = tone(0.5), tone(0.75)
# A tiny tokeniser knows few of the words, but makes other tokens of each text.
SAID = {
    "transcript": "the cat sat",
    "query_text": "who was it that sat there",
    "translation_de": "die Katze saß den ganzen Tag da",
}
SPOKEN = {
    "continuation": "and it slept for long",
    "answer_text": "it was the cat",
    "translation_en": "the cat sat down on it there",
}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("any_clip")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    return folder


def learned(ready: Path, export: Path, values: dict[str, Any], **data: Any) -> tuple[TrainRecipe, Corpus]:
    if not export.exists():
        datasets.Dataset.from_dict({name: [value] for name, value in values.items()}).save_to_disk(str(export))
    keys = {
        "name": "any_clip",
        "phase": "answer",
        "data": [{"path": str(export), **data}],
        "llm": {"model": str(ready / "llm")},
        "encoder": {"model": str(ready / "whisper")},
        "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
        "schedule": {"epochs": 1, "budget": 2.0},
    }
    of = TrainRecipe.model_validate(keys)
    built = build(of)
    return of, corpus(of.data, of, built, chat_of(built, of))


def row(*groups: str, **more: Any) -> dict[str, Any]:
    """A row with clips of these groups, of half a second; augmented ones of three quarters."""
    values: dict[str, Any] = {"id": "r-0", **SAID, **SPOKEN, **more}
    for prefix in groups:
        clip, seconds = (AUGMENTED, 0.75) if prefix == "augmented_" else (CLEAN, 0.5)
        values |= {f"{prefix}audio": {"bytes": clip, "path": "x.flac"}, f"{prefix}duration": seconds}
    return values


@pytest.mark.parametrize(
    ("task", "more", "answer", "asked"),
    [
        ("continue", {}, "continuation", "Continue the following text"),
        ("translate", {"to": "en"}, "translation_en", "translate the text to English"),
        ("answer", {}, "answer_text", "Please directly answer"),
        ("transcribe", {}, "transcript", "Repeat the following text"),
        ("transcribe", {"text": "query"}, "query_text", "Repeat the following text"),
    ],
)
def test_each_task_is_learned_from_augmented_clips(
    ready: Path, tmp_path: Path, task: str, more: dict[str, str], answer: str, asked: str
) -> None:
    values = row("augmented_", "")
    of, data = learned(ready, tmp_path / "export", values, task=task, of="augmented", **more)
    assert data.rows == 1 and data.sources[0].seconds == [0.75], "the augmented clip's"
    places, (((number,),),) = planned(data, of, 0)
    batch = data.collate([places[number]])
    learn = data.collate.chat.answer(values[answer])
    assert batch.labels[0][batch.labels[0] != -100].tolist() == list(learn)
    others = [data.collate.chat.answer(text) for text in (SAID | SPOKEN).values() if text != values[answer]]
    assert learn not in others
    assert asked in data.sources[0].task.request


def test_a_query_s_augmented_clip_says_the_query_where_there_is_no_transcript(ready: Path, tmp_path: Path) -> None:
    values = row("augmented_", "query_")
    del values["transcript"]
    _, data = learned(ready, tmp_path / "export", values, task="answer", of="augmented")
    assert (data.sources[0].task.text, data.rows) == ("query_text", 1)


def test_a_translation_is_heard(ready: Path, tmp_path: Path) -> None:
    _, data = learned(ready, tmp_path / "export", row("translation_de_"), task="transcribe", of="translation_de")
    assert (data.sources[0].task.answer, data.sources[0].seconds) == ("translation_de", [0.5])


def test_clips_of_unknown_length_are_one_line(ready: Path, tmp_path: Path) -> None:
    values = row("augmented_")
    del values["augmented_duration"]
    with pytest.raises(BadExport, match=r"it lacks augmented_duration, .* listen writes it \(of: augmented\)"):
        learned(ready, tmp_path / "export", values, task="continue", of="augmented")


def test_what_is_said_can_t_be_what_is_learned(ready: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in the task continue continuation is the answer"):
        learned(ready, tmp_path / "export", row("continuation_"), task="continue", of="continuation")
