"""Training steps on one GPU, at true shapes with random weights: speed, MFU, memory, padding; and the latency of streaming.

    python -m benchmarks.train_gpu [--out FOLDER] [--minutes 7.5] [--case NAME …]
    python -m benchmarks.train_gpu --tiny          on the CPU, in seconds: whether the script runs

It uses the trainer's own networks, batches' plan and steps. Beside this package and what it imports (pydantic, pyarrow) it needs
torch, transformers, numpy and safetensors; no weights, no data. What learns by LoRA needs peft, and is left out without.

Lengths of rows are drawn, with a fixed seed, to look like InstructS2S-200K (docs/cost.md): a query of exp(N(1.89, 0.5)) seconds,
7.5 on the mean, within 1 to 30; an answer of exp(N(3.55, 0.5)) tokens, 39.5 on the mean, within 4 to 256; 62 tokens of the prompt;
2.9 tokens of transcript a second; 14 units a token. What rows hold is noise.

Each case is a process of its own with a limit of time, and says what it has measured as soon as it has: one that is out of memory
or too slow loses nothing of the others. A case is measured in variants: PyTorch's choice of attention; with flash attention where
it goes (the encoder's mask rules it out there) and memory-efficient attention elsewhere; without flash; and with each layer
compiled (torch.compile, dynamic shapes). Writes train_gpu.json and train_gpu.md.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.gpu_cases import CASES, Case, batch_of, network_of, padding, planned, recipe_of, small
from benchmarks.gpu_runner import ready, run
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.flops import Operations, peak, sizes
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.networks.whisper import MEL_RATE
from voxsmith.trainer.talk.events import Token
from voxsmith.trainer.talk.generate import Speaker, generate

FLASH = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
VARIANTS: dict[str, tuple[list[SDPBackend] | None, bool]] = {
    "PyTorch's choice": (None, False),
    "flash": (FLASH, False),
    "no flash": (FLASH[1:], False),
    "compiled": (None, True),
}


def trained(case: Case, device: torch.device, seconds: float) -> Iterator[dict[str, Any]]:
    """Figures of each variant, each over so many seconds of steps."""
    recipe = recipe_of(case)
    network = network_of(case, recipe, device)
    network.train()
    groups = PHASES[recipe.phase].learns(network, recipe)
    optimiser = torch.optim.AdamW([{"params": group.parameters, "lr": 1e-6} for group in groups])
    plan = planned(case)
    some = [batch_of(case, network, *one, device) for one in plan[:4]]
    work = [sum(Operations(network, recipe).of(size) for size in sizes(batch)) for batch in some]
    known = {"rows": sum(len(one[0]) for one in plan) / len(plan)} | padding(case, plan)
    for name, (backends, compiled) in VARIANTS.items():
        if compiled:
            for layer in layers_of(network):
                layer.compile(dynamic=True, backend="inductor" if device.type == "cuda" else "eager")

        def run(batch: Batch, backends: list[SDPBackend] | None = backends) -> None:
            with sdpa_kernel(backends) if backends else nullcontext():
                step(network, [batch], groups, optimiser, recipe)

        try:
            number, took = timed(run, some, device, seconds)
        except Exception as error:  # a kernel may lack, or memory, or the compiler fail: the next variant may do
            optimiser.zero_grad(set_to_none=True)
            yield {"variant": name, "failed": f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"}
            continue
        turns = [number // len(some) + (place < number % len(some)) for place in range(len(some))]
        done = list(zip(turns, some, work, strict=True))
        figures = {
            "steps/s": number / took,
            "tokens/s": sum(count * real(batch) for count, batch, _ in done) / took,
            "audio s/s": sum(count * float(batch.mel_lengths.sum()) / MEL_RATE for count, batch, _ in done) / took,
            "operations/s": sum(count * operations for count, _, operations in done) / took,
        }
        if most := peak(device, recipe):
            figures["mfu"] = figures["operations/s"] / most
        if device.type == "cuda":
            figures["GiB"] = torch.cuda.max_memory_allocated(device) / 2**30
        yield known | {"variant": name} | figures


def real(batch: Batch) -> int:
    """Tokens that don't pad."""
    return int(batch.attended.sum())


def layers_of(network: SpeechLLM) -> list[Any]:
    """What is compiled: one layer of a kind, and the others of the kind with it."""
    parts = [network.llm.model.layers, network.encoder.layers]
    return [layer for part in (*parts, *([network.decoder.layers] if network.decoder else [])) for layer in part]


