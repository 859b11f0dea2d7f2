"""Distillation from what is kept of a teacher, against the teacher itself: the same models and rows, one run.

    make quickstart-asr, with the stage `teacher` (configs/train/ultravox_kd.yaml has the command)
    python benchmarks/stored_against_live_teacher.py [--data out/asr_continuation_tiny] [--steps 8] [--json FILE]

Three things, of configs/train/ultravox_kd.yaml's profile tiny in float32:

- What the likeliest tokens leave out. Of each position: what they sum up to, the KL of the teacher's whole distribution to what is
  kept (where all others are alike), and the KL over the tokens that are kept and the others as one class, which is what rounding
  does. Over all positions, and over those at the end of turn.
- The losses of a projector that has learned nothing, from both teachers; and from the stored one where what is left out at a
  temperature is reckoned, as with engines that don't say it.
- Steps from both, in turns, over the same batches, the encoder's frames kept. Seconds of CPU are the ones to go by where other
  programs run.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from voxsmith.models.teacher_identity import TeacherIdentity
from voxsmith.models.top_log_probs import NAMES, TopLogProbs
from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build, chat_of
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.fit.corpus import Corpus, corpus
from voxsmith.trainer.fit.features import kept_features, with_frames
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import Distilled, predicting
from voxsmith.trainer.phases.distil import distilled
from voxsmith.trainer.recipe import TrainRecipe

ROOT = Path(__file__).parents[1]
TASK = "continue"


class Remembered:
    """A network's logits, each batch's computed once: no temperature and no teacher changes them. float32 [B, T, words] are kept."""

    def __init__(self, network: SpeechLLM) -> None:
        self._network = network
        self._logits: dict[tuple[str, tuple[str, ...]], Tensor] = {}

    def __call__(self, batch: Batch) -> SimpleNamespace:
        return SimpleNamespace(logits=self._of("student", batch, lambda: self._network(batch).logits))

    def teach(self, batch: Batch) -> Tensor:
        return self._of("teacher", batch, lambda: self._network.teach(batch))

    def _of(self, which: str, batch: Batch, compute: Callable[[], Tensor]) -> Tensor:
        if (which, batch.ids) not in self._logits:
            with torch.no_grad():
                self._logits[which, batch.ids] = compute()
        return self._logits[which, batch.ids]


class Teacher:
    """One of both: its recipe, and batches of all rows, frames kept."""

    def __init__(
        self, options: argparse.Namespace, built: Built, folder: str, stored: bool, temperature: float
    ) -> None:
        self.recipe, self.built = recipe_of(options, folder, stored, temperature), built
        features = kept_features(self.recipe)
        self.corpus: Corpus = corpus(self.recipe.data, self.recipe, built, chat_of(built, self.recipe), features)
        self.places = [Place(n, row) for n, one in enumerate(self.corpus.sources) for row in range(len(one.usable))]
        seconds = [self.corpus.sources[place.source].seconds[place.row] for place in self.places]
        plan = batches.plan(seconds, self.recipe.schedule.budget, self.recipe.seed, 0)
        self.batches: list[Batch] = []
        self.rows: list[list[Place]] = [[self.places[row] for row in rows] for (rows,) in plan]
        for places in self.rows:
            self.batches.append(with_frames(self.corpus.collate(places), built.network, self.recipe, features))

    def losses(self, network: Any, changed: list[Batch] | None = None) -> tuple[float, float]:
        """Means over all positions, and over those of the end. `network`: a SpeechLLM, or a Remembered one."""
        sums = np.zeros(4)
        with torch.no_grad():
            for batch in changed or self.batches:
                got: Distilled = distilled(network, batch, self.recipe)
                sums += [float(value) for total in got for value in total]
        return sums[0] / sums[1], sums[2] / sums[3]


def kept_of(teacher: Teacher, places: list[Place]) -> tuple[TopLogProbs, float]:
    """What the export has of these rows, one after the other, and at which temperature it was summed up."""
    columns = [f"teacher_{TASK}_{name}" for name in (*NAMES, "of")]
    rows = [
        teacher.corpus.sources[place.source].export.row(
            teacher.corpus.sources[place.source].usable[place.row], tuple(columns)
        )
        for place in places
    ]
    parts = [TopLogProbs.from_columns({name: row[f"teacher_{TASK}_{name}"] for name in NAMES}) for row in rows]
    whole = TopLogProbs(*(np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])))
    return whole, TeacherIdentity.parse(rows[0][columns[-1]]).temperature


def left_out(logits: Tensor, kept: TopLogProbs, rest: np.ndarray, temperature: float) -> dict[str, Tensor]:
    """Of n positions, float64 [n] each. `logits` [n, V] of the teacher; `kept`, `rest` as an export has them."""
    whole = (logits.double() / temperature).log_softmax(-1)
    ids = torch.from_numpy(kept.ids.astype(np.int64))
    flat = torch.from_numpy(kept.log_probs).double() / temperature
    others = torch.from_numpy(rest).double()[:, None]
    flat, others = (part - torch.cat([flat, others], 1).logsumexp(1, keepdim=True) for part in (flat, others))
    alike = (others - np.log(whole.shape[1] - ids.shape[1])).expand_as(whole).scatter(1, ids, flat)
    top = whole.gather(1, ids)
    left = whole.scatter(1, ids, -torch.inf).logsumexp(1, keepdim=True)
    classes, rounded = torch.cat([top, left], 1), torch.cat([flat, others], 1)
    return {
        "mass": top.exp().sum(1),
        "kl": (whole.exp() * (whole - alike)).sum(1),
        "kl_of_rounding": (classes.exp() * (classes - rounded)).sum(1),
    }


def measure(options: argparse.Namespace, folder: str) -> dict[str, Any]:
    built = build(recipe_of(options, folder, False, 1.0))
    words = int(built.network.llm.config.vocab_size)
    network = Remembered(built.network)
    measured: dict[str, Any] = {"temperatures": {}}
    for temperature in options.temperatures:
        live, stored = (Teacher(options, built, folder, which, temperature) for which in (False, True))
        parts, ends, reckoned = [], [], []
        for batch, other, places in zip(live.batches, stored.batches, stored.rows, strict=True):
            assert batch.teacher_labels is not None and batch.ids == other.ids
            logits = network.teach(batch)[predicting(batch.teacher_labels)]
            kept, kept_at = kept_of(stored, places)
            parts.append(left_out(logits, kept, kept.rest_at(temperature, kept_at, words), temperature))
            counts = predicting(batch.teacher_labels).sum(1)
            ends.append(torch.zeros(len(logits), dtype=torch.bool).index_fill(0, counts.cumsum(0) - 1, True))
            unknown = np.stack([kept.rest[:, 0], np.full(len(kept.rest), np.nan)], 1)
            guess = replace(kept, rest=unknown.astype(np.float32)).rest_at(temperature, kept_at, words)
            reckoned.append(replace(other, top_rest=torch.from_numpy(guess)))
        columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        last = torch.cat(ends)
        measured["temperatures"][temperature] = {
            "positions": len(last),
            "rows": int(last.sum()),
            "least_mass": float(columns["mass"].min()),
            **{name: float(values.mean()) for name, values in columns.items()},
            **{f"{name}_at_the_end": float(values[last].mean()) for name, values in columns.items()},
            "losses": {
                "live": live.losses(network),
                "stored": stored.losses(network),
                "stored, others reckoned": stored.losses(network, reckoned),
            },
        }
    measured["steps"] = steps_of(live, stored, options.steps)
    return measured


def steps_of(live: Teacher, stored: Teacher, count: int) -> dict[str, Any]:
    """Seconds by the clock and of CPU of `count` steps from each, in turns, over the same rows; the first one isn't counted."""
    runs = {"live": live, "stored": stored}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    groups = PHASES["distil"].learns(live.built.network, live.recipe)
    optimiser = torch.optim.AdamW([{"params": group.parameters, "lr": group.lr} for group in groups])
    for number in range(count + 1):
        for name, run in runs.items():
            batch = run.corpus.collate(run.rows[number % len(run.rows)])
            before = time.monotonic(), time.process_time()
            batch = with_frames(batch, run.built.network, run.recipe, run.corpus.collate.features)
            step(run.built.network, [batch], groups, optimiser, run.recipe)
            if number:
                taken[name].append((time.monotonic() - before[0], time.process_time() - before[1]))
    cpu = {name: [seconds for _, seconds in some] for name, some in taken.items()}
    ratios = sorted(one / other for one, other in zip(cpu["live"], cpu["stored"], strict=True))
    return {
        "rows_a_step": len(live.places) / len(live.rows),
        "seconds": {name: statistics.mean(seconds for seconds, _ in some) for name, some in taken.items()},
        "cpu_seconds": {name: statistics.mean(some) for name, some in cpu.items()},
        "live / stored, of CPU": [ratios[0], statistics.median(ratios), ratios[-1]],
    }


