"""Puts the report page together: picks the rows to play, draws the charts, fills the template."""

import heapq
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from voxsmith.pipeline.export.features import columns_of
from voxsmith.pipeline.export.names import PAGE
from voxsmith.pipeline.report import charts
from voxsmith.pipeline.report.budget import CLIP_BYTES, Budget
from voxsmith.pipeline.report.card import plain_limits, things
from voxsmith.pipeline.report.histogram import Histogram
from voxsmith.pipeline.report.row_view import Resound, has_content, short, style_of, view
from voxsmith.pipeline.report.statistics import Statistics, draw, from_json, read, summarise
from voxsmith.pipeline.report.teacher_mass import table
from voxsmith.pipeline.store.files import write_text
from voxsmith.pipeline.watch.durations import length
from voxsmith.schemas.checks import Checks, section
from voxsmith.schemas.columns import AUGMENTED, SIDES, Group, full_name, group_of, groups, place_of

REJECTS_A_REASON = 4
VALUES = 200  # of a label that are listed
CHOICES = 12  # values of a label that rows can be chosen by

# Measures that have a heading of their own, in the order in which they are shown: heading, unit, and the limit in
# `checks` that cuts them off. Others follow under their names.
MEASURES = {
    "duration": ("Duration", "seconds", ""),
    "words": ("Length of text", "words", ""),
    "wer": ("Word error rate", "ASR against text", "max_wer"),
    "mos": ("Predicted MOS", "1 to 5", "min_mos"),
    "similarity": ("Likeness of voice", "to its reference and its conversation", ""),
    "words_per_second": ("Speaking rate", "words a second", ""),
    "units_per_second": ("Unit rate", "units a second, after merging", ""),
    "attempts": ("Text attempts", "a text", ""),
    "speech_attempts": ("Speech attempts", "a clip", ""),
}


def build(
    out: Path,
    manifest: dict[str, Any],
    clip_bytes: int = CLIP_BYTES,
    resound: Resound | None = None,
    page: Path | None = None,
) -> Path:
    """Write `page`, or else `out`/report.html, from `out`/dataset, `out`/rejects and the manifest; returns its path.

    The page holds at most about `clip_bytes` of audio (as base64), the first rows of the sample first. With `resound`,
    which makes a clip of units and durations, rows that have units play what these kept.
    """
    statistics = _statistics(out, manifest)
    shown = _groups(out / "dataset")
    budget = Budget(clip_bytes)
    text = environment().get_template("report.html.jinja").render(
        manifest=manifest,
        statistics=statistics,
        digest=manifest.get("recipe_digest") or _digest(manifest.get("recipe", {})),
        funnel=charts.funnel(manifest.get("funnel", [])),
        measures=list(_measures(statistics, manifest)),
        teachers=[
            (task, charts.mass_by_place(mass, task), table(mass)) for task, mass in statistics.teachers.items()
        ],
        figures=list(_figures(statistics)),
        rows=(rows := [_row(row, why, shown, budget, resound) for row, why in _chosen(out / "dataset", statistics)]),
        choices=_choices(rows),
        values=VALUES,
        paired=any(group.name in SIDES for group in shown) or not shown,
        wer_groups=[group.name for group in shown if "wer" in group.columns],
        rejects=[_reject(row, budget) for row in _some_rejects(out / "rejects")],
        left_out=budget.left_out,
        checks=list(_checks(manifest)),
        recipe_text=json.dumps(manifest.get("recipe", {}), indent=2, ensure_ascii=False, default=str),
    )  # fmt: skip
    path = page or out / PAGE
    write_text(path, text)
    return path


