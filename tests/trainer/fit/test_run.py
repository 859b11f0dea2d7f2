"""What a run watches, keeps and says: what stands still, losses that explode, the best checkpoint, a full disk, the clock."""

import json
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders, tiny
from tests.trainer.fit.test_loop import ROWS, started
from voxsmith.trainer import checkpoint
from voxsmith.trainer.cli import main
from voxsmith.trainer.fit import run
from voxsmith.trainer.fit.log import Log
from voxsmith.trainer.fit.loop import Exploded, Losses, step
from voxsmith.trainer.fit.meter import Meter
from voxsmith.trainer.fit.run import fit
from voxsmith.trainer.fit.saving import CantWrite
from voxsmith.trainer.fit.still import Moved, Still
from voxsmith.trainer.fit.watch import Watch
from voxsmith.trainer.fit.workers import ALONE
from voxsmith.trainer.phases import answer
from voxsmith.trainer.recipe import TrainRecipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, and an export of 8 training and 8 test rows."""
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(16)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    return folder


def recipe(ready: Path, out: Path, schedule: dict[str, Any] | None = None, **changes: Any) -> TrainRecipe:
    return TrainRecipe.model_validate(
        {
            "name": "made",
            "phase": "answer",
            "out": str(out),
            "data": [{"path": str(ready / "export"), "split": "train"}],
            "validation": [{"path": str(ready / "export"), "split": "test"}],
            "llm": {"model": str(ready / "llm")},
            "encoder": {"model": str(ready / "whisper")},
            "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32, "lr": 1e-2},
            "schedule": schedule or {"steps": 6, "budget": 3.0},
            "run": {"precision": "float32", "workers": 0, "save_every": 3, "validate_every": 2} | changes,
        }
    )


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_answer_s_loss_is_that_of_its_text_and_of_its_ends() -> None:
    """Against the loss of each token by itself, in float64."""
    of = tiny.recipe()
    network = tiny.network(of)
    batch = tiny.batch(network, ROWS)
    terms, counts = answer.terms(network, batch, of), answer.counts(batch)
    logits = network(batch).logits.detach().double().log_softmax(-1)
    wanted: dict[str, list[float]] = {"text": [], "end": [], "first": []}
    for number, labels in enumerate(batch.labels.tolist()):
        places = [place for place, label in enumerate(labels) if label >= 0]
        each = [-float(logits[number, place - 1, labels[place]]) for place in places]
        wanted["text"] += each[:-1]
        wanted["end"].append(each[-1])
        wanted["first"].append(each[0])
    wanted["answer"] = wanted["text"] + wanted["end"]
    for name, each in wanted.items():
        assert int(counts[name]) == len(each)
        assert float(terms[name].sum.detach()) == pytest.approx(sum(each), rel=1e-5)


def test_a_frozen_parameter_that_moves_is_an_error() -> None:
    of = tiny.recipe()
    network, groups, optimiser = started(of)
    still = Still(network, groups)
    step(network, [tiny.batch(network, ROWS)], groups, optimiser, of)
    still.compare()
    weight = network.llm.model.norm.weight
    with torch.no_grad():
        weight[0] += 1
    with pytest.raises(Moved, match=r"^llm\.model\.norm\.weight was written, and shall stand still"):
        still.look()
    still = Still(network, groups)
    weight.data[0] += 1e-6  # past PyTorch's count of writes, one bit of a number
    still.look()
    with pytest.raises(Moved, match=r"^llm\.model\.norm\.weight has other values than at the start"):
        still.compare()
    weight.requires_grad_(True)
    with pytest.raises(Moved, match=r"^llm\.model\.norm\.weight gets gradients, and is in no group"):
        Still(network, groups)


def test_a_run_in_which_a_frozen_parameter_moves_ends(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(network: Any, *rest: Any, **named: Any) -> Losses:
        network.encoder.layer_norm.bias.data += 1e-3
        return step(network, *rest, **named)

    monkeypatch.setattr(run, "step", faulty)
    with pytest.raises(Moved, match=r"^encoder\.layer_norm\.bias has other values"):
        fit(recipe(ready, tmp_path), lambda line: None, CPU)
    assert not checkpoint.checkpoints(tmp_path / "made")  # what is wrong isn't kept


def test_a_loss_far_beyond_the_usual_is_named_and_stops_if_it_shall() -> None:
    of = tiny.recipe()
    network, groups, optimiser = started(of)
    watch = Watch(of)
    for number in range(16):
        assert watch(Losses({}, 1.0 + number % 2, {"adapter": 0.5})) == ""
    assert watch(Losses({}, 14.9, {"adapter": 4.9})) == ""
    batch = tiny.batch(network, [3, 4])

    def spoilt() -> Losses:  # the speech of this batch is a million times as loud
        watch = Watch(of)
        for _ in range(16):
            watch(Losses({}, 1e-3, {"adapter": 1e9}))
        return step(network, [batch], groups, optimiser, of, ALONE, watch)

    assert spoilt().remark.endswith(", and 0.001 in the median of the last 16 steps; with the rows row-3, row-4")
    of = tiny.recipe(run={"precision": "float32", "explode": "stop"})
    before = [parameter.detach().clone() for parameter in groups[0].parameters]
    with pytest.raises(Exploded, match=r"^the loss is .*; with the rows row-3, row-4$"):
        spoilt()
    assert all(torch.equal(a, b) for a, b in zip(before, groups[0].parameters, strict=True))


def test_the_best_checkpoint_stays_and_has_a_name(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation losses are made up: the one of step 4 is the least, also of what comes when the run goes on."""
    made = {2: 3.0, 4: 1.0, 6: 2.0, 8: 1.5, 10: 1.2, 12: 1.1}
    seen: list[int] = []

    def validation(*_: Any) -> dict[str, float]:
        seen.append(2 * len(seen) + 2)
        return {"answer": made[seen[-1]]}

    monkeypatch.setattr(run, "validate", validation)
    said: list[str] = []
    fit(recipe(ready, tmp_path, {"steps": 6, "budget": 3.0}, keep=1), said.append, CPU)
    folder = tmp_path / "made"
    assert [place.name for place in checkpoint.checkpoints(folder)] == ["step-00000004", "step-00000006"]
    fit(recipe(ready, tmp_path, {"steps": 12, "budget": 3.0}, keep=1), said.append, CPU)
    assert [place.name for place in checkpoint.checkpoints(folder)] == ["step-00000004", "step-00000012"]
    assert seen == list(made)
    best = checkpoint.named(folder / "best")
    assert best.resolve().name == "step-00000004" and checkpoint.named(folder).name == "step-00000012"
    _, of = checkpoint.load(best)
    assert of.name == "made"
    assert any(line.startswith("adapter: ") and line.endswith(" parameters learn, at 0.01") for line in said)
    assert any(line.endswith(" parameters stand still") for line in said)


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file grows beyond `room` bytes: to a program that is a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_earlier_checkpoints_stay_whole(ready: Path, tmp_path: Path) -> None:
    fit(recipe(ready, tmp_path, {"steps": 3, "budget": 3.0}), lambda line: None, CPU)
    folder = tmp_path / "made"
    earlier = checkpoint.checkpoints(folder)
    with full_disk(12_000), pytest.raises(CantWrite) as raised:
        fit(recipe(ready, tmp_path), lambda line: None, CPU)
    why, left = str(raised.value).split("; ")
    assert re.fullmatch(rf"File too large: {folder}/checkpoints/\.step-0000000\d\.writing/model\.safetensors", why)
    assert left == f"{earlier[-1]} is whole: the same command goes on from there"
    assert checkpoint.checkpoints(folder) == earlier and not list(folder.glob("checkpoints/.step-*"))
    fit(recipe(ready, tmp_path), lambda line: None, CPU)
    assert checkpoint.checkpoints(folder)[-1].name == "step-00000006"
    with full_disk(100), pytest.raises(OSError, match=r"File too large: '.*log\.jsonl'"), Log(folder, 10) as log:
        log.validation(1, {"answer": 1.0})


