"""The dataset card: a header that the Hub's own classes read, and a body that says what is so."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from datasets import Dataset, Features
from huggingface_hub import DatasetCard

from tests.helpers.made_corpus import reject, row, write_corpus
from tests.helpers.recipes import finish, write_recipe
from voxsmith.pipeline.export.features import card_features
from voxsmith.pipeline.recipe.licences import licence_id
from voxsmith.pipeline.report.card import render_card
from voxsmith.pipeline.report.statistics import summarise


def card(out: Path, rows: int = 8, rejects: int = 3, splits: dict[str, float] | None = None) -> str:
    manifest = write_corpus(out, [row(i) for i in range(rows)], [reject(i) for i in range(rejects)], splits)
    return render_card(manifest, summarise(out / "dataset"))


def header(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_hub_reads_the_header(tmp_path: Path) -> None:
    data = DatasetCard(card(tmp_path)).data
    assert data.license == ["cc-by-nc-4.0", "mit"]
    assert data.language == ["en"] and data.size_categories == ["n<1K"]


@pytest.mark.parametrize(("rows", "size"), [(999, "n<1K"), (200_000, "100K<n<1M"), (3_000_000, "1M<n<10M")])
def test_sizes_are_those_that_the_hub_knows(tmp_path: Path, rows: int, size: str) -> None:
    manifest = write_corpus(tmp_path, [row(0)], [])
    text = render_card(manifest, replace(summarise(tmp_path / "dataset"), rows=rows))
    assert header(text)["size_categories"] == [size]


def test_the_header_names_each_licence_that_binds(tmp_path: Path) -> None:
    both = [row(i) | {"licence": "CC-BY-NC-4.0 AND llama3.1"} for i in range(4)]
    manifest = write_corpus(tmp_path, both, [])
    text = render_card(manifest, summarise(tmp_path / "dataset"))
    assert header(text)["license"] == ["cc-by-nc-4.0", "llama3.1"]
    assert "| CC-BY-NC-4.0 AND llama3.1 | 4 |" in text


def test_features_are_those_that_datasets_reads_from_the_files(tmp_path: Path) -> None:
    info = header(card(tmp_path))["dataset_info"]
    loaded = Dataset.from_file(str(next((tmp_path / "dataset").glob("*.arrow"))))
    assert Features._from_yaml_list(info["features"]) == loaded.features
    assert info["splits"][0] | {"num_bytes": 0} == {"name": "train", "num_bytes": 0, "num_examples": 8}
    assert info["dataset_size"] > 0


def test_data_files_of_the_header_exist(tmp_path: Path) -> None:
    for name, rows, splits in (("flat", 8, None), ("split", 30, {"train": 0.7, "test": 0.3})):
        yaml_header = header(card(tmp_path / name, rows, 3, splits))
        assert [entry["config_name"] for entry in yaml_header["configs"]] == ["default", "rejects"]
        for config in yaml_header["configs"]:
            for files in config["data_files"]:
                assert list((tmp_path / name).glob(files["path"])), files
        assert [f["split"] for f in yaml_header["configs"][0]["data_files"]] == list(splits or {"train": 1})


def test_a_split_without_rows_is_not_told_of(tmp_path: Path) -> None:
    """`load_dataset` fails where a split of `dataset_info` has no file."""
    yaml_header = header(card(tmp_path, 10, 3, {"train": 0.9, "test": 0.1}))  # all ten rows go to train
    assert [f["split"] for f in yaml_header["configs"][0]["data_files"]] == ["train"]
    assert [split["name"] for split in yaml_header["dataset_info"]["splits"]] == ["train"]


def test_the_body_says_counts_models_columns_and_reasons(tmp_path: Path) -> None:
    text = card(tmp_path)
    for part in (
        "11 rows in = 8 rows out + 3 rejects + 0 pending",
        "Kokoro-82M",
        "input\\_dropped",
        "`query_audio`",
        "Audio, 24000 Hz",
        "word error rate",
        "CC BY-NC 4.0",
        "Known limits",
        "voxsmith run RECIPE.yaml",
    ):
        assert part in text, part
    for part in ("{{", "}}", "TODO", "None", "Undefined"):
        assert part not in text, part


def test_an_empty_corpus_has_a_card_too(tmp_path: Path) -> None:
    text = card(tmp_path, rows=0, rejects=0)
    assert header(text)["license"] == "other"
    assert [entry["config_name"] for entry in header(text)["configs"]] == ["default"]


def test_names_from_outside_stay_in_their_cell(tmp_path: Path) -> None:
    rows = [row(0) | {"query_voice": "evil | voice\n# heading <b>"}]
    manifest = write_corpus(tmp_path, rows, [])
    text = render_card(manifest, summarise(tmp_path / "dataset"))
    assert "evil \\| voice # heading \\<b\\>" in text


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("Apache-2.0", "apache-2.0"),
        ("MIT", "mit"),
        ("Apache License 2.0", "apache-2.0"),
        ("CC-BY-4.0", "cc-by-4.0"),
        ("unknown", "other"),
        ("our own terms", "other"),
    ],
)
def test_licence_names(written: str, known: str) -> None:
    assert licence_id(written) == known


def test_features_of_nested_columns() -> None:
    schema = pa.schema([("a", pa.list_(pa.uint16())), ("b", pa.float64()), ("c", pa.struct([("d", pa.string())]))])
    assert card_features(schema) == [
        {"name": "a", "list": "uint16"},
        {"name": "b", "dtype": "float64"},
        {"name": "c", "struct": [{"name": "d", "dtype": "string"}]},
    ]


def test_a_card_claims_no_speech_and_no_limit_where_there_was_none(tmp_path: Path) -> None:
    """The toy recipe writes texts, and none of its stages declares a check."""
    finish(write_recipe(tmp_path, ["one thing", "another thing"]))
    card = (tmp_path / "out" / "toy" / "README.md").read_text()
    assert "synthesised" not in card and "speech recogniser" not in card
    assert "passed these limits" not in card and "max wer" not in card
    manifest = json.loads((tmp_path / "out" / "toy" / "manifest.json").read_text())
    assert manifest["checks_applied"] == []
    assert "most word errors a word of text" not in (tmp_path / "out" / "toy" / "report.html").read_text()
