"""What is noted at each start of a run."""

import json
from importlib.metadata import version
from pathlib import Path

import torch

from tests.helpers.made_corpus import row, write_corpus
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.data.exports import Export
from voxsmith.trainer.data.mixture import Limits, Source, sort_out
from voxsmith.trainer.fit.started import started

CPU = torch.device("cpu")


def digest(folder: Path, rows: list[dict[str, object]]) -> str:
    write_corpus(folder, rows, [])
    source = Source(Export(folder), TASKS["answer"])
    sort_out(source, Limits(len))
    return source.digest


def test_a_start_is_noted_and_other_rows_are_said(tmp_path: Path) -> None:
    first = digest(tmp_path / "a", [row(i) for i in range(3)])
    again = digest(tmp_path / "b", [row(i) for i in range(3)])
    edited = digest(tmp_path / "c", [row(i) | ({"answer_text": "Another answer."} if i == 2 else {}) for i in range(3)])
    assert first == again != edited and len(first) == 32
    run = tmp_path / "run"
    run.mkdir()
    assert list(started(run, [{"digest": first}], CPU)) == []
    assert list(started(run, [{"digest": again}], CPU, processes=2)) == []
    (remark,) = started(run, [{"digest": edited}], CPU)
    assert remark == "the rows have changed since the run was last started: it goes on with those of now"
    lines = [json.loads(line) for line in (run / "started.jsonl").read_text().splitlines()]
    assert [line["data"] for line in lines] == [[first], [first], [edited]]
    assert lines[1]["processes"] == 2 and lines[0]["device"] == "cpu"
    assert lines[0]["versions"]["torch"] == version("torch") and "git_commit" in lines[0]


def test_a_cut_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "started.jsonl").write_text('{"data": ["x"')
    assert list(started(tmp_path, [{"digest": "y"}], CPU)) == []
