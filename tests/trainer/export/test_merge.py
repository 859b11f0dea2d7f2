"""A merged network says what the one with its updates beside said, also where the base is in bfloat16."""

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from voxsmith.trainer.export.merge import merge_lora


def with_updates(dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)).to(dtype)
    inject_adapter_in_model(LoraConfig(r=2, lora_alpha=6, target_modules=["0"], bias="none"), model)
    for name, value in model.named_parameters():
        if "lora_" in name:
            nn.init.normal_(value, std=0.3)
    return model


def test_a_merged_layer_is_weight_and_three_times_b_a() -> None:
    model = with_updates(torch.float32)
    inputs = torch.randn(5, 8)
    before = model(inputs)
    layer = model[0]
    up, down = layer.lora_B["default"].weight, layer.lora_A["default"].weight
    wanted = layer.base_layer.weight + 6 / 2 * up @ down
    merge_lora(model)
    assert type(model[0]) is nn.Linear and not any("lora" in name for name, _ in model.named_parameters())
    torch.testing.assert_close(model[0].weight, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(model(inputs), before, rtol=0, atol=1e-6)


def test_a_small_update_of_a_bfloat16_layer_is_not_rounded_away() -> None:
    model = with_updates(torch.bfloat16)
    base = model[0].base_layer.weight.float()
    with torch.no_grad():
        model[0].lora_B["default"].weight.mul_(1e-4)
    merge_lora(model)
    moved = (model[0].weight - base).abs()
    assert model[0].weight.dtype == torch.float32 and 0 < float(moved.max()) < 1e-3
    assert model[2].weight.dtype == torch.bfloat16
