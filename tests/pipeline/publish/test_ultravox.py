"""publish --format ultravox: what is sent is read as Ultravox' loader does it, with `load_dataset`, streamed."""

import re
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.helpers.made_corpus import export_corpus, row, tone
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.features import features, with_features
from voxsmith.pipeline.publish import ultravox
from voxsmith.schemas.columns import AUDIO, COLUMNS

ROWS = [row(i) for i in range(23)]  # 16 of alpaca and 7 of ultrachat, in files of 4 rows that take turns between splits
SPLITS = {"train": 0.8, "validation": 0.2}


def in_split(name: str) -> list[dict[str, Any]]:
    return [one for i, one in enumerate(ROWS) if list(SPLITS)[i // 4 % 2] == name]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ultravox")
    path = export_corpus(folder, ROWS, SPLITS, rows_a_file=4)
    assert main(["publish", path, "--to", str(folder / "there"), "--format", "ultravox"]) == 0
    return folder / "there"


@pytest.mark.parametrize("subset", ["alpaca", "ultrachat", None])
@pytest.mark.parametrize("split", SPLITS)
def test_a_subset_is_read_as_ultravox_reads_it(place: Path, subset: str | None, split: str) -> None:
    read = datasets.load_dataset(str(place), subset or "default", split=split, streaming=True)
    read = read.cast_column("audio", datasets.Audio(sampling_rate=16000))
    rows = list(read)
    wanted = [one for one in in_split(split) if subset in (None, one["source"])]
    if subset is None:
        wanted.sort(key=lambda one: one["source"])  # the default has them one behind the other
    assert [one["id"] for one in rows] == [one["id"] for one in wanted]
    assert [(one["text"], one["continuation"]) for one in rows] == [
        (one["query_text"], one["answer_text"]) for one in wanted
    ]
    for got, one in zip(rows, wanted, strict=True):
        samples = got["audio"].get_all_samples()
        assert samples.sample_rate == 16000
        assert samples.data.shape[-1] == round(16000 * one["query_duration"])


def test_all_of_a_split_is_there_by_its_count(place: Path, tmp_path: Path) -> None:
    """Without streaming `datasets` holds the rows against the card's counts, and raises where they differ."""
    read = datasets.load_dataset(str(place), "alpaca", cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in read.items()} == {
        name: sum(one["source"] == "alpaca" for one in in_split(name)) for name in SPLITS
    }
    assert len(datasets.load_dataset(str(place), "rejects", cache_dir=str(tmp_path))["rejects"]) == 3


def test_chunks_are_named_by_the_rows_that_they_hold(place: Path) -> None:
    for subset in ("alpaca", "ultrachat"):
        for split in SPLITS:
            ends = [0]
            for file in sorted((place / subset / split).rglob("*.parquet")):
                first, end = re.fullmatch(r"chunk-range-(\d{9})-(\d{9})", file.parent.name).groups()  # type: ignore[union-attr]
                assert int(first) == ends[-1] and pq.read_metadata(file).num_rows == int(end) - int(first)
                ends.append(int(end))
            assert ends[-1] == sum(one["source"] == subset for one in in_split(split))


def test_the_card_says_how_ultravox_is_given_it(place: Path) -> None:
    card = (place / "README.md").read_text()
    rows = sum(one["source"] == "ultrachat" for one in in_split("train"))
    assert 'subset="ultrachat"' in card and f'DatasetSplitConfig(name="train", num_samples={rows})' in card
    assert (
        "| `text` | string | what is said in the clip |" in card and "query_text" not in card.split("## Statistics")[0]
    )


def test_what_is_there_is_not_sent_again_and_old_chunks_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, place = export_corpus(tmp_path, ROWS, rows_a_file=8), tmp_path / "there"
    send = ["publish", path, "--to", str(place), "--format", "ultravox"]
    assert main(send) == 0
    assert main(send) == 0
    assert "0 files sent" in capsys.readouterr().out
    before = set(place.rglob("*.parquet"))
    export_corpus(tmp_path, ROWS[:16], rows_a_file=8)
    assert main(send) == 0
    left = set(place.rglob("*.parquet"))
    assert left < before and sum(pq.read_metadata(file).num_rows for file in left if "rejects" not in str(file)) == 16
    assert main([*send[:-1], "parquet"]) == 0
    assert not list(place.glob("*/*/chunk-range-*/*")) and list(place.glob("dataset/*.parquet"))


def test_an_utterance_has_its_own_columns(tmp_path: Path) -> None:
    """Clips besides the utterance, lists, and a column that the loader's templates clash with are left out."""
    clip = {"bytes": tone(0.3), "path": "x.flac"}
    values = {"id": "a", "source": "asr", "audio": clip, "transcript": "Hello there.", "continuation": "General.",
              "units": [1, 2], "language": "en", "transcript_language": "English", "augmented_audio": clip}  # fmt: skip
    kinds = {"transcript_language": pa.string(), "augmented_audio": AUDIO}
    schema = pa.schema([(name, kinds.get(name) or COLUMNS[name].type) for name in values])
    schema = with_features(schema, features(schema, {"audio": 16000, "augmented_audio": 16000}))
    rows = [values | {"id": str(i), "source": "asr" if i % 2 else "other"} for i in range(6)]
    with pa.ipc.new_stream(tmp_path / "data.arrow", schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema))
    ultravox.check(ultravox.schema_of(tmp_path / "data.arrow"), "here")
    ultravox.to_chunk(tmp_path / "data.arrow", "asr", tmp_path / "made" / "data.parquet")
    read = datasets.load_dataset(str(tmp_path / "made"), split="train", streaming=True)
    assert list(read.features) == ["audio", "text", "continuation", "id", "source", "language"]
    assert read.features["audio"] == datasets.Audio(sampling_rate=16000)
    got = list(read.cast_column("audio", datasets.Audio(decode=False)))
    assert [(one["id"], one["text"], one["continuation"]) for one in got] == [
        (str(i), "Hello there.", "General.") for i in (1, 3, 5)
    ]
    assert all(one["audio"] == clip for one in got)


def test_where_somebody_asks_the_answer_is_the_continuation(tmp_path: Path) -> None:
    values = {"id": "a", "source": "asr", "audio": {"bytes": tone(0.3), "path": "x.flac"}, "transcript": "Hello there."}
    schema = pa.schema([(name, COLUMNS[name].type) for name in (*values, "continuation", "answer_text")])
    schema = with_features(schema, features(schema, {"audio": 16000}))
    rows = [values | {"continuation": "General."}, values | {"answer_text": "Hello to you."}]
    with pa.ipc.new_stream(tmp_path / "data.arrow", schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema))
    ultravox.to_chunk(tmp_path / "data.arrow", "asr", tmp_path / "made" / "data.parquet")
    read = datasets.load_dataset(str(tmp_path / "made"), split="train", streaming=True).select_columns(["continuation"])
    assert [one["continuation"] for one in read] == ["General.", "Hello to you."]


def test_rows_without_a_continuation_are_refused() -> None:
    schema = pa.schema([("id", pa.string()), ("audio", AUDIO), ("transcript", pa.string())])
    with pytest.raises(RunFailed, match="takes rows with the columns audio, transcript, continuation or query_audio"):
        ultravox.check(schema, "out/mine")


def test_a_source_that_would_take_a_name_of_the_publication_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export_corpus(tmp_path, ROWS[:3])
    recipe = yaml.safe_load(Path(path).read_text())
    recipe["sources"] = {"rejects": next(iter(recipe["sources"].values()))}
    Path(path).write_text(yaml.safe_dump(recipe))
    assert main(["publish", path, "--to", str(tmp_path / "there"), "--format", "ultravox"]) == 2
    assert "a source can't be called rejects" in capsys.readouterr().err
