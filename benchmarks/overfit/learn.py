"""The steps of a run, and what came of it."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from benchmarks.overfit.rows import Rows
from voxsmith.trainer import checkpoint
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.fit.schedule import share
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.generate import Speaker, answers, ends_of
from voxsmith.trainer.talk.questions import without_answers

SAVE_EVERY = 5  # steps


@dataclass
class Curve:
    """`losses`: of each step; `seconds`: of the steps alone, by the clock; `processor`: the same in processor time."""

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor: float = 0.0


def learn(
    network: SpeechLLM,
    batch: Batch,
    recipe: TrainRecipe,
    done: Callable[[Curve], bool],
    kept: Path | None = None,
) -> Curve:
    """Steps as `fit` takes them, with the batch each time, until all that the recipe says are taken or `done` says so. `kept`: a run's
    folder, which has the last checkpoint and the curve; where there is one already, the run goes on.
    """
    groups = PHASES[recipe.phase].learns(network, recipe)
    schedule, curve = recipe.schedule, Curve()
    optimiser = torch.optim.AdamW(
        [{"params": group.parameters, "lr": group.lr} for group in groups],
        betas=schedule.betas,
        weight_decay=schedule.weight_decay,
    )
    if kept and (earlier := checkpoint.checkpoints(kept)):
        checkpoint.resume(earlier[-1], network, optimiser)
        curve = Curve(**json.loads((kept / "curve.json").read_text(encoding="utf-8")))
    assert schedule.steps is not None
    for number in range(len(curve.losses), schedule.steps):
        factor = share((number + 0.5) / schedule.steps, schedule.warmup, schedule.least)
        for group, settings in zip(groups, optimiser.param_groups, strict=True):
            settings["lr"] = group.lr * factor
        clock, processor = time.monotonic(), time.process_time()
        curve.losses.append(step(network, [batch], groups, optimiser, recipe).loss)
        curve.seconds += time.monotonic() - clock
        curve.processor += time.process_time() - processor
        over = done(curve) or number + 1 == schedule.steps
        if kept and (over or (number + 1) % SAVE_EVERY == 0):
            (kept / "curve.json").write_text(json.dumps(asdict(curve)), encoding="utf-8")
            checkpoint.save(kept, network, optimiser, State(step=number + 1), recipe)
            checkpoint.prune(kept, 1, None)
        if over:
            break
    return curve


def answered(of: Rows) -> int:
    """How many rows the network answers, by its likeliest tokens, with exactly the tokens that it shall, the end's too."""
    network, wanted = of.built.network, [[int(id) for id in row if id != IGNORED] for row in of.batch.labels]
    speaker = Speaker(network, of.built.tokenizer, ends_of(network, of.end), of.recipe.run.precision == "bf16")
    said = answers(speaker, without_answers(of.batch), max(map(len, wanted)) + 1)
    return sum(answer.tokens == ids for answer, ids in zip(said, wanted, strict=True))
