"""What is exported reads with `datasets` alone, and decodes."""

from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from bench import open_state, run_inline, write_recipe
from hypothesis import given
from hypothesis import strategies as st
from made_corpus import row, write_corpus

from pipeline.accounts import Rejected, with_later_turns
from pipeline.export import write_dataset
from pipeline.licences import strictest
from pipeline.piece import split_of
from pipeline.publication import export_state, is_exported
from pipeline.writer import SplitWriter, assemble

TEXTS = [f"thing {n}" for n in range(40)]


def test_datasets_reads_and_decodes_the_clips(tmp_path: Path) -> None:
    """As a user would: load_from_disk, load_dataset("arrow"), and the Audio feature through torchcodec."""
    write_corpus(tmp_path, [row(n) for n in range(12)], [], {"train": 0.8, "test": 0.2})
    found = datasets.load_from_disk(str(tmp_path / "dataset"))
    assert set(found) == {"train", "test"}
    first = found["train"][0]
    assert first["query_audio"].get_all_samples().sample_rate == 16000
    assert first["answer_audio"].get_all_samples().data.shape[0] == 1
    assert found["train"].features["answer_units"].feature.dtype == "uint16"
    files = [str(path) for path in (tmp_path / "dataset" / "train").glob("*.arrow")]
    again = datasets.load_dataset("arrow", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(again.features["query_audio"], datasets.Audio)
    assert again[0]["query_audio"].get_all_samples().data.abs().max() > 0.1


def test_files_roll_over_and_keep_the_order(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.string())])
    writer = SplitWriter(tmp_path / "piece", schema, {}, [], 100)
    for start in range(0, 60, 10):
        writer.write("", pa.table({"id": [f"row-{n:020d}" for n in range(start, start + 10)]}))
    files = {split: [tmp_path / "piece" / file for file in found] for split, found in writer.close().items()}
    assemble(tmp_path / "d", files, schema, {}, "x")
    assert len(list((tmp_path / "d").glob("data-*-of-*.arrow"))) > 2
    assert datasets.load_from_disk(str(tmp_path / "d"))["id"][:] == [f"row-{n:020d}" for n in range(60)]


def test_gates_cost_no_engine_call_and_no_row(toys: None, tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(state)
    assert write_dataset(state, tmp_path / "out")["counts"]["rows_out"] == 40
    gated = open_state(write_recipe(tmp_path, TEXTS, export__splits={"train": 0.5, "test": 0.5}))
    assert not gated.ready
    summary = write_dataset(gated, tmp_path / "out")
    assert summary["counts"]["rows_out"] == sum(summary["splits"].values()) == 40
    assert min(summary["splits"].values()) > 5


def test_an_engines_corrected_terms_are_exported_without_a_stage(toys: None, tmp_path: Path) -> None:
    null = {"llm": {"backend": "llm_null", "licence": "MIT"}}
    state = open_state(write_recipe(tmp_path, TEXTS, engines=null))
    run_inline(state)
    export_state(state)
    null["llm"]["licence"] = "CC-BY-NC-4.0"
    corrected = open_state(write_recipe(tmp_path, TEXTS, engines=null))
    assert not corrected.ready and not is_exported(corrected)
    export_state(corrected)
    found = datasets.load_from_disk(str(tmp_path / "out/toy/dataset"))
    assert set(found["licence"]) == {"CC-BY-NC-4.0"}


def test_pieces_are_written_once_side_by_side_and_an_edit_writes_one(toys: None, tmp_path: Path) -> None:
    """With files of a megabyte at most and texts that long, each shard or two are a piece."""
    texts = [f"thing {n} " + "x" * 300_000 for n in range(24)]
    changes: dict[str, Any] = {"export__shard_bytes": 1_000_000, "stages__toy_shout__max_chars": 10**6}
    state = open_state(write_recipe(tmp_path, texts, **changes))
    assert run_inline(state) == {}
    first = write_dataset(state, tmp_path / "out")
    pieces = {piece: (piece / "written.json").stat().st_mtime_ns for piece in (tmp_path / "out/.pieces").iterdir()}
    assert len(pieces) > 3
    assert write_dataset(state, tmp_path / "out") == first
    assert {piece: (piece / "written.json").stat().st_mtime_ns for piece in pieces} == pieces, (
        "nothing is written again"
    )
    order = datasets.load_from_disk(str(tmp_path / "out/dataset"))["instruction"][:]
    assert order == texts

    cut = sorted(pieces)[0]
    (cut / "written.json").unlink()  # killed while it was written
    assert write_dataset(state, tmp_path / "out") == first
    changed = [piece for piece in pieces if (piece / "written.json").stat().st_mtime_ns != pieces[piece]]
    assert changed == [cut]

    texts[5] = "another thing " + "x" * 300_000
    edited = open_state(write_recipe(tmp_path, texts, **changes))
    run_inline(edited)
    write_dataset(edited, tmp_path / "out")
    kept = {piece for piece in pieces if piece.exists()}
    assert len(kept) == len(pieces) - 1
    assert datasets.load_from_disk(str(tmp_path / "out/dataset"))["instruction"][:] == texts


@given(text=st.text(max_size=30))
def test_duplicates_are_in_one_split(text: str) -> None:
    shares = {"train": 0.7, "validation": 0.1, "test": 0.2}
    assert (
        split_of(text, shares) == split_of(f"  {text.upper().lower()}!", shares) or text.upper().lower() != text.lower()
    )


def test_later_turns_go_with_an_earlier_one() -> None:
    bad = Rejected("respond", "loop", "it repeats itself", "text")
    found = with_later_turns(["a", "a", "a", "b", "b"], [None, bad, None, None, None])
    assert [reject and reject.reason for reject in found] == [None, "loop", "earlier_turn_rejected", None, None]


@pytest.mark.parametrize(
    ("licences", "binding"),
    [
        (["MIT", "Apache-2.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["CC0-1.0", "MIT"], "MIT"),
        (["MIT", "unknown"], "unknown"),
        (["llama3.1", "CC-BY-4.0"], "llama3.1"),
        (["CC-BY-SA-4.0", "CC-BY-4.0"], "CC-BY-SA-4.0"),
        (["MIT licence", "CC BY 4.0"], "CC BY 4.0"),
        (["CC BY-NC 4.0", "CC BY 4.0"], "CC BY-NC 4.0"),
        (["CC-BY-NC-4.0", "CC-BY-ND-4.0"], "CC-BY-ND-4.0"),
    ],
)
def test_the_strictest_licence_binds(licences: list[str], binding: str) -> None:
    assert strictest(licences) == binding
