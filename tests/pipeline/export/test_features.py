"""What we write of columns' types is what `datasets` writes, and reads."""

import json
from pathlib import Path

import datasets
import pyarrow as pa
from datasets import Audio, DatasetInfo, Features

from voxsmith.pipeline.export.features import dataset_info, features, with_features
from voxsmith.pipeline.export.piece import PROVENANCE, REJECT_SCHEMA
from voxsmith.schemas.columns import ROW_COLUMNS, SIDE_COLUMNS, SIDES

ALL = pa.schema(
    [
        *((name, declared.type) for name, declared in ROW_COLUMNS.items()),
        *((f"{side}_{name}", declared.type) for side in SIDES for name, declared in SIDE_COLUMNS.items()),
        ("provenance", PROVENANCE),
    ]
)
RATES = {"query_audio": 16000, "answer_audio": 24000}


def of_the_library(schema: pa.Schema, rates: dict[str, int]) -> Features:
    plain = Features.from_arrow_schema(pa.schema([field for field in schema if field.name not in rates]))
    return Features({name: Audio(rates[name]) if name in rates else plain[name] for name in schema.names})


def test_every_column_there_is(tmp_path: Path) -> None:
    for schema, rates in ((ALL, RATES), (REJECT_SCHEMA, {"audio": 22050})):
        wanted = of_the_library(schema, rates)
        written = with_features(schema, features(schema, rates))
        assert written.equals(wanted.arrow_schema)
        assert json.loads(written.metadata[b"huggingface"]) == json.loads(wanted.arrow_schema.metadata[b"huggingface"])
        DatasetInfo(features=wanted).write_to_directory(str(tmp_path))
        assert json.loads(dataset_info(features(schema, rates))) == json.loads(
            (tmp_path / "dataset_info.json").read_text()
        )
        (tmp_path / "dataset_info.json").write_text(dataset_info(features(schema, rates)))
        assert DatasetInfo.from_directory(str(tmp_path)).features == wanted


def test_the_library_reads_a_file_of_it(tmp_path: Path) -> None:
    schema = with_features(ALL, features(ALL, RATES))
    with pa.ipc.new_stream(tmp_path / "x.arrow", schema) as writer:
        writer.write_table(schema.empty_table())
    dataset = datasets.Dataset.from_file(str(tmp_path / "x.arrow")).features
    assert dataset == of_the_library(ALL, RATES)
