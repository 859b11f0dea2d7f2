"""`clean_transcript` over transcripts in the manner of many corpora, each with what a person would make of it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.paths import ROOT
from voxsmith.schemas.checks import Checks
from voxsmith.stages.clean_transcript import STAGE, Config
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.text.casing import lacks_case, with_case

CASES = [json.loads(line) for line in (ROOT / "tests/data/transcripts.jsonl").read_text(encoding="utf-8").splitlines()]


def cleaned(source: str, heard: str | None = None, **settings: Any) -> dict[str, Any]:
    """What the stage writes; raises Reject."""
    of = settings.get("of", "row")
    names = {"source_transcript": source, "heard": heard}
    row = {
        "id": "r1",
        "language": None,
        **{name if of == "row" else f"{of}_{name}": one for name, one in names.items()},
    }
    try:
        next(STAGE.run(row, Context(Config(**settings), Checks())))
    except StopIteration as end:
        return dict(end.value)
    raise AssertionError("no engine should be asked")


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case['corpus']}" for n, case in enumerate(CASES)])
def test_a_transcript_is_what_a_person_would_write(case: dict[str, Any]) -> None:
    settings = case.get("settings", {})
    if "reject" in case:
        with pytest.raises(Reject) as reject:
            cleaned(case["source"], case.get("heard"), **settings)
        assert (reject.value.reason, reject.value.sample) == (case["reject"], case["source"])
        return
    written = cleaned(case["source"], case.get("heard"), **settings)
    assert written == {"transcript": case["transcript"], "transcript_method": case["method"]}


@pytest.mark.parametrize("case", [case for case in CASES if "transcript" in case], ids=lambda case: case["transcript"])
def test_what_was_cleaned_stays_as_it_is(case: dict[str, Any]) -> None:
    settings = {name: one for name, one in case.get("settings", {}).items() if name != "case"}
    assert cleaned(case["transcript"], case.get("heard"), **settings)["transcript_method"] == "given"


def test_the_words_stay_the_corpus_whatever_was_heard() -> None:
    text, _, _ = with_case("THE CAT SAT ON TWO MATS", "A Dog stood, on 2 Rugs in Rome.", "en", True)
    assert text.lower() == "the cat sat on two mats"


def test_a_side_s_transcript_becomes_its_text() -> None:
    written = cleaned("<s> WHY IS THAT </s>", "Why is that?", of="query", punctuation="heard")
    assert written == {"query_text": "Why is that?", "query_method": "tags+case_heard+signs_heard"}


def test_an_endless_transcript_is_refused_before_it_is_looked_through() -> None:
    with pytest.raises(Reject) as reject:
        cleaned("[" * 3_000)
    assert reject.value.reason == "too_long" and "3000" in reject.value.message


@pytest.mark.parametrize(
    "hostile",
    [
        *("(" * 1900, "<" * 1900, "[a" * 900, "♪" * 1900, "*" * 1900, "((" * 900 + "))" * 50, "' s" * 600),
        *("[ a + " * 300, "{F " * 600, "+a" * 900, "*a " * 600, "&amp;" * 380, "a_" * 900, "¿" * 1900, " -" * 900),
    ],
)
def test_a_hostile_transcript_takes_no_time(hostile: str) -> None:
    try:
        cleaned(f"a {hostile} b")
    except Reject as reject:
        assert reject.reason in ("tag", "unclear", "noise")


def test_a_tag_of_the_corpus_own_comes_before_what_is_known_of_it() -> None:
    assert cleaned("We <b> know.", tags={"<b>": "sound"}, sounds="drop")["transcript"] == "We know."
    with pytest.raises(Reject) as reject:
        cleaned("We <i> know.", tags={"<i>": "noise"})
    assert reject.value.reason == "noise"


PIECES = [
    "<COMMA>",
    "[laughter]",
    "A: ",
    "&amp;",
    "[i, + i]",
    "\u00bf",
    "\u4f60\u597d",
    "((",
    "))",
    "{UH}",
    "I",
    "MR",
    "a.m.",
    '""',
    "♪",
    "NO",
    "İ",
    "ŉ",
    "ﬁ",
    "’s",
    "\u0301",
    "हि",
    "th[at]-",
]


@settings(max_examples=60, deadline=None)
@given(*[st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join))] * 2)
def test_whatever_is_written_it_is_a_text_or_a_reject(source: str, heard: str) -> None:
    try:
        written = cleaned(source, heard, case="restore", punctuation="heard", noise="drop", unclear="drop")
    except Reject as reject:
        assert reject.reason and reject.message
    else:
        assert written["transcript"].strip()


def test_a_text_with_case_is_known() -> None:
    assert not lacks_case("Please call Stella") and not lacks_case("三十四") and not lacks_case("12")
    assert lacks_case("please call stella") and lacks_case("PLEASE CALL STELLA.")