def recipe_of(options: argparse.Namespace, folder: str, stored: bool, temperature: float) -> TrainRecipe:
    data = ", ".join(f"{{path: {options.data}, split: {split}, task: {TASK}}}" for split in options.splits)
    teacher = f"{{teacher: {'stored' if stored else 'live'}, temperature: {temperature}}}"
    sets = [f"data=[{data}]", "validation=[]", f"distil={teacher}", f"encoder.features={folder}"]
    sets += ["run.precision=float32", "run.workers=0", *options.set]
    return checked(TrainRecipe, read_yaml(str(options.recipe)), str(options.recipe), sets, options.profile)


def said(measured: dict[str, Any]) -> list[str]:
    lines = []
    for temperature, one in measured["temperatures"].items():
        lines += [
            f"T = {temperature:g}, {one['rows']} rows, {one['positions']} positions (those at the end of turn):",
            f"  sum of the likeliest: {one['mass']:.3f} ({one['mass_at_the_end']:.3f}), least {one['least_mass']:.3f}",
            f"  KL of the whole distribution to what is kept, the others alike: {one['kl']:.3f} ({one['kl_at_the_end']:.3f})",
            f"  KL by rounding alone: {one['kl_of_rounding']:.1e} ({one['kl_of_rounding_at_the_end']:.1e})",
            *(f"  loss, {name}: {loss:.3f} ({end:.3f})" for name, (loss, end) in one["losses"].items()),
        ]
    steps = measured["steps"]
    least, median, most = steps["live / stored, of CPU"]
    for name, cpu in steps["cpu_seconds"].items():
        lines.append(
            f"a step, {name}: {cpu:.2f} s of CPU ({1 / cpu:.3f} steps/s), {steps['seconds'][name]:.2f} s by the clock"
        )
    return [
        *lines,
        f"live / stored, of CPU: {median:.2f} ({least:.2f} to {most:.2f}); {steps['rows_a_step']:.1f} rows a step",
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="out/asr_continuation_tiny", help="an export with the stage `teacher`")
    parser.add_argument("--splits", nargs="+", default=["train", "test"])
    parser.add_argument("--recipe", type=Path, default=ROOT / "configs/train/ultravox_kd.yaml")
    parser.add_argument("--profile", default="tiny")
    parser.add_argument("--set", action="append", default=[], help="a key of the recipe, as the trainer's --set")
    parser.add_argument("--temperatures", nargs="+", type=float, default=[1.0, 2.0], help="steps are taken at the last")
    parser.add_argument("--steps", type=int, default=8, help="from each teacher")
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch; without: as many as it takes")
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(options, folder)
    print("\n".join(said(measured)))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
