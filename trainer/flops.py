"""How many operations a training step takes, by arithmetic: for check's reckoning and for MFU (model FLOPs utilisation).

As in Chowdhery et al. 2022 (PaLM, arXiv:2204.02311, appendix B): a weight of a matrix takes 2 operations a position on the way
there, 2 for the gradient of what goes in, and 2 for its own, if it learns; attention 4 times length squared times width on the way
there, and twice that on the way back. Padding is no work, and neither is what checkpointing computes again: MFU counts what a
step needs, not what is done.
"""

from typing import Any

import torch
from torch import Tensor, nn

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.memory import Size
from voxsmith.trainer.networks.adapter import StackProjector
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.recipe import TrainRecipe

# Dense operations in bf16 a second, in 1e12, as the makers' data sheets have them. The first name that the device's has counts.
_PEAKS = {
    "H200 NVL": 835,
    "H100 NVL": 835,
    "H100 PCIe": 756,
    "B200": 2250,
    "H200": 989,
    "H100": 989,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
}


def peak(device: torch.device, recipe: TrainRecipe) -> float | None:
    """Operations a second that the device can do: what the recipe says, or a known GPU's in bf16; else None."""
    if recipe.run.peak_tflops is not None:
        return recipe.run.peak_tflops * 1e12
    return known_peak(device) if recipe.run.precision == "bf16" else None


def known_peak(device: torch.device) -> float | None:
    """Operations a second of a known GPU in bf16; else None."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((1e12 * known for part, known in _PEAKS.items() if part in name), None)


class Operations:
    """Of rows of a phase. `network`: weights or outline, as the phase's `learns` left it."""

    def __init__(self, network: SpeechLLM, recipe: TrainRecipe) -> None:
        encoder, llm = network.encoder.config, network.llm.config
        answers, hears = recipe.phase != "units", recipe.encoder.learns != "nothing" and recipe.phase != "units"
        first, second = (network.encoder.conv1.weight, network.encoder.conv2.weight)
        self._frame = (
            2 * _ops(first, False) + _ops(second, first.requires_grad) + _linear(network.encoder.layers, hears)
        )
        self._frames = 4 * encoder.d_model * encoder.encoder_layers * (3 if hears else 1)
        into, *others = (module for module in network.adapter.modules() if isinstance(module, nn.Linear))
        normed = isinstance(network.adapter, StackProjector)  # its first norm learns, too
        self._heard = _ops(into.weight, hears or (normed and answers)) + sum(
            _ops(one.weight, answers) for one in others
        )
        head = getattr(llm, "head_dim", None) or llm.hidden_size // llm.num_attention_heads
        self._token = _linear(network.llm.model, answers) + (_linear(network.llm.lm_head, True) if answers else 0)
        self._tokens = 4 * llm.num_attention_heads * head * llm.num_hidden_layers * (3 if answers else 1)
        self._taught = _forward(network.llm) if recipe.teaches == "live" else 0
        self._taughts = 4 * llm.num_attention_heads * head * llm.num_hidden_layers if recipe.teaches == "live" else 0
        self._unit_frame = self._unit_frames = self._upsampling = 0
        if not answers:
            assert network.decoder is not None
            decoder: Any = network.decoder
            self._upsampling = decoder.upsampling
            self._unit_frame = _linear(decoder, True) - 2 * decoder.input_proj.weight.numel()
            self._unit_frames = 12 * decoder.input_proj.out_features * len(decoder.layers)

    def of(self, size: Size) -> int:
        """Of `size.rows` rows, none of them padded; of `mel` 0 where frames are kept."""
        frames, said = (size.mel + 1) // 2, size.answer * self._upsampling
        each = frames * self._frame + frames**2 * self._frames + size.heard * self._heard
        each += size.tokens * self._token + size.tokens**2 * self._tokens
        each += size.taught * self._taught + size.taught**2 * self._taughts
        each += said * self._unit_frame + said**2 * self._unit_frames
        return int(size.rows * each)


def sizes(batch: Batch) -> list[Size]:
    """What is computed of each row of the batch, without padding: nothing where what comes of it is kept. `units` isn't counted."""
    nothing = torch.zeros_like(batch.mel_lengths)
    mel = batch.mel_lengths if batch.frames is None and batch.states is None else nothing
    heard, tokens = (batch.speech.sum(1), batch.attended.sum(1)) if batch.states is None else (nothing, nothing)
    taught = batch.teacher_attended.sum(1) if batch.teacher_attended is not None else nothing
    answer = (batch.labels != IGNORED).sum(1)
    columns = torch.stack([mel, heard, tokens, answer, taught], 1)
    return [Size(1, *row) for row in columns.tolist()]


def _ops(weight: Tensor, through: bool) -> int:
    """A position's, for a matrix; `through`: a gradient of what goes in is wanted."""
    return 2 * int(weight.numel()) * (1 + through + bool(weight.requires_grad))


def _linear(module: nn.Module, through: bool) -> int:
    return sum(_ops(one.weight, through) for one in module.modules() if isinstance(one, nn.Linear))


def _forward(module: nn.Module) -> int:
    return sum(2 * one.weight.numel() for one in module.modules() if isinstance(one, nn.Linear))
