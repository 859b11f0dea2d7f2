"""What is exported reads with `datasets` alone, and decodes."""

import json
import os
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.recipes import COUNT, WORDS, dataset_of, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.export.piece import split_of
from voxsmith.pipeline.export.writer import SplitWriter, assemble
from voxsmith.pipeline.plan.accounts import Rejected, rejects_of, with_later_turns
from voxsmith.pipeline.plan.manifests import new_run, now, write_run
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.recipe.licences import strictest
from voxsmith.pipeline.report import build as report
from voxsmith.pipeline.report.outputs import export_state, is_exported
from voxsmith.pipeline.watch.snapshot import source_rejects

TEXTS = [f"thing {n}" for n in range(40)]


def test_datasets_reads_and_decodes_the_clips(tmp_path: Path) -> None:
    """As a user would: load_from_disk, load_dataset("arrow"), and the Audio feature through torchcodec."""
    write_corpus(tmp_path, [row(n) for n in range(12)], [], {"train": 0.8, "test": 0.2})
    dataset = datasets.load_from_disk(str(tmp_path / "dataset"))
    assert set(dataset) == {"train", "test"}
    first = dataset["train"][0]
    assert first["query_audio"].get_all_samples().sample_rate == 16000
    assert first["answer_audio"].get_all_samples().data.shape[0] == 1
    assert dataset["train"].features["answer_units"].feature.dtype == "uint16"
    files = [str(path) for path in (tmp_path / "dataset" / "train").glob("*.arrow")]
    again = datasets.load_dataset("arrow", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(again.features["query_audio"], datasets.Audio)
    assert again[0]["query_audio"].get_all_samples().data.abs().max() > 0.1


def test_files_roll_over_and_keep_the_order(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.string())])
    writer = SplitWriter(tmp_path / "piece", schema, {}, [], 100)
    for start in range(0, 60, 10):
        writer.write("", pa.table({"id": [f"row-{n:020d}" for n in range(start, start + 10)]}))
    files = {split: [tmp_path / "piece" / file for file in names] for split, names in writer.close().items()}
    assemble(tmp_path / "d", files, schema, {}, "x")
    assert len(list((tmp_path / "d").glob("data-*-of-*.arrow"))) > 2
    assert datasets.load_from_disk(str(tmp_path / "d"))["id"][:] == [f"row-{n:020d}" for n in range(60)]


