"""Low-rank updates learn in float32, whatever the model beside which they stand is held in."""

import pytest
import torch
from torch import nn

from tests.trainer import tiny
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.phases.what_learns import prepare


def test_a_small_step_moves_the_updates_of_a_bfloat16_model() -> None:
    of = tiny.recipe(llm={"model": "llm", "learns": "lora"})
    llm = tiny.network(of).llm.to(torch.bfloat16)
    (group,) = prepare("llm", llm, of.llm)
    learning = {name: value for name, value in llm.named_parameters() if value.requires_grad}
    assert learning and all("lora_" in name and value.dtype == torch.float32 for name, value in learning.items())
    for value in group.parameters:
        nn.init.ones_(value)
        value.grad = torch.ones_like(value)
    before = [value.detach().clone() for value in group.parameters]
    optimiser = torch.optim.AdamW(group.parameters, lr=2e-5, weight_decay=0.0)
    optimiser.step()
    for value, was in zip(group.parameters, before, strict=True):
        # Adam's first step is the learning rate, which bfloat16 can't take from 1.
        torch.testing.assert_close(was - value, torch.full_like(value, 2e-5), rtol=0, atol=2e-7)
    with torch.autocast("cpu", torch.bfloat16):
        assert bool(torch.isfinite(llm(input_ids=torch.tensor([[1, 2, 3]])).logits).all())


@pytest.mark.parametrize("learns", ["nothing", "lora", "all"])
def test_what_learns_drops_out_and_what_stands_still_does_not(learns: str) -> None:
    """Models come as they are used: from_pretrained puts them in `eval`."""
    of = tiny.recipe(llm={"model": "llm", "learns": learns})
    network = tiny.network(of)
    network.llm.eval()
    PHASES[of.phase].learns(network, of)
    assert network.llm.training == (learns != "nothing") and not network.encoder.training
