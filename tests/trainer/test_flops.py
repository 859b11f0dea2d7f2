"""The arithmetic of operations against PyTorch's own count."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.trainer import tiny
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.flops import Operations, peak, sizes

# Phase, what learns of LLM and encoder, and how far the count may be off.
COUNTED = [
    ("answer", "nothing", "nothing", 0.01),
    ("answer", "lora", "nothing", 0.01),
    ("answer", "all", "all", 0.01),
    ("distil", "nothing", "nothing", 0.01),
    ("distil", "nothing", "lora", 0.15),  # what the first layer saves, which is the only one here
    ("units", "nothing", "nothing", 0.01),
]


@pytest.mark.parametrize(("phase", "llm", "encoder", "off"), COUNTED)
def test_operations_are_those_that_pytorch_counts(phase: str, llm: str, encoder: str, off: float) -> None:
    """Two rows of other lengths, one by one: nothing is padded."""
    recipe = tiny.recipe(
        phase=phase, llm={"model": "llm", "learns": llm}, encoder={"model": "encoder", "learns": encoder}
    )
    network = tiny.network(recipe)
    PHASES[recipe.phase].learns(network, recipe)
    operations = Operations(network, recipe)
    for number in (2, 7):
        batch = tiny.batch(network, [number])
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            terms = PHASES[recipe.phase].terms(network, batch, recipe)
            sum(term.sum for term in terms.values() if term.weight).backward()
        (size,) = sizes(batch)
        assert operations.of(size) == pytest.approx(counter.get_total_flops(), rel=off)


def test_padding_is_no_work_and_neither_are_kept_frames() -> None:
    recipe = tiny.recipe()
    network = tiny.network(recipe)
    PHASES[recipe.phase].learns(network, recipe)
    operations = Operations(network, recipe)
    both, alone = tiny.batch(network, [2, 7]), [tiny.batch(network, [number]) for number in (2, 7)]
    assert sizes(both) == [sizes(batch)[0] for batch in alone]
    kept = replace(alone[0], frames=torch.zeros(1, 1, 16))
    (whole,), (without,) = sizes(alone[0]), sizes(kept)
    assert without == replace(whole, mel=0) and operations.of(without) < operations.of(whole)
    assert operations.of(replace(whole, rows=3)) == 3 * operations.of(whole)


def test_the_peak_is_known_or_said() -> None:
    cpu = torch.device("cpu")
    assert peak(cpu, tiny.recipe()) is None
    assert peak(cpu, tiny.recipe(run={"peak_tflops": 0.1})) == 1e11
