"""What a run says: a line a step to people, the same as JSON to log.jsonl, and curves to TensorBoard."""

import json
from pathlib import Path
from time import monotonic
from typing import Any

from voxsmith.trainer.fit.loop import Losses


class Log:
    """Of one run; a context manager. What is appended stays when the process is killed."""

    def __init__(self, folder: Path, total: int | None, minutes: float | None = None) -> None:
        """`total` steps, or so many `minutes`."""
        self._total, self._minutes = total, minutes
        self._path = folder / "log.jsonl"
        self._file = self._path.open("ab", buffering=0)  # what a full disk refused isn't tried again at the end
        self._board = _board(folder / "tensorboard")
        self._began = monotonic()
        self._first: tuple[int, float] | None = None

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def step(
        self,
        number: int,
        losses: Losses,
        rates: dict[str, float],
        figures: dict[str, float],
        seconds: float | None = None,
    ) -> str:
        """Note the step; the line for people. `rates`: learning rates by group; `figures`: what `Meter` has, or others; `seconds`:
        of the run, without: since this began.
        """
        seconds = monotonic() - self._began if seconds is None else seconds
        fields = {"step": number, "loss": losses.loss, **losses.terms}
        self._write(
            fields
            | {f"lr.{k}": v for k, v in rates.items()}
            | {f"norm.{k}": v for k, v in losses.norms.items()}
            | figures
            | {"seconds": seconds}
        )
        self._curves(number, {"loss": losses.loss} | {f"loss.{k}": v for k, v in losses.terms.items()})
        self._curves(number, {f"lr.{k}": v for k, v in rates.items()} | figures)
        of = f"/{self._total}" if self._total else ""
        parts = [f"step {number}{of}", _loss(losses), _rates(rates), _said(figures), self._eta(number, seconds)]
        return "  ".join(part for part in parts if part)

    def validation(self, number: int, values: dict[str, float]) -> str:
        self._write({"step": number, "validation": values})
        self._curves(number, {f"validation.{name}": value for name, value in values.items()})
        return f"step {number}  validation: " + ", ".join(f"{name} {value:.4f}" for name, value in values.items())

    def _write(self, fields: dict[str, Any]) -> None:
        line = json.dumps({name: _rounded(value) for name, value in fields.items()}) + "\n"
        try:
            self._file.write(line.encode())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None

    def _curves(self, number: int, values: dict[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name.replace(".", "/", 1), value, number)

    def _eta(self, number: int, seconds: float) -> str:
        """What is left of the clock, or of the steps at the pace since this command began."""
        if self._first is None:
            self._first = (number, seconds)
        first, then = self._first
        if self._minutes:
            left = max(0.0, 60 * self._minutes - seconds)
        elif self._total and number > first:
            left = (seconds - then) / (number - first) * (self._total - number)
        else:
            return ""
        return f"ETA {left / 60:.0f} min" if left > 90 else f"ETA {left:.0f} s"


def _loss(losses: Losses) -> str:
    """The loss, and the terms that aren't the same number."""
    terms = {name: value for name, value in losses.terms.items() if abs(value - losses.loss) > 1e-6 * abs(losses.loss)}
    listed = ", ".join(f"{name} {value:.3f}" for name, value in terms.items())
    return f"loss {losses.loss:.4f} ({listed})" if listed else f"loss {losses.loss:.4f}"


def _rates(rates: dict[str, float]) -> str:
    alone = len(rates) == 1
    return "lr " + ", ".join(f"{rate:.1e}" if alone else f"{name} {rate:.1e}" for name, rate in rates.items())


# How the figures of `Meter` are said; others as they are.
_FORMS = {
    "steps/s": "{:.3g} steps/s",
    "tokens/s": "{:.0f} tokens/s",
    "audio s/s": "{:.3g} audio s/s",
    "mfu": "MFU {:.1%}",
    "fill.tokens": "fill {:.0%},",
    "fill.audio": "{:.0%}",
    "wait": "wait {:.0%}",
    "GiB": "{:.3g} GiB",
}


def _said(figures: dict[str, float]) -> str:
    said = "  ".join(_FORMS.get(name, name + " {:.3g}").format(value) for name, value in figures.items())
    return said.replace(",  ", ", ")


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _board(folder: Path) -> Any:
    """TensorBoard's writer; None where it isn't installed: log.jsonl has the same numbers."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
