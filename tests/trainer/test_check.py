"""What check reckons and tries."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders, tiny
from voxsmith.schemas.errors import RecipeError
from voxsmith.trainer import probe, shards
from voxsmith.trainer.build import Built
from voxsmith.trainer.check import DoesNotFit, check
from voxsmith.trainer.fit.loop import PHASES, Losses, step
from voxsmith.trainer.flops import sizes
from voxsmith.trainer.memory import Size, fixed, sharded
from voxsmith.trainer.recipe import TrainRecipe

CPU = torch.device("cpu")
GIB = 2**30


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(16)], [])
    return folder


def recipe(ready: Path, **changes: Any) -> TrainRecipe:
    keys = {
        "name": "made",
        "phase": "answer",
        "data": [{"path": str(ready / "export")}],
        "llm": {"model": str(ready / "llm"), "learns": "all"},
        "encoder": {"model": str(ready / "whisper")},
        "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
        "schedule": {"steps": 6, "budget": 3.0},
        "run": {"precision": "float32"},
    }
    return TrainRecipe.model_validate(keys | changes)


def test_in_shards_a_process_holds_its_share_and_two_layers() -> None:
    """By hand: layers, embedding and output of the LLM learn and are shared out; adapter and encoder are not."""
    of = tiny.recipe(llm={"model": "llm", "learns": "all"})
    network = tiny.network(of)
    PHASES[of.phase].learns(network, of)
    layer = 4 * 16 * 16 + 3 * 16 * 24 + 2 * 16
    words = 40 * 16
    assert {id(part) for part in shards.parts(network, of)} == {
        id(part) for part in (network.llm.model.layers[0], network.llm.model.embed_tokens, network.llm.lm_head)
    }
    its = layer + 2 * words
    rest = sum(value.numel() for value in network.parameters()) - its
    small = 16 + sum(value.numel() for value in network.adapter.parameters())  # the LLM's last norm, and the adapter
    weights, gradients, moments = sharded(network, of, 4)
    assert weights == 4 * (its // 4 + rest) + 2 * 4 * layer
    assert gradients == 4 * (its // 4 + small) + 4 * layer
    assert moments == 2 * 4 * (its // 4 + small)
    assert fixed(network, of)[0] == 4 * (its + rest)


def test_check_says_how_many_processes_are_enough(ready: Path) -> None:
    shared = recipe(ready, run={"precision": "float32", "shards": True, "processes": 2})
    said = list(check(shared, gib=1.0))
    assert any(line.startswith("memory of each of 2 processes: ") for line in said)
    assert "  2 processes are enough" in said
    said = []
    with pytest.raises(DoesNotFit):
        said.extend(check(recipe(ready), gib=1e-4))
    assert "the device meant has 0.0 GiB: it does not fit" in said
    assert any(line.startswith("  with run.shards each of several processes takes: 2 0.0 GiB, 4 ") for line in said)
    assert said[-1].startswith("  not even a row of each length fits")
    with pytest.raises(RecipeError, match=r"^--probe tries one process"):
        list(check(shared, tried_on=CPU))


@pytest.mark.parametrize("phase", list(PHASES))
def test_a_made_batch_has_the_size_that_is_said(phase: str) -> None:
    of = tiny.recipe(phase=phase)
    network = tiny.network(of)
    groups = PHASES[of.phase].learns(network, of)
    size = Size(3, 60, int(network.embeddings(torch.tensor([60]))[0]), 20, 5, 11 if phase == "distil" else 0, 7)
    batch = probe.made_up(size, Built(network, None))
    assert sizes(batch) == [Size(1, 60, size.heard, 20, 5, size.taught)] * 3
    losses = step(network, [batch], groups, torch.optim.SGD(network.parameters(), 0.0), of)
    assert losses.norms[groups[0].name] > 0


def test_probe_tries_batches_and_compares(ready: Path) -> None:
    said = list(check(recipe(ready), tried_on=CPU))
    tried = said[said.index("tried with made-up rows:") + 1 : -1]
    assert tried and all(" tried: " in line and " GiB by arithmetic; a batch of " in line for line in tried)
    assert said[-1].startswith("  schedule.budget is 3 s a batch; up to ")


def test_fewer_rows_are_proposed_where_a_device_is_too_small(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that says, as CUDA does, that it has no memory for more than 5 rows."""
    rows: list[int] = []

    def small(network: Any, batches: Any, *rest: Any) -> Losses:
        rows.append(len(batches[0].ids))
        if rows[-1] > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(network, batches, *rest)

    monkeypatch.setattr(probe, "step", small)
    said = list(check(recipe(ready, schedule={"steps": 6, "budget": 50.0}), tried_on=CPU))
    (line,) = (line for line in said if "did not fit" in line)
    first = rows[1]
    assert f"a batch of {first} did not fit, " in line and first > 5 >= rows[-1] > 5 * 0.8 - 1
    assert rows[2:] == [int(0.8 * before) for before in rows[1:-1]]
