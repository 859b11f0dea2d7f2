"""Rows that are one utterance: a person's clip, the same with noise on it, and a continuation that was spoken."""

import base64
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.helpers.html_page import Page
from tests.helpers.made_corpus import manifest, tone
from voxsmith.pipeline.export.piece import PROVENANCE, REJECT_SCHEMA
from voxsmith.pipeline.export.writer import SplitWriter, assemble
from voxsmith.pipeline.report.build import build
from voxsmith.pipeline.report.card import render_card
from voxsmith.pipeline.report.statistics import summarise
from voxsmith.schemas.columns import COLUMNS

AUGMENTATION = [{"effect": "noise", "kind": "pink", "snr": 12.25, "seed": 99}, {"effect": "telephone"}]


def row(i: int) -> dict[str, Any]:
    seconds = 0.5 + 0.1 * i
    return {
        "id": f"speech-{i:03d}.0",
        "conversation_id": f"speech-{i:03d}",
        "turn": 0,
        "source": "speech",
        "licence": "CC-BY-4.0",
        "source_transcript": "THE CAT SAT ON THE MAT",
        "transcript": "The cat sat on the mat.",
        "transcript_method": "case_rules",
        "speaker": f"reader {i % 2}",
        "audio": {"bytes": tone(seconds, hertz=200 + i), "path": "a.flac"},
        "heard": "The cat sat on a mat.",
        "wer": 1 / 6,
        "duration": seconds,
        "augmented_audio": {"bytes": tone(seconds, hertz=400 + i), "path": "b.flac"},
        "augmentation": json.dumps(AUGMENTATION) if i else "[]",
        "augmented_heard": "The bat sat on a mat.",
        "augmented_wer": 2 / 6,
        "augmented_duration": seconds,
        "continuation": "Then it fell asleep.",
        "continuation_audio": {"bytes": tone(seconds, 24000, 600 + i), "path": "c.flac"},
        "continuation_voice": "af_sarah",
        "continuation_heard": "Then it fell asleep.",
        "continuation_wer": 0.0,
        "continuation_duration": 2 * seconds,
        "continuation_mos": 3.5,
        "provenance": [],
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], dict[str, Any]]:
    out, rows = tmp_path_factory.mktemp("recorded"), [row(i) for i in range(5)]
    names = [name for name in COLUMNS if name in rows[0]]  # in the order of an export
    schema = pa.schema([*((name, COLUMNS[name].type) for name in names), ("provenance", PROVENANCE)])
    rates = {"audio": 16000, "augmented_audio": 16000, "continuation_audio": 24000}
    for folder, form, hertz, table in (
        ("dataset", schema, rates, pa.Table.from_pylist(rows, schema)),
        ("rejects", REJECT_SCHEMA, {"audio": 16000}, None),
    ):
        writer = SplitWriter(out / "work" / folder, form, hertz, [], 1_000_000)
        if table is not None:
            writer.write("", table)
        files = {split: [out / "work" / folder / file for file in some] for split, some in writer.close().items()}
        assemble(out / folder, files, writer.schema, hertz, folder)
    shutil.rmtree(out / "work")
    about = manifest(rows, [], {}) | {"checks_applied": ["augmented", "continuation_clip", "recorded"]}
    about["recipe"]["checks"] = {
        "recorded": {"max_wer": 0.75, "sources": {"phone": {"max_wer": 0.9, "max_cer": None}}},
        "augmented": {"max_wer": 0.7},
        "continuation_clip": {"max_wer": 0.15, "min_mos": 2.6},
        "clip": {"max_wer": 0.01},
    }
    return out, rows, about


def test_statistics_are_by_group(made: tuple[Path, list[dict[str, Any]], dict[str, Any]]) -> None:
    counted = summarise(made[0] / "dataset")
    seconds = sum(0.5 + 0.1 * i for i in range(5))
    assert counted.seconds == pytest.approx({"row": seconds, "augmented": seconds, "continuation": 2 * seconds})
    # an augmented clip is held against the row's transcript, and its words aren't counted again
    assert counted.corpus_wer == pytest.approx({"row": 1 / 6, "augmented": 2 / 6, "continuation": 0.0}, abs=1e-4)
    assert "words" in counted.histograms and "augmented_words" not in counted.histograms


def test_the_page_plays_each_clip_and_says_what_was_put_on(
    made: tuple[Path, list[dict[str, Any]], dict[str, Any]],
) -> None:
    out, rows, about = made
    html = Page(build(out, about).read_text(encoding="utf-8"))
    played = {base64.b64decode((one["src"] or "").partition(",")[2]) for one in html.all("audio")}
    names = ("audio", "augmented_audio", "continuation_audio")
    assert played == {one[name]["bytes"] for one in rows for name in names}
    text = " ".join(html.text.split())
    assert text.count("with noise pink, snr 12.25; telephone put on it") == 4 and "with nothing put on it" in text
    assert "as its corpus has it THE CAT SAT ON THE MAT" in text and "by case_rules" in text
    marks = [mark["title"] for mark in html.all("mark")]
    assert sorted(set(marks)) == ["said: cat", "said: the"], "both clips are held against the transcript"
    assert "phone: most word errors a word of text; of a few words nobody asks0.9" in text  # two cells of a table
    for limit in ("limit 0.75", "limit 0.7", "limit 0.15", "limit 2.6"):
        assert limit in text
    assert "limit 0.01" not in text, "no stage held clips to it"


def test_the_card_names_what_there_is(made: tuple[Path, list[dict[str, Any]], dict[str, Any]]) -> None:
    out, _, about = made
    counted = summarise(out / "dataset")
    card = render_card(about | {"statistics": asdict(counted)}, counted)
    assert "0.1 min of speech, 0.1 min of augmented clips, 0.1 min of continuations." in card
    assert 'print(row["transcript"])' in card
    assert "- recorded: max wer 0.75, phone: max wer 0.9\n" in card
    assert "synthetic voices" not in card
