"""What the page of an evaluation on an export shows, from the report's values and the run's log."""

from pathlib import Path
from typing import Any

from voxsmith.trainer.eval import curves
from voxsmith.trainer.eval.page import Figure, Page, Row, Table
from voxsmith.trainer.eval.report import LOSSES, SHARES, verdict


def page_of(values: dict[str, Any], rows: list[Row]) -> Page:
    """`values`: what `report.as_json` gives. Raises OSError."""
    checkpoint = Path(values["checkpoint"])
    run = curves.run_of(checkpoint)
    where = values["export"] + (f", split {values['split']}" if values["split"] else "")
    return Page(
        title=checkpoint.name if run is None else f"{run.name}, {checkpoint.name}",
        lede=f"{values['rows']} rows of {where}, for the task {values['task']}; phase {values['phase']}.",
        rows=rows,
        figures=_figures(values),
        verdict=verdict(values),
        tables=_tables(values),
        charts=curves.pictures(curves.read(run)) if run else [],
    )


def _figures(values: dict[str, Any]) -> list[Figure]:
    figures = [Figure("Rows", str(values["rows"]), values["split"] or "")]
    figures += [Figure("Loss", f"{values['losses']['answer']['own']:.3f}", "nats a token of the answer")]
    figures += [Figure("Tokens right", f"{values['shares']['right']['own']:.1%}", "behind the true ones")]
    if errors := values["unit_errors"].get("own"):
        figures.append(Figure("Unit errors", f"{errors['rate']:.1%}", "of the written answer"))
    return figures


def _tables(values: dict[str, Any]) -> list[Table]:
    tables = []
    for title, part, names, form in (
        ("Loss, nats a token or unit", "losses", LOSSES, "{:.4f}"),
        ("Share", "shares", SHARES, "{:.1%}"),
    ):
        lines = [
            [names[name], *("" if one[whose] is None else form.format(one[whose]) for whose in ("own", "other"))]
            for name, one in values[part].items()
        ]
        tables.append(Table([title, "Own speech", "Speech of another row"], lines))
    return tables
