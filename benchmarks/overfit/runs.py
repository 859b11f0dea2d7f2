"""The two stages: what each run leaves is kept as JSON, so that runs can be made one at a time."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.overfit.learn import Curve, answered, learn
from benchmarks.overfit.rows import Remembering, Rows, recipe, rows
from benchmarks.overfit.variants import AsManyFramesAsUnits, Variant, in_place
from voxsmith.trainer import build
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.eval import measures
from voxsmith.trainer.eval.measures import Measured
from voxsmith.trainer.fit.loop import autocast
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.recipe import TrainRecipe

WARMUP = 5  # steps
# Small, because there are many runs of it.
DECODER = {"decoder.width": 128, "decoder.heads": 4, "decoder.inner": 344, "decoder.upsampling": 10, "decoder.lr": 2e-3}


@dataclass(frozen=True)
class Settings:
    """`changes` of the recipes: keys with dots, and values; `steps`: at most; `every`: between two looks; `out`: folder."""

    changes: dict[str, Any]
    count: int
    steps: int
    every: int
    out: Path

    def recipe(self, stage: int, more: Mapping[str, Any] | None = None, steps: int | None = None) -> TrainRecipe:
        """The tiny profile of the stage, with steps of one batch. In stage 1, which ends when it is done, the learning rate stays."""
        least = 1.0 if stage == 1 else 0.0
        steps = min(self.steps, steps or self.steps)
        schedule = {"steps": steps, "warmup": min(0.5, WARMUP / steps), "least": least}
        start = {"start": str(self.out / "stage_1")} if stage == 2 else {}
        kept = {"encoder.features": str(self.out / "features"), "validation": []}
        changes = {**DECODER, **self.changes, **(more or {})}
        if stage == 1:  # it has no decoder
            changes = {key: value for key, value in changes.items() if not key.startswith("decoder.")}
        return recipe(stage, {"schedule": schedule, **kept, **start, **changes})


@dataclass(frozen=True)
class Outcome:
    """Of a run. `trained`: how it looks from inside: the share of rows that are not answered exactly, or of unit errors with its own
    networks, states and units; `generated`: of unit errors against the export's, with those of the trainer; `right_at`: the step
    in which `trained` was first seen to be 0.
    """

    name: str
    what: str
    curve: Curve
    trained: float
    generated: float | None = None
    right_at: int | None = None

    def save(self, folder: Path) -> None:
        file_of(folder, self.name).write_text(json.dumps(asdict(self)), encoding="utf-8")


def file_of(folder: Path, name: str) -> Path:
    """Where a run's outcome lies."""
    return folder / f"{re.sub('[^a-z0-9]+', '_', name)}.json"


def stage_1(settings: Settings) -> None:
    """The adapter learns until the LLM, which stands still, answers all rows exactly. Leaves a checkpoint for
    stage 2, and the outcome."""
    made = rows(settings.recipe(1), settings.count)
    exact = 0

    def done(curve: Curve) -> bool:
        nonlocal exact
        # An answer is generated only where that has a chance to be right: it takes as long as a step.
        if curve.losses[-1] < 0.5 and len(curve.losses) % settings.every == 0:
            exact = answered(made)
        return exact == settings.count

    kept = settings.out / "stage_1"
    kept.mkdir(exist_ok=True)
    curve = learn(made.built.network, made.batch, made.recipe, done, kept)
    wrong = 1 - exact / settings.count
    outcome = Outcome("stage 1", "the adapter learns", curve, wrong, None, None if wrong else len(curve.losses))
    outcome.save(settings.out)
    print(f"{outcome.name}: loss {curve.losses[-1]:.3f}, {exact} of {settings.count} rows exact", flush=True)


def stage_2(settings: Settings, variants: list[Variant]) -> None:
    """The decoder learns, as each of the variants has it. Saves the outcome of each."""
    made = rows(settings.recipe(2), settings.count)
    network = Remembering(made)
    for variant in variants:
        one = _decoder(settings, made, network, variant)
        one.save(settings.out)
        print(f"{one.name}: loss {one.curve.losses[-1]:.3f}, {one.trained:.1%}, {one.generated:.1%}", flush=True)


def _decoder(settings: Settings, made: Rows, network: Remembering, variant: Variant) -> Outcome:
    """One run. The trainer's own decoder then takes its weights, and is measured as in generation."""
    of, batch = settings.recipe(2, variant.recipe, variant.steps), variant.batch(made.batch)
    assert of.decoder is not None and made.batch.units is not None
    right = _drawn(of, network)
    with in_place(variant):
        network.decoder = _drawn(of, network)
        if isinstance(network.decoder, AsManyFramesAsUnits):
            network.decoder.units = (made.batch.units != IGNORED).sum(1)
        right_at = None

        def done(curve: Curve) -> bool:
            nonlocal right_at
            taken = len(curve.losses)
            if right_at is None and taken % settings.every == 0 and not _errors(network, batch, of):
                right_at = taken
            if taken % 10 == 0:
                print(f"{variant.name}: step {taken}, loss {curve.losses[-1]:.3f}, right at {right_at}", flush=True)
            return False

        curve = learn(network, batch, of, done)
        trained = _errors(network, batch, of)
    right.load_state_dict(network.decoder.state_dict(), strict=False)
    network.decoder = right
    return Outcome(variant.name, variant.what, curve, trained, _errors(network, made.batch, of), right_at)


def _drawn(of: TrainRecipe, network: Remembering) -> Any:
    assert of.decoder is not None
    torch.manual_seed(of.seed)
    return build.decoder(of.decoder, network.llm.config)


def _errors(network: Remembering, batch: Batch, of: TrainRecipe) -> float:
    """Unit errors, with the states of the written answers."""
    assert network.decoder is not None
    measured = [Measured(name) for name in batch.ids]
    with torch.no_grad(), autocast(network, of):
        measures.units(measured, batch, network.decoder, network.states(batch))
    errors = measures.unit_errors(measured)
    return errors.rate if errors else float("nan")
