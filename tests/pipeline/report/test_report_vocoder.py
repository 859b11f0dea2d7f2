"""`report --vocoder`: the page plays what the units kept, by a real vocoder; units that it doesn't know are left out."""

import base64
import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import soundfile

from tests.helpers.html_page import Page
from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.recipes import ROOT, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.report.statistics import summarise

VOCODER = ROOT / "tests" / "golden" / "vocoder"  # 20 units, 320 samples each, 16 kHz


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    rows = [row(i) for i in range(8)]
    for number, one in enumerate(rows):
        one["answer_units"] = [(number + k) % 20 for k in range(12)]
        one["query_units"] = [150] * 12  # of another codebook
    out = tmp_path / "out" / "toy"
    manifest = write_corpus(out, rows, [])
    manifest["statistics"] = asdict(summarise(out / "dataset"))
    (out / "manifest.json").write_text(json.dumps(manifest))
    return write_recipe(tmp_path, ["Name a colour."])


def test_the_page_plays_what_units_kept(recipe: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["report", recipe, "--vocoder", str(VOCODER)]) == 0
    page = Page((tmp_path / "out" / "toy" / "report.html").read_text(encoding="utf-8"))
    kept = [audio["src"] for audio in page.all("audio") if audio["aria-label"] == "answer, from its units"]
    assert len(kept) == 8
    for source in kept:
        clip = base64.b64decode(str(source).removeprefix("data:audio/flac;base64,"))
        samples, rate = soundfile.read(io.BytesIO(clip))
        assert rate == 16000
        assert len(samples) == 320 * sum(1 + k % 4 for k in range(12))
    assert "query, from its units" not in {audio["aria-label"] for audio in page.all("audio")}
    warning = "the vocoder: bad_units: unit 150: the vocoder knows 0 to 19: another codebook's"
    assert [record.getMessage() for record in caplog.records if "vocoder" in record.getMessage()] == [warning]


def test_without_it_there_is_no_such_player(recipe: str, tmp_path: Path) -> None:
    assert main(["report", recipe]) == 0
    assert "from its units" not in (tmp_path / "out" / "toy" / "report.html").read_text(encoding="utf-8")


def test_a_vocoder_that_is_none_is_told(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", recipe, "--vocoder", str(tmp_path)]) == 2
    assert "--vocoder: " in (error := capsys.readouterr().err) and "there is no g_00500000 in it" in error