def timed(run: Callable[[Batch], None], some: list[Batch], device: torch.device, seconds: float) -> tuple[int, float]:
    """How many steps, and in what time: these batches in turn, once each to warm up, then for so many seconds."""
    for batch in some:
        run(batch)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    start = ready(device)
    for number, batch in enumerate(cycle(some), 1):
        run(batch)
        if time.monotonic() - start > seconds:
            return number, ready(device) - start
    raise AssertionError("there is a batch")


class Silent:
    """In place of a tokeniser: text isn't what is measured."""

    def decode(self, *_: object, **__: object) -> str:
        return ""


def streamed(case: Case, device: torch.device, tokens: int) -> Iterator[dict[str, Any]]:
    """Milliseconds from a token to the next: with its units, by the one place of generation; and of the decoder alone."""
    recipe = recipe_of(case)
    network = network_of(case, recipe, device).eval().requires_grad_(False)
    asked = batch_of(case, network, [7.5], [1], device)
    asked = replace(
        asked, **{name: getattr(asked, name)[:, :-1] for name in ("tokens", "speech", "attended", "labels")}
    )
    for _ in range(2):  # the first time warms up
        start, times = ready(device), []
        for event in generate(Speaker(network, Silent(), frozenset(), bf16=True), asked, tokens):
            if isinstance(event, Token):  # it is on the CPU
                times.append(time.monotonic())
    apart = np.diff(times) * 1000
    yield {"variant": "a token and the units before it", "first": (times[0] - start) * 1000} | spread(apart)
    assert network.decoder is not None
    caches, apart = network.decoder.new_caches(), np.zeros(tokens)
    states = torch.randn(tokens, 1, network.llm.config.hidden_size, device=device)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
        for place, state in enumerate(states):
            start = ready(device)
            network.decoder.step(state, caches).argmax(-1).tolist()
            apart[place] = (time.monotonic() - start) * 1000
    yield {"variant": "the speech decoder alone"} | spread(apart)


def spread(milliseconds: np.ndarray) -> dict[str, float]:
    return {"p50": float(np.percentile(milliseconds, 50)), "p95": float(np.percentile(milliseconds, 95))}


def lines(name: str, tiny: bool) -> Iterator[dict[str, Any]]:
    """What a case measures, as it comes."""
    case = small(CASES[name]) if tiny else CASES[name]
    device = torch.device("cpu" if tiny else "cuda")
    if "lora" in (case.learns, case.encoder_learns):
        try:
            import peft  # noqa: F401
        except ImportError:
            yield {"variant": "all", "failed": "skipped: peft is not installed"}
            return
    if name.startswith("streaming"):
        yield from streamed(case, device, 8 if tiny else 256)
    else:
        yield from trained(case, device, 0.0 if tiny else 5.0)


def markdown(machine: str, measured: dict[str, list[dict[str, Any]]]) -> str:
    columns = ("steps/s", "tokens/s", "audio s/s", "mfu", "GiB", "rows", "padding.audio", "padding.tokens")
    text = [f"{machine}", "", f"| case | variant | {' | '.join(columns)} |", "|---" * (2 + len(columns)) + "|"]
    latency = ["", "| streaming | first, ms | p50, ms | p95, ms |", "|---|---|---|---|"]
    for name, rows in measured.items():
        for row in rows:
            if "p50" in row:
                cells = [f"{row[key]:.1f}" if key in row else "" for key in ("first", "p50", "p95")]
                latency.append(f"| {name}: {row['variant']} | {' | '.join(cells)} |")
            elif "failed" in row:
                text.append(f"| {name} | {row.get('variant', 'the rest')}: {row['failed']} |{' |' * len(columns)}")
            else:
                cells = [written(key, row[key]) if key in row else "" for key in columns]
                text.append(f"| {name} | {row['variant']} | {' | '.join(cells)} |")
    return "\n".join([*text, *latency, ""])


def written(key: str, value: float) -> str:
    return f"{value:.1%}" if key == "mfu" or key.startswith("padding") else f"{value:,.4g}"


def main(arguments: list[str] | None = None) -> None:
    run("train_gpu", str(__doc__), CASES, lines, markdown, arguments)


if __name__ == "__main__":
    main()
