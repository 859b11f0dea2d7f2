"""What corpora spend on one GPU, at true shapes with random weights: seconds of audio a second, MFU, memory, best batch, padding.

    python -m benchmarks.corpus_gpu [--out FOLDER] [--minutes 7.5] [--case NAME …]
    python -m benchmarks.corpus_gpu --tiny          on the CPU, in seconds: whether the script runs

It asks the engines' own networks (Parakeet, HuBERT, XLS-R, UTMOS, the unit vocoder) as the engines ask them, and transformers'
Whisper encoder and VITS. Beside this package and what it imports it needs torch, transformers and numpy; no weights, no data.

Clips last exp(N(1.5, 0.6)) seconds, 5.4 on the mean, within 1 to 30, and go together by length, as engines put them together.
What they hold is noise: how long a TDT takes to decode depends on how many tokens its random weights say.

Each case is a process of its own with a limit of time, as in train_gpu.py. Operations are those that PyTorch's counter sees in
one pass (LSTMs are not among them); MFU is of the GPU's dense bf16. Whisper's encoder hears 30 s for each clip: its seconds a
second are those of the clips. Writes corpus_gpu.json and corpus_gpu.md.
"""

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.corpus_cases import CASES, Run, padding, planned
from benchmarks.gpu_runner import ready
from benchmarks.gpu_runner import run as run_cases
from voxsmith.trainer.flops import known_peak

SECONDS = 3.0  # of each batch size
TINY = 0.4  # seconds that clips of `--tiny` last at most
COLUMNS = ("audio s/s", "mfu", "TFLOP/s", "GiB", "padding")


def lines(name: str, tiny: bool) -> Iterator[dict[str, Any]]:
    """What a case measures, a batch size each, as it comes."""
    case, device = CASES[name], torch.device("cpu" if tiny else "cuda")
    run = case.build(device, "tiny" if tiny else "")
    for batch in case.batches[:2] if tiny else case.batches:
        batch = min(batch, 3) if tiny else batch
        plan = [[min(seconds, TINY) for seconds in one] for one in planned(batch)[:2]] if tiny else planned(batch)
        try:
            figures = measured(run, plan, device, 0.0 if tiny else SECONDS)
        except (RuntimeError, MemoryError) as error:  # larger ones don't fit either
            yield {"batch": batch, "failed": f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"}
            return
        if case.bf16 and (most := known_peak(device)):
            figures["mfu"] = figures["TFLOP/s"] * 1e12 / most
        yield {"batch": batch, "padding": padding(plan)} | figures


def measured(run: Run, plan: list[list[float]], device: torch.device, seconds: float) -> dict[str, float]:
    """One pass over each batch to warm up and to count, then over all of them for so many seconds, in whole rounds."""
    with FlopCounterMode(display=False) as counter:
        for one in plan:
            run(one)
    operations = counter.get_total_flops()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    start, heard, rounds = ready(device), 0.0, 0
    while not rounds or time.monotonic() - start < seconds:
        heard, rounds = heard + sum(map(run, plan)), rounds + 1
    took = ready(device) - start
    figures = {"audio s/s": heard / took, "TFLOP/s": rounds * operations / took / 1e12}
    return figures | ({"GiB": torch.cuda.max_memory_allocated(device) / 2**30} if device.type == "cuda" else {})


def markdown(machine: str, all_measured: dict[str, list[dict[str, Any]]]) -> str:
    """A table, in which the fastest batch of each case stands in bold."""
    text = [machine, "", f"| case | batch | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for name, rows in all_measured.items():
        best = max((row.get("audio s/s", 0.0) for row in rows), default=0.0)
        for row in rows:
            if "failed" in row:
                batch = f"{row['batch']}: " if "batch" in row else ""
                text.append(f"| {name} | {batch}{row['failed']} |{' |' * len(COLUMNS)}")
                continue
            cells = [written(key, row[key]) if key in row else "" for key in COLUMNS]
            batch = f"**{row['batch']}**" if row["audio s/s"] == best else str(row["batch"])
            text.append(f"| {name} | {batch} | {' | '.join(cells)} |")
    return "\n".join([*text, ""])


def written(key: str, value: float) -> str:
    return f"{value:.1%}" if key in ("mfu", "padding") else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def main(arguments: list[str] | None = None) -> None:
    run_cases("corpus_gpu", str(__doc__), CASES, lines, markdown, arguments)


if __name__ == "__main__":
    main()
