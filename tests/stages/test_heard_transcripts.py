"""What was heard, as the transcript of a clip that has none."""

import json
from typing import Any

import pytest

from tests.helpers.paths import DATA
from voxsmith.stages.clean_transcript import STAGE, Config
from voxsmith.stages.context import Context, Reject


def cleaned(source: str | None, heard: str, seconds: float, of: Any = "row", **settings: Any) -> dict[str, Any]:
    before = "" if of == "row" else f"{of}_"
    row = {
        f"{before}source_transcript": source,
        f"{before}heard": heard,
        f"{before}duration": seconds,
        "language": None,
    }
    with pytest.raises(StopIteration) as end:
        next(STAGE.run(row, Context(Config(of=of, missing="heard", **settings))))
    written: dict[str, Any] = end.value.value
    return written


def test_it_stands_where_the_corpus_has_none_and_says_so() -> None:
    assert cleaned(None, " He was not here. ", 1.5) == {"transcript": "He was not here.", "transcript_method": "heard"}
    assert cleaned("", "He was", 0.5, of="query") == {"query_text": "He was", "query_method": "heard"}
    given = cleaned("he was not here", "He was not there.", 1.5)
    assert given["transcript"].lower().startswith("he was not here")
    assert "heard" not in given["transcript_method"].split("+")


def test_what_the_stage_reads() -> None:
    assert STAGE.reads(Config()) == ("source_transcript",)
    assert STAGE.reads(Config(missing="heard")) == ("heard", "duration")
    assert "source_transcript" in STAGE.optional(Config(missing="heard"))


@pytest.mark.parametrize(
    ("heard", "seconds", "why"),
    [
        ("", 2.0, "nothing was heard"),
        (" ... ", 2.0, "nothing was heard"),
        ("You", 20.0, "0.1 letters a second"),
        ("Thank you for watching, and see you in the next one.", 1.0, r"[34]\d\.0 letters a second"),
        ("and then and then and then and then and then", 4.0, "'and then' was heard 4 times"),
        ("So it goes, la la la la la la.", 4.0, "'la' was heard 4 times"),
    ],
)
def test_what_no_speech_can_be(heard: str, seconds: float, why: str) -> None:
    with pytest.raises(Reject, match=f"^doubtful.*{why}"):
        next(STAGE.run({"heard": heard, "duration": seconds}, Context(Config(missing="heard"))))


def test_people_s_own_words_pass() -> None:
    """24 recorded utterances, as persons wrote them down, in the seconds that they took."""
    for line in (DATA / "asr" / "manifest.jsonl").read_text("utf-8").splitlines():
        clip = json.loads(line)
        assert cleaned(None, clip["text"], clip["duration"])["transcript_method"].startswith("heard")
