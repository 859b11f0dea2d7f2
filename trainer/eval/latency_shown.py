"""Latency against Omega as a table and as charts: for the command's report, and for the page of an evaluation beside it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from voxsmith.trainer.eval.generated import MOS
from voxsmith.trainer.eval.latency import FIRSTS, Measure
from voxsmith.trainer.eval.page import Table
from voxsmith.trainer.eval.svg import Line, chart

FILE = "latency.json"  # that the command `latency` writes


def measured(folder: Path, checkpoint: str) -> list[Measure]:
    """What `latency` has left in the folder about this checkpoint; empty where there is nothing, or a file of another kind."""
    try:
        values: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return [Measure(**one) for one in values["measures"]] if values["checkpoint"] == checkpoint else []
    except (OSError, ValueError, KeyError, TypeError):  # a page is made without it
        return []


def table(measures: Sequence[Measure]) -> Table:
    """A line for each Omega; an empty cell where nothing was measured."""
    mos = [name for name in MOS if any(name in one.mos for one in measures)]
    head = ["Omega, units", *(f"first {name}, ms" for name in FIRSTS), "words lagging", "ASR-WER"]
    lines = [
        [
            str(one.omega),
            *(f"{one.first[name]:.0f}" if name in one.first else "" for name in FIRSTS),
            "" if one.lagging is None else f"{one.lagging:g}",
            "" if one.wer is None else f"{one.wer:.1%}",
            *(f"{one.mos[name]:.2f}" if name in one.mos else "" for name in mos),
        ]
        for one in measures
    ]
    return Table([*head, *(MOS[name] for name in mos)], lines)


def times(measures: Sequence[Measure]) -> Markup:
    """Chart of the first times; empty without a measure."""
    lines = [
        Line(f"first {name}", [(one.omega, one.first[name]) for one in measures if name in one.first], dots=True)
        for name in FIRSTS
    ]
    return chart(lines, "Omega, units of a chunk", "time from the question, ms")


def errors(measures: Sequence[Measure]) -> Markup:
    """Chart of what ASR hears otherwise; empty where nobody listened."""
    wer = [(one.omega, 100 * one.wer) for one in measures if one.wer is not None]
    return chart([Line("ASR-WER", wer, dots=True)], "Omega, units of a chunk", "ASR-WER, %")


def charts(measures: Sequence[Measure]) -> list[tuple[str, Markup]]:
    """Title and chart of each that shows something."""
    titled = [("Latency against Omega", times(measures)), ("Errors of its speech against Omega", errors(measures))]
    return [(title, picture) for title, picture in titled if picture]
