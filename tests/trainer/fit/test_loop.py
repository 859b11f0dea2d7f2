"""A step is the same however its rows are put together; what is frozen stands still; a run goes on as if nothing had been."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.trainer import tiny
from voxsmith.trainer import checkpoint
from voxsmith.trainer.checkpoint import BadCheckpoint, State
from voxsmith.trainer.fit.loop import PHASES, Exploded, Losses, step
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases.what_learns import compute_again
from voxsmith.trainer.recipe import TrainRecipe

ROWS = list(range(9))
PHASE = pytest.mark.parametrize("phase", list(PHASES))


def started(recipe: TrainRecipe, dropout: float = 0.0) -> tuple[SpeechLLM, list[object], torch.optim.Optimizer]:
    network = tiny.network(recipe, dropout)
    network.train()
    groups = PHASES[recipe.phase].learns(network, recipe)
    optimiser = torch.optim.AdamW([{"params": group.parameters, "lr": group.lr} for group in groups])
    return network, groups, optimiser


def weights(network: SpeechLLM) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def one_step(recipe: TrainRecipe, batches: list[list[int]]) -> tuple[Losses, dict[str, Tensor]]:
    network, groups, optimiser = started(recipe)
    losses = step(network, [tiny.batch(network, rows) for rows in batches], groups, optimiser, recipe)
    return losses, weights(network)


@PHASE
def test_a_step_is_the_same_however_rows_are_put_together(phase: str) -> None:
    recipe = tiny.recipe(phase=phase)
    whole, after = one_step(recipe, [ROWS])
    for split in ([ROWS[:1], ROWS[1:]], [ROWS[5:], ROWS[:5]], [[row] for row in reversed(ROWS)]):
        parts, others = one_step(recipe, split)
        assert parts.terms == pytest.approx(whole.terms, rel=1e-5)
        assert parts.norms == pytest.approx(whole.norms, rel=1e-4)
        for name, value in after.items():
            # The first step of Adam is the learning rate times the gradient's sign: tiny gradients may turn it.
            assert float((value - others[name]).abs().mean()) < 2e-5, name


@PHASE
@pytest.mark.parametrize("llm", ["nothing", "lora", "all"])
def test_only_what_shall_learn_moves(phase: str, llm: str) -> None:
    recipe = tiny.recipe(phase=phase, llm={"model": "llm", "learns": llm, "lr": 1e-2})
    network, groups, optimiser = started(recipe)
    before = weights(network)
    for _ in range(2):  # the first step of LoRA moves one of its two matrices
        step(network, [tiny.batch(network, ROWS)], groups, optimiser, recipe)
    moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    parts = {name.split(".")[0] for name in moved}
    expected = {"units": {"decoder"}}.get(phase, {"adapter"} | ({"llm"} if llm != "nothing" else set()))
    assert parts == expected
    if "llm" in parts and llm == "lora":
        assert all("lora_" in name for name in moved if name.startswith("llm."))


def test_a_loss_that_is_no_number_names_its_rows_and_moves_nothing() -> None:
    recipe = tiny.recipe()
    network, groups, optimiser = started(recipe)
    before, batch = weights(network), tiny.batch(network, [3, 4])
    batch.mel[1, 0, 0] = float("nan")
    with pytest.raises(Exploded, match=r"the loss is nan with the rows row-3, row-4"):
        step(network, [batch], groups, optimiser, recipe)
    assert all(torch.equal(value, before[name]) for name, value in network.named_parameters())


def test_units_without_an_alignment_are_an_error_that_names_the_row() -> None:
    recipe = tiny.recipe(phase="units")
    network, groups, optimiser = started(recipe)
    batch = tiny.batch(network, [0, 1])
    object.__setattr__(batch, "units", torch.tensor([[1, 2, -100], [4, 4, 4]]).repeat(1, 20))
    with pytest.raises(Exploded, match=r"no alignment of the units of row-0, row-1: more of them"):
        step(network, [batch], groups, optimiser, recipe)


def test_a_worker_without_rows_adds_nothing_and_keeps_up() -> None:
    """As many updates on each worker: one that has no rows left takes the gradients of the others."""
    recipe = tiny.recipe()
    network, groups, optimiser = started(recipe)
    before = weights(network)
    other = Workers(2, 1, total=lambda tensor: tensor.add_(1))
    step(network, [], groups, optimiser, recipe, other)
    assert any(not torch.equal(value, before[name]) for name, value in network.named_parameters())


@PHASE
def test_a_run_goes_on_as_if_nothing_had_been(phase: str, tmp_path: Path) -> None:
    """Dropout is on: the random state goes on, too."""
    recipe = tiny.recipe(phase=phase, llm={"model": "llm", "learns": "lora", "lora": {"dropout": 0.3}})
    network, groups, optimiser = started(recipe, dropout=0.2)
    curve = []
    for number in range(6):
        batches = [tiny.batch(network, ROWS[number : number + 3])]
        curve.append(step(network, batches, groups, optimiser, recipe).loss)
        if number == 2:
            place = checkpoint.save(tmp_path, network, optimiser, State(step=3), recipe)
    torch.manual_seed(99)
    network, groups, optimiser = started(recipe, dropout=0.2)
    assert checkpoint.resume(place, network, optimiser) == State(step=3)
    again = [
        step(network, [tiny.batch(network, ROWS[number : number + 3])], groups, optimiser, recipe).loss
        for number in range(3, 6)
    ]
    assert again == curve[3:]


def test_checkpoints_are_whole_few_and_of_their_recipe(tmp_path: Path) -> None:
    recipe = tiny.recipe()
    network, _, optimiser = started(recipe)
    for number in (10, 20, 30, 40):
        checkpoint.save(tmp_path, network, optimiser, State(step=number), recipe)
    (tmp_path / "checkpoints" / ".step-00000050.writing").mkdir()
    (tmp_path / "checkpoints" / "step-00000060").mkdir()  # cut: without state.json
    checkpoint.prune(tmp_path, 2, "step-00000010")
    names = [place.name for place in checkpoint.checkpoints(tmp_path)]
    assert names == ["step-00000010", "step-00000030", "step-00000040"]
    other = tiny.network(tiny.recipe(adapter={"kind": "stack_projector", "group": 4, "hidden": 16}))
    with pytest.raises(BadCheckpoint, match=r"adapter\..* is of shape .*: it is of another recipe"):
        checkpoint.load_weights(tmp_path / "checkpoints" / "step-00000040", other)
    with pytest.raises(BadCheckpoint, match=r"no checkpoint: it lacks model\.safetensors"):
        checkpoint.load_weights(tmp_path, other)


@PHASE
def test_activations_that_are_computed_again_give_the_same_step(phase: str) -> None:
    recipe = tiny.recipe(phase=phase, llm={"model": "llm", "learns": "nothing"})
    plain, groups, optimiser = started(recipe)
    kept = step(plain, [tiny.batch(plain, ROWS)], groups, optimiser, recipe)
    again, groups, optimiser = started(recipe)
    compute_again(again)
    assert all(layer.gradient_checkpointing and layer.training for layer in again.llm.model.layers)
    assert step(again, [tiny.batch(again, ROWS)], groups, optimiser, recipe) == kept
    wanted = weights(plain)
    assert all(torch.equal(value, wanted[name]) for name, value in again.named_parameters())


@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 40, b"[]"])
@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "recipe.json"])
def test_a_cut_file_of_a_checkpoint_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    recipe = tiny.recipe()
    network, _, optimiser = started(recipe)
    place = checkpoint.save(tmp_path, network, optimiser, State(step=1), recipe)
    (place / name).write_bytes(content)
    with pytest.raises(BadCheckpoint, match=re.escape(f"{place / name}: can't be read")):
        checkpoint.read_recipe(place)
        checkpoint.resume(place, network, optimiser)