def test_gates_cost_no_engine_call_and_no_row(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(state)
    assert dataset_of(state, tmp_path / "out")["counts"]["rows_out"] == 40
    gated = open_state(write_recipe(tmp_path, TEXTS, export__splits={"train": 0.5, "test": 0.5}))
    assert not gated.ready
    summary = dataset_of(gated, tmp_path / "out")
    assert summary["counts"]["rows_out"] == sum(summary["splits"].values()) == 40
    assert min(summary["splits"].values()) > 5


def test_an_engines_corrected_terms_are_exported_without_a_stage(tmp_path: Path) -> None:
    null = {"llm": {"backend": "llm_null", "licence": "MIT"}}
    state = open_state(write_recipe(tmp_path, TEXTS, engines=null))
    run_inline(state)
    export_state(state)
    null["llm"]["licence"] = "CC-BY-NC-4.0"
    corrected = open_state(write_recipe(tmp_path, TEXTS, engines=null))
    assert not corrected.ready and not is_exported(corrected)
    export_state(corrected)
    dataset = datasets.load_from_disk(str(tmp_path / "out/toy/dataset"))
    assert set(dataset["licence"]) == {"CC-BY-NC-4.0"}


def test_pieces_are_written_once_side_by_side_and_an_edit_writes_one(tmp_path: Path) -> None:
    """With files of a megabyte at most and texts that long, each shard or two are a piece."""
    texts = [f"thing {n} " + "x" * 300_000 for n in range(24)]
    changes: dict[str, Any] = {"export__shard_bytes": 1_000_000, "stages__toy_shout__max_chars": 10**6}
    state = open_state(write_recipe(tmp_path, texts, **changes))
    assert run_inline(state) == {}
    first = dataset_of(state, tmp_path / "out")
    pieces = {piece: (piece / "written.json").stat().st_mtime_ns for piece in (tmp_path / "out/.pieces").iterdir()}
    assert len(pieces) > 3
    assert dataset_of(state, tmp_path / "out") == first
    assert {piece: (piece / "written.json").stat().st_mtime_ns for piece in pieces} == pieces, (
        "nothing is written again"
    )
    order = datasets.load_from_disk(str(tmp_path / "out/dataset"))["instruction"][:]
    assert order == texts

    (tmp_path / "out/.pieces/.DS_Store").touch()  # of a file browser
    assert dataset_of(state, tmp_path / "out") == first
    cut = sorted(pieces)[0]
    (cut / "written.json").unlink()  # killed while it was written
    assert dataset_of(state, tmp_path / "out") == first
    changed = [piece for piece in pieces if (piece / "written.json").stat().st_mtime_ns != pieces[piece]]
    assert changed == [cut]

    texts[5] = "another thing " + "x" * 300_000
    edited = open_state(write_recipe(tmp_path, texts, **changes))
    run_inline(edited)
    dataset_of(edited, tmp_path / "out")
    kept = {piece for piece in pieces if piece.exists()}
    assert len(kept) == len(pieces) - 1
    assert datasets.load_from_disk(str(tmp_path / "out/dataset"))["instruction"][:] == texts


def test_an_export_that_ends_before_its_report_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(first)
    export_state(first)
    second = open_state(write_recipe(tmp_path, TEXTS[:20]))
    run_inline(second)
    build = report.build

    def interrupted(*_: Any) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "build", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_state(second)
    monkeypatch.setattr(report, "build", build)
    assert not is_exported(second), "its report is that of the first"
    export_state(second)
    assert is_exported(second) and "20 rows came in" in (tmp_path / "out/toy/report.html").read_text()


def test_a_writer_that_is_killed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_recipe(tmp_path, TEXTS)
    run_inline(open_state(path))
    monkeypatch.setattr("voxsmith.pipeline.export.export._LITTLE", 0)
    monkeypatch.setattr("voxsmith.pipeline.export.export.without_pandas", os.abort)  # what a process begins with
    assert main(["export", path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "was killed" in line and "the same command goes on" in line


@pytest.fixture
def partly_given(tmp_path: Path) -> str:
    """A recipe whose stages read query_text and don't write it: one source gives it to all rows but 2, another to none."""
    texts = [None if n in (3, 11) else f"thing {n}" for n in range(20)]
    some = [{"q": f"about {n}", "said": text, "c": n // 2, "t": n % 2} for n, text in enumerate(texts)]
    (tmp_path / "some.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in some))
    lines = [json.dumps({"q": text, "said": None}) for text in ("one", "two", "")]
    (tmp_path / "none.jsonl").write_text("\n".join(lines))
    columns = {"instruction": "q", "query_text": "said", "conversation_id": "c", "turn": "t"}
    shared = {"layout": "columns", "licence": "CC0-1.0", "shard": {"least": 1, "target": 4, "most": 8}}
    sources = {
        "some": {**shared, "path": str(tmp_path / "some.jsonl"), "columns": columns},
        "none": {**shared, "path": str(tmp_path / "none.jsonl"), "columns": {"instruction": "q", "query_text": "said"}},
    }
    return write_recipe(
        tmp_path, [], sources=sources, stages={"toy_count": COUNT | {"engine": "llm"}, "toy_words": WORDS}
    )


def test_a_row_without_what_it_must_bring_is_a_reject(
    partly_given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = open_state(partly_given)
    expected = Rejected("sources", "missing_field", "the source gives no 'query_text' here, and no stage writes it", "")

    def rejected(state: State) -> dict[str, Rejected]:
        verdicts = [reject for shard in range(len(state.shards)) for reject in rejects_of(state, shard)]
        return {row: one for row, one in zip(texts_of(state, "id"), verdicts, strict=True) if one}

    before = rejected(state)
    lost = {row: one for row, one in before.items() if one.reason == "missing_field"}
    assert len(before) == 5 and set(lost.values()) == {expected}
    assert sorted(row for row in lost if row.startswith("some")) == ["some-1.1", "some-5.1"]
    run_inline(state)
    assert rejected(state) == before, "a verdict doesn't hang on how far the run is"
    write_run(state, new_run(state), now(), "done")

    assert api.status(partly_given).source_rejects == 5
    missing = {(row.id, row.message) for row in api.rejects(partly_given, reason="missing_field")}
    assert missing == {(row, expected.message) for row in lost}
    assert api.export(partly_given).counts == {"rows_in": 23, "rows_out": 18, "rejects": 5, "pending": 0}
    manifest = json.loads((tmp_path / "out/toy/manifest.json").read_text())
    assert manifest["funnel"][0]["rejects"] == {"missing_field": 4, "empty_instruction": 1}
    assert manifest["funnel"][1]["rows_in"] == 18
    assert None not in datasets.load_from_disk(str(tmp_path / "out/toy/dataset"))["query_text"][:]
    rejects = datasets.load_from_disk(str(tmp_path / "out/toy/rejects"))
    assert {(row["stage"], row["text"]) for row in rejects if row["id"] in lost} == {
        *(("sources", f"about {n}") for n in (3, 11)),
        *(("sources", text) for text in ("one", "two")),
    }

    shouted = open_state(partly_given, overrides=["stages.toy_shout={stage: toys.shout, engine: llm}"])
    assert state.graph.needed == ("query_text",) and shouted.graph.needed == ("instruction",)
    run_inline(shouted)
    assert [one.reason for one in rejected(shouted).values()] == ["empty_instruction"], "a stage writes it"
    write_run(shouted, new_run(shouted), now(), "done")
    assert "missing_field" in json.dumps(api.diff(partly_given).as_json())


def test_a_person_can_supply_what_a_row_lacks(partly_given: str, tmp_path: Path) -> None:
    lines = [{"id": "some-1.1", "query_text": "said by a person"}, {"id": "some-5.0", "block": "no"}]
    (tmp_path / "mine.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    state = open_state(partly_given, overrides=[f"overrides={tmp_path / 'mine.jsonl'}"])
    run_inline(state)
    assert source_rejects(state) == 5  # two of `none` and an empty one; one blocked, and its later turn with it
    summary = dataset_of(state, tmp_path / "out")
    assert summary["counts"] == {"rows_in": 23, "rows_out": 18, "rejects": 5, "pending": 0}
    assert summary["funnel"][0]["rejects"] == {"missing_field": 2, "empty_instruction": 1}
    assert summary["funnel"][1]["rejects"] == {"blocked": 1, "earlier_turn_rejected": 1}


def test_sources_of_which_no_row_can_be_used_are_told(
    partly_given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "some.jsonl").write_text('{"q": "", "said": null, "c": 1, "t": 0}\n')
    (tmp_path / "none.jsonl").write_text('{"q": "", "said": null}\n' * 3)
    assert main(["run", partly_given]) == 1
    assert "the sources give nothing to work on: all 4 rows are rejects" in capsys.readouterr().err


@given(text=st.text(max_size=30))
def test_duplicates_are_in_one_split(text: str) -> None:
    shares = {"train": 0.7, "validation": 0.1, "test": 0.2}
    assert (
        split_of(text, shares) == split_of(f"  {text.upper().lower()}!", shares) or text.upper().lower() != text.lower()
    )


def test_later_turns_go_with_an_earlier_one() -> None:
    bad = Rejected("respond", "loop", "it repeats itself", "text")
    rejects = with_later_turns(["a", "a", "a", "b", "b"], [None, bad, None, None, None])
    assert [reject and reject.reason for reject in rejects] == [None, "loop", "earlier_turn_rejected", None, None]


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
        (["cc-by-sa-4.0", "cc-by-nc-4.0"], "cc-by-nc-4.0 AND cc-by-sa-4.0"),
        (["llama3.1", "CC-BY-NC-4.0", "MIT", "CC BY-NC 4.0"], "CC BY-NC 4.0 AND llama3.1"),
        (["llama3.1 AND CC-BY-NC-4.0", "CC-BY-4.0", "llama3.1"], "CC-BY-NC-4.0 AND llama3.1"),
        (["CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-SA-4.0", "CC BY-SA 4.0", "gpl-3.0"], "CC BY-SA 4.0 AND gpl-3.0"),
        (["CC-BY-NC-4.0", "unknown"], "CC-BY-NC-4.0 AND unknown"),
        (["our own terms", "llama3", "llama3.1"], "llama3 AND llama3.1 AND our own terms"),
    ],
)
def test_the_strictest_licence_binds(licences: list[str], binding: str) -> None:
    assert strictest(licences) == binding