def environment() -> Environment:
    """Templates of pages. Everything is escaped, because others wrote what rows hold."""
    made = Environment(
        loader=PackageLoader("voxsmith.pipeline.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"hours": length, "percent": _percent, "plain": _as_text, "things": things}
    made.filters |= {"group": group_of, "style": lambda name: style_of(group_of(name))}
    return made


def _statistics(out: Path, manifest: dict[str, Any]) -> Statistics:
    if counted := manifest.get("statistics"):
        return from_json(counted)
    return summarise(out / "dataset", (manifest.get("recipe", {}).get("export") or {}).get("report_rows", 24))


def _groups(dataset: Path) -> list[Group]:
    """The groups of the dataset's columns; its first file tells."""
    return next((groups(columns_of(batch.schema)) for _, batch in read(dataset)), [])


def _chosen(dataset: Path, statistics: Statistics) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows to play, each with why it was chosen: those drawn, then the worst that weren't drawn."""
    why = dict.fromkeys(statistics.worst, "worst") | dict.fromkeys(statistics.sample, "drawn")
    rows = {}
    for split, batch in read(dataset) if why else ():
        places = [place for place, row_id in enumerate(batch.column("id").to_pylist()) if row_id in why]
        for row in batch.take(pa.array(places, pa.int64())).to_pylist() if places else ():
            rows[row["id"]] = row | {"split": split}
    for row_id in (*statistics.sample, *(row_id for row_id in statistics.worst if why[row_id] == "worst")):
        if row_id in rows:
            yield rows[row_id], why[row_id]


def _row(row: dict[str, Any], why: str, shown: list[Group], budget: Budget, resound: Resound | None) -> dict[str, Any]:
    parts = [group for group in shown if has_content(row, group)]
    scores = [score for group in parts if (score := row.get(group.full("mos"))) is not None]
    return {
        **{key: row.get(key) for key in ("id", "turn", "source", "licence", "split")},
        "instruction": short(row.get("instruction")),
        "group": why,
        "groups": [view(row, group, budget, resound) for group in parts],
        "labels": {group.full(base): row.get(group.full(base)) for group in parts for base in group.of("label")},
        "wer": {group.name: row.get(group.full("wer")) or 0 for group in parts},
        "mos": min(scores, default=9),
        "seconds": sum(row.get(group.full("duration")) or 0 for group in parts),
    }


def _choices(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The labels by which rows can be chosen: those that have some values and not too many."""
    values: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row["labels"].items():
            if value is not None:
                values.setdefault(name, {})[str(value)] = None
    return {name: sorted(some) for name, some in values.items() if 2 <= len(some) <= CHOICES}


def _figures(statistics: Statistics) -> Iterator[tuple[str, str, str]]:
    """The page's first numbers: name, value, and a note below."""
    for group, wer in statistics.corpus_wer.items():
        median = statistics.histograms[full_name(group, "wer")].median
        yield f"WER, {group}", f"{100 * wer:.1f} %", f"median row {100 * median:.1f} %"
    for name, histogram in statistics.histograms.items():
        if _base(name) == "mos":
            yield f"MOS, {group_of(name)}", f"{histogram.mean:.2f}", "predicted, mean"
    by_base: dict[str, list[str]] = {}
    for name in statistics.labels:
        if _base(name) != "method":
            by_base.setdefault(_base(name), []).append(name)
    for base, names in by_base.items():
        counts = " + ".join(f"{len(statistics.labels[name]):,}" for name in names)
        yield f"{base}s".replace("_", " ").capitalize(), counts, " + ".join(group_of(name) for name in names)


def _base(name: str) -> str:
    return place_of(name)[1]


def _some_rejects(folder: Path) -> list[dict[str, Any]]:
    """A few rejects of each reason, the same ones whatever their order; only theirs are the clips that are read."""
    best: dict[tuple[str, str], list[tuple[str, int]]] = {}  # (draw, place) by stage and reason
    keys = ("stage", "reason", "id")
    place = 0
    for _, batch in read(folder):
        for stage, reason, row_id in zip(*(batch.column(key).to_pylist() for key in keys), strict=True):
            best.setdefault((stage or "", reason or ""), []).append((draw(row_id or ""), place))
            place += 1
        best = {key: heapq.nsmallest(REJECTS_A_REASON, drawn) for key, drawn in best.items()}
    wanted = {place for drawn in best.values() for _, place in drawn}
    return sorted(_at(folder, wanted), key=lambda row: (row["stage"] or "", row["reason"] or ""))


def _at(folder: Path, wanted: set[int]) -> Iterator[dict[str, Any]]:
    start = 0
    for _, batch in read(folder):
        here = sorted(place - start for place in wanted if start <= place < start + batch.num_rows)
        yield from batch.take(pa.array(here, pa.int64())).to_pylist()
        start += batch.num_rows


def _reject(row: dict[str, Any], budget: Budget) -> dict[str, Any]:
    keys = ("id", "source", "stage", "reason", "message")
    return {key: row.get(key) or "" for key in keys} | {
        "text": short(row.get("text")),
        "clip": budget.uri(row.get("audio")),
    }


def _measures(statistics: Statistics, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The histograms, those of one measure together, with the limit that the recipe's checks set."""
    by_base: dict[str, dict[str, Histogram]] = {base: {} for base in MEASURES}
    for name, histogram in statistics.histograms.items():
        by_base.setdefault(_base(name), {})[group_of(name)] = histogram
    for base, by_group in by_base.items():
        if not by_group:
            continue
        meaning = next((text for name, text in statistics.meanings.items() if _base(name) == base), "")
        title, unit, limit = MEASURES.get(base, (base.replace("_", " ").capitalize(), meaning, ""))
        gates = {group: _limit(manifest, group, limit) for group in by_group}
        axis = charts.axis(next(iter(by_group.values())).edges, [gate for gate in gates.values() if gate is not None])
        sides = [
            {
                "side": group,
                "style": style_of(group),
                "counted": one,
                "gate": gates[group],
                "svg": charts.histogram(one, group, style_of(group), axis, gates[group]),
            }
            for group, one in by_group.items()
        ]
        yield {"title": title, "unit": unit, "sides": sides, "ticks": axis.ticks}


def _limit(manifest: dict[str, Any], group: str, name: str) -> Any:
    """The limit that clips of the group were held to: those spoken here to one, recorded and augmented ones to others."""
    checks = (manifest.get("recipe") or {}).get("checks") or {}
    kinds = (section(full_name(group, "clip")), "augmented" if group == AUGMENTED else "recorded")
    applied = manifest.get("checks_applied", kinds[:1])
    return next(((checks.get(kind) or {}).get(name) for kind in kinds if kind in applied), None)


def _checks(manifest: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, Any, str]]]]:
    """The recipe's checks: group, then (name, limit, meaning)."""
    given = (manifest.get("recipe") or {}).get("checks") or {}
    kinds = {name: getattr(field.annotation, "model_fields", {}) for name, field in Checks.model_fields.items()}
    judged = {name: getattr(field.annotation, "model_fields", {}) for name, field in kinds.pop("judged").items()}
    of_judges = given.get("judged")
    given = given | {f"judged_{name}": own for name, own in (of_judges if isinstance(of_judges, dict) else {}).items()}
    for group, known in (kinds | {f"judged_{name}": fields for name, fields in judged.items()}).items():
        own = given.get(group)
        if not isinstance(own, dict) or group not in manifest.get("checks_applied", [group]):
            continue
        limits = [
            (name, limit, f"{source}: {known[key].description}" if source else known[key].description or "")
            for name, limit in plain_limits(own).items()
            for source, _, key in [name.rpartition(": ")]
            if key in known
        ]
        if limits:
            yield group, limits


def _digest(recipe: Any) -> str:
    return sha256(json.dumps(recipe, sort_keys=True, default=str).encode()).hexdigest()


def _percent(part: float, whole: float) -> str:
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"


def _as_text(value: Any) -> str:
    """A setting as text; nested ones as short JSON."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
