"""What `train_gpu.py` measures: cases, their networks with random weights, and rows whose lengths look like a corpus'."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, LlamaConfig, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import adapter, decoder
from voxsmith.trainer.data import batches
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.networks.whisper import FRAME_RATE, MEL_RATE
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.recipe import TrainRecipe

PROMPT, BEHIND = 62, 17  # tokens around the speech, and how many of them are behind it
# Layers, width, width of the feed-forward network, heads, and heads of keys and values, or mel bins.
LLMS = {
    "8B": (32, 4096, 14336, 32, 8),
    "3B": (28, 3072, 8192, 24, 8),
    "1B": (16, 2048, 8192, 32, 8),
    "tiny": (2, 32, 48, 4, 2),
}
WHISPERS = {
    "large-v3": (32, 1280, 5120, 20, 128),
    "small": (12, 768, 3072, 12, 80),
    "tiny": (1, 16, 32, 2, 8),
}
OMNI = {"kind": "speech_adapter", "group": 5, "hidden": 2048}
ULTRAVOX = {"kind": "stack_projector", "group": 8, "hidden": 4096}
SPEAKER = {"layers": 2, "width": 4096, "heads": 32, "inner": 11008, "units": 1000, "upsampling": 25}


@dataclass(frozen=True)
class Case:
    """`budget`: seconds of audio a batch; `limit`: seconds for all of it, the start of its process included; `rows`: from which
    batches are put together.
    """

    phase: str
    llm: str
    encoder: str
    learns: str
    adapter: dict[str, Any]
    budget: float
    limit: float
    encoder_learns: str = "nothing"
    decoder: dict[str, Any] | None = None
    rows: int = 40_000


CASES = {
    "stage 1, 1B-like, all of it": Case("answer", "1B", "small", "all", OMNI, 480, 90),
    "stage 1, 8B-like, LoRA": Case("answer", "8B", "large-v3", "lora", OMNI, 240, 100),
    "stage 1, 3B-like, all of it": Case("answer", "3B", "large-v3", "all", OMNI, 120, 100),
    "stage 2, 8B-like": Case("units", "8B", "large-v3", "nothing", OMNI, 240, 90, decoder=SPEAKER),
    "distil, 8B-like": Case("distil", "8B", "large-v3", "nothing", ULTRAVOX, 120, 100, encoder_learns="lora"),
    "streaming, 8B-like": Case("units", "8B", "large-v3", "nothing", OMNI, 10, 70, decoder=SPEAKER),
}


def small(case: Case) -> Case:
    """The same with networks of a few thousand weights."""
    speaker = {"layers": 1, "width": 16, "heads": 2, "inner": 16, "units": 50, "upsampling": 5}
    return replace(
        case,
        llm="tiny",
        encoder="tiny",
        adapter=case.adapter | {"hidden": 32},
        decoder=speaker if case.decoder else None,
        budget=12,
        rows=400,
    )


def recipe_of(case: Case) -> TrainRecipe:
    keys: dict[str, Any] = {
        "name": "gpu",
        "phase": case.phase,
        "data": [{"path": "drawn"}],
        "llm": {"model": case.llm, "learns": case.learns},
        "encoder": {"model": case.encoder, "learns": case.encoder_learns},
        "adapter": case.adapter,
        "decoder": case.decoder,
        "schedule": {"steps": 1, "budget": case.budget},
    }
    return TrainRecipe.model_validate(keys)


def network_of(case: Case, recipe: TrainRecipe, device: torch.device) -> SpeechLLM:
    """Drawn on the device."""
    layers, width, inner, heads, groups = LLMS[case.llm]
    llama = LlamaConfig(
        vocab_size=128 if case.llm == "tiny" else 128256,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        max_position_embeddings=8192,
        tie_word_embeddings=case.llm in ("1B", "3B"),
    )
    layers, width, inner, heads, bins = WHISPERS[case.encoder]
    whisper = WhisperConfig(
        num_mel_bins=bins,
        d_model=width,
        encoder_layers=layers,
        encoder_attention_heads=heads,
        encoder_ffn_dim=inner,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    with torch.device(device):
        llm = AutoModelForCausalLM.from_config(
            llama, dtype=torch.float32 if case.learns == "all" else torch.bfloat16, attn_implementation="sdpa"
        )
        made = decoder(recipe.decoder, llama) if recipe.decoder else None
        return SpeechLLM(WhisperEncoder(whisper), adapter(recipe.adapter, width, llama.hidden_size), llm, made).to(
            device
        )


def planned(case: Case) -> list[tuple[list[float], list[int]]]:
    """Seconds and tokens of answers of the rows of each batch of an epoch."""
    draw = np.random.default_rng(0)
    seconds = draw.lognormal(1.89, 0.5, case.rows).clip(1, 30).round(2).tolist()
    answers = draw.lognormal(3.55, 0.5, case.rows).round().clip(4, 256).astype(int).tolist()
    tokens = [read(case, long, answer) for long, answer in zip(seconds, answers, strict=True)]
    steps = batches.plan(seconds, case.budget, 0, 0, 1, tokens)
    return [([seconds[row] for row in rows], [answers[row] for row in rows]) for (rows,) in steps]


def read(case: Case, seconds: float, answer: int) -> float:
    """Tokens that the LLM reads of a row."""
    return PROMPT + seconds * FRAME_RATE / case.adapter["group"] + answer


def padding(case: Case, plan: list[tuple[list[float], list[int]]]) -> dict[str, float]:
    """Shares of the encoder's and of the LLM's places that only pad."""
    tokens = [[read(case, *row) for row in zip(*one, strict=True)] for one in plan]
    seconds = [one[0] for one in plan]
    return {
        f"padding.{name}": 1 - sum(map(sum, of)) / sum(len(one) * max(one) for one in of)
        for name, of in (("audio", seconds), ("tokens", tokens))
    }


def batch_of(case: Case, network: SpeechLLM, seconds: list[float], answers: list[int], device: torch.device) -> Batch:
    """Noise of these lengths."""
    draw = np.random.default_rng(1)
    words = network.llm.config.vocab_size
    lengths = torch.tensor([round(one * MEL_RATE) for one in seconds])
    heard = network.embeddings(lengths).tolist()
    rows = {name: [] for name in ("tokens", "speech", "labels", "units", "teacher", "teacher_labels")}  # type: ignore[var-annotated]
    for long, count, answer in zip(seconds, heard, answers, strict=True):
        ids = draw.integers(0, words, PROMPT + count + answer)
        before, behind = PROMPT - BEHIND, BEHIND + answer
        said = draw.integers(0, words, PROMPT + round(2.9 * long))
        rows["tokens"].append(ids)
        rows["speech"].append(np.r_[[False] * before, [True] * count, [False] * behind])
        rows["labels"].append(np.r_[[IGNORED] * (len(ids) - answer), ids[-answer:]])
        rows["teacher"].append(np.r_[said, ids[-answer:]])
        rows["teacher_labels"].append(np.r_[[IGNORED] * len(said), ids[-answer:]])
        if network.decoder is not None:  # each unit is another one than the one before
            most = min(14 * answer, network.decoder.most_units(answer) - 1)
            rows["units"].append(draw.integers(1, network.decoder.blank, most).cumsum() % network.decoder.blank)

    def padded(name: str, padding: int) -> torch.Tensor:
        return pad_sequence([torch.from_numpy(one) for one in rows[name]], batch_first=True, padding_value=padding)

    def there(name: str) -> torch.Tensor:
        return pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in rows[name]], batch_first=True)

    inside = torch.arange(int(lengths.max())) < lengths[:, None]
    taught = case.phase == "distil"
    return Batch(
        ids=tuple(f"row-{number}" for number in range(len(seconds))),
        mel=torch.randn(len(seconds), network.encoder.config.num_mel_bins, int(lengths.max())) * inside[:, None],
        mel_lengths=lengths,
        tokens=padded("tokens", 0),
        speech=padded("speech", 0),
        attended=there("tokens"),
        labels=padded("labels", IGNORED),
        units=padded("units", IGNORED) if rows["units"] else None,
        teacher=padded("teacher", 0) if taught else None,
        teacher_attended=there("teacher") if taught else None,
        teacher_labels=padded("teacher_labels", IGNORED) if taught else None,
    ).to(device)
