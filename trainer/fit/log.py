"""What a run says: a line a step to people, the same as JSON to log.jsonl, and curves to TensorBoard."""

import json
import time
from pathlib import Path
from typing import Any

from voxsmith.trainer.fit.loop import Losses


class Log:
    """Of one run; a context manager. What is appended stays when the process is killed."""

    def __init__(self, folder: Path, total: int | None) -> None:
        self._total = total
        self._file = (folder / "log.jsonl").open("a", encoding="utf-8")
        self._board = _board(folder / "tensorboard")
        self._began = time.monotonic()
        self._first: int | None = None

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def step(self, number: int, losses: Losses, rates: dict[str, float], figures: dict[str, float]) -> str:
        """Note the step; the line for people. `rates`: learning rates by group; `figures`: seconds, tokens, share of padding, …"""
        if self._first is None:
            self._first = number
        eta = self._eta(number)
        fields = {"step": number, "loss": losses.loss, **losses.terms}
        self._write(
            fields
            | {f"lr.{k}": v for k, v in rates.items()}
            | {f"norm.{k}": v for k, v in losses.norms.items()}
            | figures
        )
        self._curves(number, {"loss": losses.loss} | {f"loss.{k}": v for k, v in losses.terms.items()})
        self._curves(number, {f"lr.{k}": v for k, v in rates.items()} | figures)
        terms = (
            "" if len(losses.terms) == 1 else " (" + ", ".join(f"{k} {v:.3f}" for k, v in losses.terms.items()) + ")"
        )
        lr = ", ".join(f"{name} {rate:.1e}" for name, rate in rates.items())
        of = f"/{self._total}" if self._total else ""
        rest = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
        return f"step {number}{of}  loss {losses.loss:.4f}{terms}  lr {lr}  {rest}{eta}"

    def validation(self, number: int, values: dict[str, float]) -> str:
        self._write({"step": number, "validation": values})
        self._curves(number, {f"validation.{name}": value for name, value in values.items()})
        return f"step {number}  validation: " + ", ".join(f"{name} {value:.4f}" for name, value in values.items())

    def _write(self, fields: dict[str, Any]) -> None:
        self._file.write(json.dumps({name: _rounded(value) for name, value in fields.items()}) + "\n")
        self._file.flush()

    def _curves(self, number: int, values: dict[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name.replace(".", "/", 1), value, number)

    def _eta(self, number: int) -> str:
        if not self._total or self._first is None or number <= self._first:
            return ""
        seconds = (time.monotonic() - self._began) / (number - self._first) * (self._total - number)
        return f"  ETA {seconds / 60:.0f} min" if seconds > 90 else f"  ETA {seconds:.0f} s"


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _board(folder: Path) -> Any:
    """TensorBoard's writer; None where it isn't installed: log.jsonl has the same numbers."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
