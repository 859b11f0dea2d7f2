"""The report page: whole in itself, safe against what rows say, and never too large to open."""

import base64
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.helpers.html_page import HOSTILE, Page
from tests.helpers.made_corpus import reject, row, write_corpus
from voxsmith.pipeline.report import charts
from voxsmith.pipeline.report.build import build
from voxsmith.pipeline.report.statistics import summarise
from voxsmith.pipeline.report.words import Span, compare


def page(out: Path, rows: list[dict[str, Any]], rejects: list[dict[str, Any]], **how: Any) -> Page:
    budget = {"clip_bytes": how.pop("clip_bytes")} if "clip_bytes" in how else {}
    path = build(out, write_corpus(out, rows, rejects, **how), **budget)
    assert path == out / "report.html" and not list(out.glob(".report*"))
    return Page(path.read_text(encoding="utf-8"))


def test_a_page_with_players_funnel_and_rejects(tmp_path: Path) -> None:
    rows = [row(i) for i in range(40)]
    html = page(tmp_path, rows, [reject(i) for i in range(9)])
    assert len(html.all("article", **{"class": "row"})) >= 18
    assert len(html.all("article", **{"class": "row"})) <= 24
    clips = [a["src"] or "" for a in html.all("audio")]
    known = {r[f"{side}_audio"]["bytes"] for r in rows for side in ("query", "answer")}
    played = {base64.b64decode(src.removeprefix("data:audio/flac;base64,")) for src in clips}
    assert len(played & known) >= 36, "players hold the rows' own clips"
    for part in (
        "made_corpus",
        "49 rows came in, 9 were rejected",
        "wer too high",
        "WER 0.4; the limit is 0.15",
        "af_heart",
        "SmolLM2-135M-Instruct",
        "CC BY-NC 4.0",
        "0123456789ab",
        "most word errors a word",
    ):
        assert part in html.text, part
    assert len(html.all("svg", **{"class": "trunk"})) == 5
    assert len(html.all("svg", **{"class": "strip"})) >= 36
    assert html.all("mark"), "what was misheard is marked"


def test_nothing_is_loaded_from_outside(tmp_path: Path) -> None:
    html = page(tmp_path, [row(i) for i in range(6)], [reject(i) for i in range(3)])
    for tag, attributes in html.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "data", "action", "poster", "srcset"):
                assert value and value.startswith(("data:audio/flac;base64,", "#")), (tag, name)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|<link|<iframe", text)
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}, "a name, not an address"
    (policy,) = html.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_hostile_text_is_shown_not_run(tmp_path: Path) -> None:
    texts = {"instruction": HOSTILE, "source": HOSTILE, "licence": HOSTILE, "id": HOSTILE}
    sides = {f"{side}_{base}": HOSTILE for side in ("query", "answer") for base in ("text", "voice", "method")}
    heard = {"query_heard": "something else", "answer_heard": HOSTILE + " more", "query_wer": 1.0, "answer_wer": 0.5}
    bad = reject(0, reason=HOSTILE, message=HOSTILE, text=HOSTILE, stage=HOSTILE, source=HOSTILE, id=HOSTILE)
    harmless = page(tmp_path / "a", [row(0)], [reject(0)])
    html = page(tmp_path / "b", [row(0) | texts | sides | heard], [bad])
    assert len(html.all("script")) == len(harmless.all("script")) == 1
    assert not html.all("img") and not any("onerror" in attributes for _, attributes in html.tags)
    assert HOSTILE in html.text


def test_no_rows_and_no_rejects(tmp_path: Path) -> None:
    assert "nothing to play" in page(tmp_path / "a", [], [reject(0)]).text
    assert "No row was rejected" in page(tmp_path / "b", [row(0)], []).text
    assert "No row was rejected" in page(tmp_path / "c", [], []).text


