"""Tries what arithmetic proposes: a step with made-up rows of each length, on the device, and the memory that it took."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from voxsmith.schemas.columns import TOP
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.fit.meter import memory_in_use
from voxsmith.trainer.memory import GIB, Size, memory
from voxsmith.trainer.networks.whisper import MEL_RATE
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.phases.what_learns import compute_again
from voxsmith.trainer.recipe import TrainRecipe

_LESS = 0.8  # of the rows are tried next where so many don't fit


@dataclass(frozen=True)
class Bucket:
    """Rows with clips up to `longest` seconds: `count` of them, of which `row` is as large as the largest in each respect; `most`
    make a batch that fits.
    """

    longest: float
    count: int
    row: Size
    most: int

    @property
    def seconds(self) -> float:
        """Of a row, padding included."""
        return self.row.mel / MEL_RATE


def probe(recipe: TrainRecipe, buckets: list[Bucket], device: torch.device) -> Iterator[tuple[str, Bucket]]:
    """A line for each bucket, and the bucket with as many rows as do fit. On a GPU as many rows are tried as arithmetic says, and
    fewer until they fit. Elsewhere a batch of the recipe's budget is tried, since a machine that is out of memory is no good to
    anybody; more is reckoned from it.
    """
    before, stored = _start(device), recipe.teaches == "stored"
    built = build(recipe)
    network = built.network.to(device)
    groups = PHASES[recipe.phase].learns(network, recipe)
    if recipe.run.checkpointing:
        compute_again(network)
    network.train()
    optimiser = torch.optim.AdamW([{"params": group.parameters, "lr": group.lr} for group in groups])
    with suppress(torch.OutOfMemoryError):  # which the first bucket will say
        step(
            network, [made_up(buckets[0].row, built, stored).to(device)], groups, optimiser, recipe
        )  # now there are moments, too
    for bucket in buckets:
        rows = max(1, bucket.most)
        if device.type != "cuda":
            rows = max(1, min(rows, int(recipe.schedule.budget // bucket.seconds)))
        tried = rows
        while rows:
            _start(device)
            try:
                step(
                    network,
                    [made_up(replace(bucket.row, rows=rows), built, stored).to(device)],
                    groups,
                    optimiser,
                    recipe,
                )
            except torch.OutOfMemoryError:
                optimiser.zero_grad(set_to_none=True)
                rows = int(rows * _LESS)
                continue
            break
        if not rows:
            yield f"  clips up to {bucket.longest:g} s: not even one row fits", replace(bucket, most=0)
            continue
        measured = memory_peak(device) - before
        need = memory(built, recipe, replace(bucket.row, rows=rows))
        most = rows
        if device.type != "cuda":
            beyond = max(1.0, (measured - need.fixed) / max(1, need.total - need.fixed))
            most = min(bucket.most, math.floor(bucket.most / beyond))
        yield (
            f"  clips up to {bucket.longest:g} s: a batch of {tried} "
            + ("tried" if rows == tried else f"did not fit, {rows} do")
            + f": {measured / GIB:.2f} GiB measured, {need.total / GIB:.2f} GiB by arithmetic; a batch of {most} fits",
            replace(bucket, most=most),
        )


def made_up(size: Size, built: Built, stored: bool = False) -> Batch:
    """A batch of this size, whose rows are all alike: silence, and one token again and again. `stored`: with what a teacher thought."""
    network = built.network
    lengths = torch.full((size.rows,), size.mel)
    heard = int(network.embeddings(lengths)[0])
    tokens, taught = max(size.tokens, heard + size.answer + 1), max(size.taught, size.answer + 1)
    whole = torch.ones(size.rows, tokens, dtype=torch.bool)
    teacher = torch.zeros(size.rows, taught, dtype=torch.int64) if size.taught else None
    places = size.rows * size.answer if stored else 0
    units = torch.arange(size.units).remainder(2).expand(size.rows, -1) if size.units else None
    return Batch(
        ids=tuple(f"made {number}" for number in range(size.rows)),
        mel=torch.zeros(size.rows, network.encoder.config.num_mel_bins, size.mel),
        mel_lengths=lengths,
        tokens=torch.zeros(size.rows, tokens, dtype=torch.int64),
        speech=(torch.arange(tokens) < heard).expand(size.rows, -1),
        attended=whole,
        labels=_labels(size.rows, tokens, size.answer),
        units=units,
        teacher=teacher,
        teacher_attended=torch.ones_like(teacher, dtype=torch.bool) if teacher is not None else None,
        teacher_labels=_labels(size.rows, taught, size.answer) if teacher is not None else None,
        top_ids=torch.arange(TOP).expand(places, -1) if stored else None,
        top_log_probs=torch.full((places, TOP), -4.0) if stored else None,
        top_rest=torch.zeros(places) if stored else None,
    )


def _labels(rows: int, tokens: int, answer: int) -> torch.Tensor:
    labels = torch.full((rows, tokens), IGNORED)
    labels[:, tokens - answer :] = 0
    return labels


def _start(device: torch.device) -> int:
    """Measure the peak anew; bytes in use now."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")  # Linux: the peak is what there is now (proc(5))
    return memory_peak(device)


def memory_peak(device: torch.device) -> int:
    """Bytes since `_start`; where the system can't start anew, since the process began."""
    status = Path("/proc/self/status")
    if device.type == "cuda" or not status.exists():
        return memory_in_use(device)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])
