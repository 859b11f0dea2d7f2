"""The curves of a run, from its log.jsonl: what was learned in each step, what validation said, and the learning rates."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from voxsmith.trainer.eval.svg import Line, chart

_MOST_BYTES = 1 << 28  # of a log that is read
# Of the machine, not of what is learned.
_FIGURES = ("s/step", "steps/s", "tokens/s", "audio s/s", "mfu", "fill.tokens", "fill.audio", "wait", "GiB", "seconds")
Points = list[tuple[float, float]]


@dataclass
class Curves:
    """(step, value) by name, steps rising. `learned`: the loss and its terms; `held_out`: what validation measures; `rates`,
    `norms`: by group of parameters.
    """

    learned: dict[str, Points] = field(default_factory=dict)
    held_out: dict[str, Points] = field(default_factory=dict)
    rates: dict[str, Points] = field(default_factory=dict)
    norms: dict[str, Points] = field(default_factory=dict)


def read(run: Path) -> Curves:
    """Of a run's folder; empty where it has no log. A step that was taken again after a kill counts as the last time; a line
    that was cut is passed over. Raises OSError.
    """
    log, curves = run / "log.jsonl", Curves()
    if not log.is_file():
        return curves
    values: dict[tuple[str, str], dict[float, float]] = {}
    for line in _lines(log):
        step = line.pop("step", None)
        if not _number(step):
            continue
        held_out = line.pop("validation", None)
        named = [("learned", line), ("held_out", held_out if isinstance(held_out, dict) else {})]
        for part, fields in named:
            for name, value in fields.items():
                if _number(value) and name not in _FIGURES:
                    values.setdefault(_place(part, name), {})[step] = float(value)
    for (part, name), by_step in values.items():
        getattr(curves, part)[name] = sorted(by_step.items())
    return curves


def pictures(curves: Curves) -> list[tuple[str, Markup]]:
    """Title and chart of each curve; terms that are learned and validated share one."""
    single = len(curves.learned) == 2  # the loss, and the only term that it consists of
    learned = {name: points for name, points in curves.learned.items() if not (single and name == "loss")}
    drawn = [
        (
            f"Loss: {name}",
            chart(
                [Line("training", points), Line("validation", curves.held_out.get(name, []), dots=True)],
                "step",
                "nats a token or unit" if name != "loss" else "sum of the terms, weighted",
            ),
        )
        for name, points in learned.items()
    ]
    drawn += [
        (f"Validation: {name}", chart([Line(name, points, dots=True)], "step", name))
        for name, points in curves.held_out.items()
        if name not in learned
    ]
    if curves.rates:
        lines = [Line(name, points) for name, points in curves.rates.items()]
        drawn.append(("Learning rates", chart(lines, "step", "learning rate")))
    if curves.norms:
        lines = [Line(name, points) for name, points in curves.norms.items()]
        drawn.append(("Gradients, before they are clipped", chart(lines, "step", "norm")))
    return drawn


def run_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint is of; None where it lies elsewhere."""
    folder = checkpoint.resolve().parent
    return folder.parent if folder.name == "checkpoints" else None


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    with log.open(encoding="utf-8", errors="replace") as file:
        for text in file.read(_MOST_BYTES).splitlines():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line


def _place(part: str, name: str) -> tuple[str, str]:
    for start, place in (("lr.", "rates"), ("norm.", "norms")):
        if part == "learned" and name.startswith(start):
            return place, name.removeprefix(start)
    return part, name


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
