"""Rows that are no pair of query and answer, and columns that a part from outside declares: from the source to the page."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
import soundfile
import yaml

from tests.helpers.html_page import Page
from tests.helpers.recipes import SHOUT, finish, open_state, texts_of, write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.recipe.columns import all_columns
from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.pipeline.report.statistics import from_json
from voxsmith.schemas.columns import AUDIO, TRANSLATIONS, Column
from voxsmith.stages.stage import Stage, StageConfig

RECORDS = [
    {"text": "one two three", "spk": "ann", "lang": "en", "about": "numbers", "n": 3},
    {"text": "four five", "spk": "bob", "lang": "en", "about": "numbers", "n": 2},
    {"text": "eins zwei drei vier", "spk": "ann", "lang": "de", "about": None, "n": None},
    {"text": "this is bad", "spk": "bob", "lang": "en", "about": "judgement", "n": 1},
    {"text": "", "spk": "bob", "lang": "en", "about": "nothing", "n": 1},
    {"text": "six", "spk": None, "lang": None, "about": "numbers", "n": "six"},
]
COLUMNS = {"transcript": "text", "speaker": "spk", "language": "lang", "topic": "about", "weight": "n"}


def write(folder: Path, columns: dict[str, str] = COLUMNS, **changes: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / "speech.jsonl"
    rows.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    source = {"path": str(rows), "layout": "columns", "columns": columns, "licence": "CC0-1.0"}
    stages = {"utter": {"stage": "toys.utter"}}
    return write_recipe(
        folder, [], "utterances", **({"sources": {"speech": source}, "stages": stages, "engines": {}} | changes)
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, State, Path]:
    folder = tmp_path_factory.mktemp("utterances")
    path = write(folder)
    return path, finish(path), folder / "out" / "utterances"


def flac_seconds(flac: bytes) -> float:
    return float(soundfile.info(io.BytesIO(flac)).duration)


def test_the_dataset_has_what_such_rows_have_and_nothing_else(exported: tuple[str, State, Path]) -> None:
    dataset = datasets.load_from_disk(str(exported[2] / "dataset"))
    ours = ["id", "conversation_id", "turn", "source", "licence"]
    own = ["audio", "transcript", "continuation", "speaker", "language", "duration"]
    assert dataset.column_names == [*ours, *own, "warmth", "mood", "remark", "topic", "weight", "provenance"]
    assert dataset.features["audio"].sampling_rate == 8000 and dataset.features["warmth"].dtype == "float32"
    plain = dataset.cast_column("audio", datasets.Audio(decode=False))
    rows = {row["transcript"]: row for row in plain}
    assert list(rows) == ["one two three", "four five", "eins zwei drei vier"]
    first = rows["one two three"]
    assert (first["speaker"], first["language"], first["topic"], first["weight"]) == ("ann", "en", "numbers", 3)
    assert first["continuation"] == "and so on, numbers" and first["mood"] == "calm" and first["warmth"] == 30.0
    assert rows["eins zwei drei vier"]["topic"] is None and rows["eins zwei drei vier"]["weight"] is None
    for text, row in rows.items():
        assert flac_seconds(row["audio"]["bytes"]) == pytest.approx(0.1 * len(text.split()), abs=1e-3)
        assert row["audio"]["path"] == f"{row['id']}.audio.flac"


def test_every_row_is_accounted_for(exported: tuple[str, State, Path]) -> None:
    manifest = json.loads((exported[2] / "manifest.json").read_text())
    assert manifest["counts"] == {"rows_in": 6, "rows_out": 3, "rejects": 3, "pending": 0}
    assert manifest["seconds"] == {"row": 0.9}
    rejects = datasets.load_from_disk(str(exported[2] / "rejects")).remove_columns("audio")
    assert {(row["stage"], row["reason"]) for row in rejects} == {
        ("utter", "bad"),
        ("sources", "empty_transcript"),
        ("sources", "missing_field"),
    }
    assert "'n' is not a number of the type int32 but a text" in {row["message"] for row in rejects}
    assert "this is bad" in {row["text"] for row in rejects}


def test_statistics_follow_the_roles(exported: tuple[str, State, Path]) -> None:
    counted = from_json(json.loads((exported[2] / "manifest.json").read_text())["statistics"])
    assert counted.seconds == {"row": pytest.approx(0.9)} and counted.rows == 3
    assert {name: share.rows for name, share in counted.labels["speaker"].items()} == {"ann": 2, "bob": 1}
    assert counted.labels["speaker"]["ann"].seconds == pytest.approx(0.7)
    assert set(counted.labels) == {"speaker", "language", "mood", "topic"}
    assert counted.histograms["duration"].greatest == pytest.approx(0.4)
    assert counted.histograms["words"].mean == 3.0 and counted.histograms["words_per_second"].median == 10.0
    assert counted.histograms["warmth"].mean == 30.0 and counted.histograms["warmth"].least == 20.0
    assert (counted.histograms["weight"].count, counted.histograms["weight"].missing) == (2, 1)
    assert not counted.corpus_wer and not counted.units


def test_the_card_says_what_they_are(exported: tuple[str, State, Path]) -> None:
    text = (exported[2] / "README.md").read_text()
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["language"] == ["de", "en"] and "audio-to-audio" not in header["task_categories"]
    assert datasets.Features._from_yaml_list(header["dataset_info"]["features"])["audio"].sampling_rate == 8000
    for part in (
        "3 rows, 0.0 min of speech.",
        "| `warmth` | float32 | how warm it sounds \\| or not |",
        "| `transcript` | string | what is said in the utterance |",
        "| `speaker` | ann | 2 |",
        'cast_column("audio"',
    ):
        assert part in text, part
    for part in ("instruction", "queries", "exchanges", "Undefined"):
        assert part not in text, part


def test_the_page_plays_them(exported: tuple[str, State, Path]) -> None:
    page = Page((exported[2] / "report.html").read_text())
    played = [base64.b64decode((a["src"] or "").split(",")[1]) for a in page.all("audio")]
    assert sorted(round(flac_seconds(clip), 1) for clip in played) == [0.2, 0.3, 0.4]
    for part in ("one two three", "and so on, numbers", "said by ann", "Warmth", "how warm it sounds", "calm", "ann"):
        assert part in page.text, part
    assert "Both sides" not in page.text and "Written instruction" not in page.text


def test_a_changed_column_is_shown_by_diff(
    exported: tuple[str, State, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    finish(path)
    stages = {"utter": {"stage": "toys.utter", "mood": "wild"}}
    finish(write(tmp_path, stages=stages))
    comparison = api.diff(path)
    assert comparison.difference.counts == {"same": 3, "changed": 3, "came": 0, "went": 0}
    assert comparison.difference.columns == {"mood": 3}
    assert {row["after"]["mood"] for row in comparison.as_json()["rows"]} == {"wild"}
    assert main(["diff", path, "--page", str(tmp_path / "diff.html")]) == 0
    assert "mood calm -> wild" in capsys.readouterr().out
    page = Page((tmp_path / "diff.html").read_text())
    assert "wild" in page.text and len(page.all("audio")) == 3, "each clip once: it is the same"
    assert "the same clip" in page.text


def test_a_person_corrects_and_blocks_such_rows(tmp_path: Path) -> None:
    state = open_state(write(tmp_path))
    ids = dict(zip(texts_of(state, "transcript"), texts_of(state, "id"), strict=True))
    lines = [{"id": ids["four five"], "transcript": "four five six"}, {"id": ids["one two three"], "block": "private"}]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    finish(write(tmp_path, overrides=str(tmp_path / "mine.jsonl")))
    rows = datasets.load_from_disk(str(tmp_path / "out" / "utterances" / "dataset")).remove_columns("audio")
    assert {row["transcript"]: round(row["duration"], 2) for row in rows} == {
        "four five six": 0.3,
        "eins zwei drei vier": 0.4,
    }
    rejects = datasets.load_from_disk(str(tmp_path / "out" / "utterances" / "rejects")).remove_columns("audio")
    (blocked,) = [row for row in rejects if row["stage"] == "overrides"]
    assert blocked["text"] == "one two three"


def test_gates_and_splits_work_on_them(tmp_path: Path) -> None:
    path = write(tmp_path, export={"gates": {"max_duration": 0.35}, "splits": {"train": 0.5, "test": 0.5}})
    finish(path)
    dataset = datasets.load_from_disk(str(tmp_path / "out" / "utterances" / "dataset"))
    assert sorted(row for split in dataset.values() for row in split["transcript"]) == ["four five", "one two three"]
    rejects = datasets.load_from_disk(str(tmp_path / "out" / "utterances" / "rejects")).remove_columns("audio")
    assert "max_duration" in set(rejects["reason"])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"transcript": "text", "audio": "clip"},
            "'audio': clips can't be read from a source yet; leave this column out",
        ),
        ({"audio": "clip"}, "'audio': clips can't be read from a source yet; leave this column out"),
        ({"transcript": "text", "topics": "about"}, "'topics' is no column; did you mean 'topic'?"),
        ({"transcrpt": "text"}, "'transcrpt' is no column; did you mean 'transcript'?"),
        ({"transcript": "text", "mood": "lang"}, "'mood' is made by a stage, not given; "),
        ({"speaker": "spk"}, "'columns' must name the field of instruction, of query_text, or of transcript"),
    ],
)
def test_what_a_source_can_not_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: dict[str, str], words: str
) -> None:
    path = write(tmp_path, columns)
    assert main(["plan", path]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "sources.speech" in line]
    assert len(lines) == 1 and lines[0].startswith(f"{path}: sources.speech") and words in lines[0]


def test_a_stage_that_reads_an_instruction_is_told_that_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, stages={"shout": SHOUT | {"engine": "llm"}}, engines={"llm": {"backend": "toys.llm"}})
    assert main(["plan", path]) == 2
    assert "stages.shout: reads 'instruction', which no stage writes and no source gives" in capsys.readouterr().err


def test_where_another_source_has_no_instruction_its_rows_are_rejects(tmp_path: Path) -> None:
    """Of a recipe that reads instructions: rows without one would pass by all stages, and be rejects."""
    path = write(tmp_path)
    source = yaml.safe_load(Path(path).read_text())["sources"]["speech"]
    (tmp_path / "tasks.jsonl").write_text(json.dumps({"instruction": "Name a colour."}) + "\n")
    tasks = {
        "path": str(tmp_path / "tasks.jsonl"),
        "layout": "columns",
        "columns": {"instruction": "instruction"},
        "licence": "MIT",
    }
    stages = {"shout": SHOUT | {"engine": "llm"}, "utter": {"stage": "toys.utter"}}
    changes = {
        "stages": stages,
        "engines": {"llm": {"backend": "toys.llm"}},
        "sources": {"speech": source, "tasks": tasks},
    }
    with pytest.raises(
        RecipeError, match=r"sources\.speech: gives no 'instruction', which stages.shout reads"
    ) as error:
        finish(write(tmp_path, **changes))
    assert "sources.tasks: gives no 'transcript', which stages.utter reads and sources.speech gives" in str(error.value)


def collected(problems: Problems, parts: dict[str, dict[str, Any]]) -> dict[str, Column]:
    stages = {
        name: Stage(name, StageConfig, lambda config: (), lambda config: (), lambda row, context: None, columns=columns)
        for name, columns in parts.items()
    }
    return all_columns(stages, problems)


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        ("speaker", Column(pa.string(), "x", "label"), "one of ours"),
        ("query_text", Column(pa.string(), "x", "text"), "one of ours"),
        ("text", Column(pa.string(), "x", "text", "side"), "'query_text', which is one of ours"),
        ("provenance", Column(pa.string(), "x", "label"), "rows use for themselves"),
        ("Mood", Column(pa.string(), "x", "label"), "can't be a name"),
        ("sound", Column(pa.binary(), "x", "audio"), "its type must be voxsmith.schemas.columns.AUDIO, not binary"),
        ("score", Column(pa.string(), "x", "measure"), "its type must be a number, not string"),
        ("score", Column(pa.float32(), "x", "mesure"), "with the role 'mesure'; did you mean 'measure'?"),  # type: ignore[arg-type]
        ("score", pa.float32(), "not as a voxsmith.schemas.columns.Column"),
    ],
)
def test_declarations_that_can_not_stand(name: str, column: Any, words: str) -> None:
    problems = Problems("r.yaml")
    collected(problems, {"away": {name: column}})
    (line,) = problems.lines
    assert line.startswith("r.yaml: stages.away: declares the column '") and words in line


def test_two_parts_may_declare_one_column_alike_but_not_otherwise() -> None:
    mood, other = Column(pa.string(), "x", "label"), Column(pa.int32(), "x", "label")
    problems = Problems("r.yaml")
    columns = collected(
        problems, {"a": {"mood": mood}, "b": {"mood": mood, "tone": Column(AUDIO, "x", "audio", "attempt")}}
    )
    assert problems.lines == [] and columns["mood"] == mood
    tones = ["query_tone", "answer_tone", "continuation_tone", "augmented_tone"]
    spoken = [f"{translation}_tone" for translation in TRANSLATIONS]
    behind = list(columns)[list(columns).index("mood") :]
    assert sorted(behind[1:]) == sorted([*tones, *spoken, "tone"]), "behind ours"
    collected(problems, {"a": {"mood": mood}, "b": {"mood": other}})
    assert problems.lines == [
        "r.yaml: stages.b: declares the column 'mood' otherwise than stages.a does; give one of them another name"
    ]
