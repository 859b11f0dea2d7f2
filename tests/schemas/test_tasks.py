"""Tasks of any clip: which column is heard, what is said in it, and which text is learned."""

import pytest

from voxsmith.schemas.tasks import MARKER, TaskName, said_in, task, usual


@pytest.mark.parametrize(
    ("name", "of", "text", "columns"),
    [
        ("continue", "augmented", None, ("augmented_audio", "transcript", "continuation")),
        ("translate", "augmented", None, ("augmented_audio", "transcript", "translation_de")),
        ("transcribe", "augmented", None, ("augmented_audio", "transcript", "transcript")),
        ("answer", "augmented", "query", ("augmented_audio", "query_text", "answer_text")),
        ("transcribe", "augmented", "query", ("augmented_audio", "query_text", "query_text")),
        ("continue", "query", None, ("query_audio", "query_text", "continuation")),
        ("continue", "answer", None, ("answer_audio", "answer_text", "continuation")),
        ("transcribe", "translation_fr", None, ("translation_fr_audio", "translation_fr", "translation_fr")),
        ("translate", "continuation", None, ("continuation_audio", "continuation", "translation_de")),
    ],
)
def test_any_clip_serves_a_task(name: TaskName, of: str, text: str | None, columns: tuple[str, ...]) -> None:
    made = task(name, of, "de", text)
    assert (made.audio, made.text, made.answer) == columns
    assert MARKER in made.request and ("German" in made.request) == (name == "translate")


@pytest.mark.parametrize(
    ("name", "of"), [("answer", "answer"), ("continue", "continuation"), ("translate", "translation_de")]
)
def test_what_is_said_is_no_answer(name: TaskName, of: str) -> None:
    with pytest.raises(ValueError, match=f"of: in the task {name} .* so it can't be what is said in the clip"):
        task(name, of, "de")


def test_what_an_augmented_clip_says_follows_from_the_texts_that_are_there() -> None:
    assert said_in("augmented", ["augmented_audio", "query_text"]) == "query"
    assert said_in("augmented", ["augmented_audio", "query_text", "transcript"]) == "row"
    assert said_in("answer", ["answer_text", "transcript"]) == "answer"
    assert usual("answer", ["audio"]) == "row" and usual("answer", ["audio", "query_audio"]) == "query"