def test_a_folder_that_can_t_be_written_is_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(ready, tmp_path / "file").model_dump_json(exclude_none=True))
    assert main(["fit", str(path), "--device", "cpu"]) == 1
    assert capsys.readouterr().err == f"Not a directory: {tmp_path}/file/made\n"


def test_the_line_of_a_step_is_short_and_the_log_has_all(ready: Path, tmp_path: Path) -> None:
    said: list[str] = []
    fit(recipe(ready, tmp_path, peak_tflops=1e-3), said.append, CPU)
    steps = [line for line in said if line.startswith("step ") and "validation" not in line]
    assert len(steps) == 6 and max(map(len, steps)) < 200
    for name in ("loss", "(text", "end", "first", "lr", "MFU", "fill", "wait", "ETA"):
        assert f" {name} " in steps[-1]
    *fields, _ = (fields for fields in lines(tmp_path / "made") if "loss" in fields)
    for one in fields:
        assert {"text", "end", "first", "lr.adapter", "norm.adapter", "tokens/s", "GiB", "seconds"} <= one.keys()
        assert 0 < one["fill.tokens"] <= 1 and 0 < one["fill.audio"] <= 1 and 0 <= one["wait"] < 1
        # Operations are the same by both, whatever the time.
        assert 0 < one["mfu"] / one["steps/s"] * 1e9 < 1e9


def test_a_meter_counts_what_is_no_padding() -> None:
    of = tiny.recipe(run={"precision": "float32", "peak_tflops": 1.0})
    network, *_ = started(of)
    batches = [tiny.batch(network, [0, 1, 2]), tiny.batch(network, [3])]
    meter = Meter(network, of, CPU, ALONE)
    (made,) = meter.waiting([batches])
    figures = meter.figures(made)
    tokens, places = sum(int(one.attended.sum()) for one in batches), sum(one.attended.numel() for one in batches)
    assert figures["fill.tokens"] == tokens / places < 1
    assert figures["tokens/s"] == pytest.approx(tokens * figures["steps/s"])
    assert figures["audio s/s"] == pytest.approx(
        sum(int(one.mel_lengths.sum()) for one in batches) / 100 * figures["steps/s"]
    )


def test_minutes_on_the_command_line_train_by_the_clock(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up clock: a step takes a second."""
    clock = [0.0]
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(ready, tmp_path).model_dump_json(exclude_none=True))

    def slow(*arguments: Any, **named: Any) -> Losses:
        clock[0] += 1
        return step(*arguments, **named)

    monkeypatch.setattr(run, "step", slow)
    monkeypatch.setattr(run, "monotonic", lambda: clock[0])
    assert main(["fit", str(path), "--device", "cpu", "--minutes", "0.15"]) == 0
    rates = [fields["lr.adapter"] for fields in lines(tmp_path / "made") if "loss" in fields]
    assert len(rates) == 9 and max(rates) == rates[1] and rates[1:] == sorted(rates[1:], reverse=True)
    assert main(["fit", str(path), "--minutes", "0"]) == 2
