"""How fast a run is, and what it does with its time: tokens, seconds of audio, operations, padding, waiting, memory."""

import resource
import sys
import time
from collections.abc import Iterable, Iterator

import torch

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.flops import Operations, peak, sizes
from voxsmith.trainer.memory import GIB
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.networks.whisper import MEL_RATE
from voxsmith.trainer.recipe import TrainRecipe


class Meter:
    """Of a run. What is between a step and the next batches, validation and checkpoints, counts as nothing."""

    def __init__(self, network: SpeechLLM, recipe: TrainRecipe, device: torch.device, workers: Workers) -> None:
        self._operations, self._device, self._workers = Operations(network, recipe), device, workers
        self._peak = peak(device, recipe)
        self._waited = self._began = 0.0

    def waiting(self, steps: Iterable[list[Batch]]) -> Iterator[list[Batch]]:
        """The same, and it notes how long each was waited for."""
        steps, start = iter(steps), time.monotonic()
        for one in steps:
            self._began = time.monotonic()
            self._waited = self._began - start
            yield one
            start = time.monotonic()

    def figures(self, batches: list[Batch]) -> dict[str, float]:
        """Of the step that has just been taken, over all workers; `mfu` only where the peak of the device is known. Time and
        memory are this worker's; a GPU's memory is its peak, else it is that of this process.
        """
        busy = time.monotonic() - self._began
        seconds = busy + self._waited
        real = [batch for batch in batches if not batch.spare]
        rows = [size for batch in real for size in sizes(batch)]
        mine = [
            sum(int(batch.attended.sum()) for batch in real),
            sum(batch.attended.numel() for batch in real),
            sum(int(batch.mel_lengths.sum()) for batch in real),
            sum(len(batch.ids) * int(batch.mel_lengths.max()) for batch in real),
            sum(self._operations.of(size) for size in rows),
        ]
        totals = self._workers.total(torch.tensor(mine, dtype=torch.float64)).tolist()
        tokens, places, frames, mel_places, operations = totals
        figures = {"steps/s": 1 / seconds, "tokens/s": tokens / seconds, "audio s/s": frames / MEL_RATE / seconds}
        if self._peak:
            figures["mfu"] = operations / seconds / (self._peak * self._workers.count)
        return figures | {
            "fill.tokens": tokens / max(1, places),
            "fill.audio": frames / max(1, mel_places),
            "wait": self._waited / seconds,
            "GiB": memory_in_use(self._device) / GIB,
        }


def memory_in_use(device: torch.device) -> int:
    """Bytes: the most that tensors had on the GPU; without one, the most that this process had."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