@pytest.mark.parametrize(
    "without", [("units", "unit_durations", "mos"), ("audio", "heard", "wer", "duration", "voice")]
)
def test_columns_may_be_missing(tmp_path: Path, without: tuple[str, ...]) -> None:
    html = page(tmp_path, [row(i) for i in range(4)], [], without=without)
    assert len(html.all("article", **{"class": "row"})) == 4
    assert len(html.all("audio")) == (0 if "audio" in without else 8)


def test_splits_are_played_too(tmp_path: Path) -> None:
    html = page(tmp_path, [row(i) for i in range(20)], [], splits={"train": 0.5, "test": 0.5})
    assert len(html.all("article", **{"class": "row"})) >= 18


def test_clips_stay_within_the_budget(tmp_path: Path) -> None:
    rows = [row(i) for i in range(12)]
    html = page(tmp_path, rows, [], clip_bytes=60_000)
    held = sum(len(a["src"] or "") for a in html.all("audio"))
    assert 0 < held <= 62_000
    assert "left out to keep this page small" in html.text
    assert len(html.all("article", **{"class": "row"})) == 12


def test_the_same_corpus_makes_the_same_page(tmp_path: Path) -> None:
    rows, rejects = [row(i) for i in range(30)], [reject(i) for i in range(12)]
    manifest = write_corpus(tmp_path, rows, rejects)
    first = build(tmp_path, manifest).read_bytes()
    with_statistics = manifest | {"statistics": asdict(summarise(tmp_path / "dataset"))}
    assert build(tmp_path, json.loads(json.dumps(with_statistics))).read_bytes() == first


def test_a_few_rejects_of_each_reason(tmp_path: Path) -> None:
    html = page(tmp_path, [row(0)], [reject(i) for i in range(60)])
    assert [len(html.all("article", **{"data-stage": s})) for s in ("sources", "rewrite", "pick")] == [4, 4, 4]


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert compare("Hello, world!", "hello world") == [Span("same", "Hello, world!", "hello world")]
    spans = compare("The cat chased the mouse.", "the cat erased mouse again")
    assert [span.kind for span in spans] == ["same", "other", "same", "extra"]
    assert compare("one two", "one") == [Span("same", "one", "one"), Span("missing", "two", "")]
    assert compare("", "um") == [Span("extra", "", "um")]
    assert compare("ten cats", "10 cats")[0] == Span("same", "ten", "10")


def test_the_strip_shows_each_unit_as_long_as_it_lasts() -> None:
    strip = charts.unit_strip([5, 7, 5], [2, 1, 4])
    assert 'viewBox="0 0 7 1"' in strip and "M0 0h2v1h-2zM3 0h4v1h-4z" in strip
    assert "3 units, 2 different" in strip


@given(
    st.lists(st.floats(-1000, 1000), min_size=2, max_size=30, unique=True).map(sorted),
    st.lists(st.floats(-3000, 3000), max_size=2),
)
@example([-0.5, -0.25], [])
def test_an_axis_holds_its_edges_and_has_round_ticks_inside(edges: list[float], gates: list[float]) -> None:
    assume(edges[-1] - edges[0] > 1e-3)
    axis = charts.axis(edges, gates)
    assert axis.low <= edges[0] and axis.high >= edges[-1]
    assert 1 <= len(axis.ticks) <= 12
    assert all(-0.1 <= place <= 100.1 for place, _ in axis.ticks)


def test_the_funnel_keeps_every_row() -> None:
    steps = charts.funnel(
        [
            {"stage": "a", "rows_in": 10, "rejects": {"x": 3}},
            {"stage": "b", "rows_in": 7, "rejects": {"x": 1}},
            {"stage": "c", "rows_in": 6, "rejects": {}},
            {"stage": "d", "rows_in": 6, "rejects": {}},
        ]
    )
    assert [(step.rows_in, step.rows_out) for step in steps] == [(10, 7), (7, 6), (6, 6)]
    assert [step.stages for step in steps] == [("a",), ("b",), ("c", "d")]
