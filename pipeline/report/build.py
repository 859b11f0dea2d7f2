"""Puts the report page together: picks the rows to play, draws the charts, fills the template."""

import base64
import heapq
import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.report import charts
from pipeline.report.statistics import Statistics, draw, from_json, read, summarise
from pipeline.report.words import compare
from pipeline.store.files import write_text
from schemas.checks import Checks
from schemas.columns import SIDES

# Of (units, frames that each lasts) a FLAC file, or None where they can't be said.
Resound = Callable[[Sequence[int], Sequence[int]], bytes | None]

# Clips beyond this many bytes of page are left out, row by row: a page that nobody can open shows nothing.
CLIP_BYTES = 24_000_000
REJECTS_A_REASON = 4
TEXT_CHARS = 4000

# Measures in the order they are shown: heading, unit, and the limit in `checks.<side>_clip` that cuts them off.
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


def build(out: Path, manifest: dict[str, Any], clip_bytes: int = CLIP_BYTES, resound: Resound | None = None) -> Path:
    """Write `out`/report.html from `out`/dataset, `out`/rejects and the manifest; returns its path.

    The page holds at most about `clip_bytes` of audio (as base64), the first rows of the sample first. With `resound`,
    which makes a clip of units and durations, rows that have units play what these kept.
    """
    statistics = _statistics(out, manifest)
    budget = Budget(clip_bytes)
    page = environment().get_template("report.html.jinja").render(
        manifest=manifest,
        statistics=statistics,
        digest=manifest.get("recipe_digest") or _digest(manifest.get("recipe", {})),
        funnel=charts.funnel(manifest.get("funnel", [])),
        measures=list(_measures(statistics, manifest)),
        rows=[_row(row, group, budget, resound) for row, group in _chosen(out / "dataset", statistics)],
        rejects=[_reject(row, budget) for row in _some_rejects(out / "rejects")],
        left_out=budget.left_out,
        checks=list(_checks(manifest)),
        recipe_text=json.dumps(manifest.get("recipe", {}), indent=2, ensure_ascii=False, default=str),
        sides=SIDES,
    )  # fmt: skip
    path = out / "report.html"
    write_text(path, page)
    return path


class Budget:
    """Bytes of page that clips may still take."""

    def __init__(self, size: int) -> None:
        self.size, self.left_out = size, 0

    def uri(self, clip: dict[str, Any] | None) -> str | None:
        """The clip as a data URI, or None where there is no clip or no room."""
        flac = (clip or {}).get("bytes")
        if not flac:
            return None
        size = len(flac) * 4 // 3
        if size > self.size:
            self.left_out += 1
            return None
        self.size -= size
        return f"data:audio/flac;base64,{base64.b64encode(flac).decode()}"


def environment() -> Environment:
    """Everything is escaped: what stands in rows was written by others."""
    found = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"hours": _hours, "percent": _percent, "plain": _plain}
    return found


def _statistics(out: Path, manifest: dict[str, Any]) -> Statistics:
    if found := manifest.get("statistics"):
        return from_json(found)
    return summarise(out / "dataset", (manifest.get("recipe", {}).get("export") or {}).get("report_rows", 24))


def _chosen(dataset: Path, statistics: Statistics) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows to play with the group they belong to: those drawn, then the worst that weren't drawn."""
    groups = dict.fromkeys(statistics.worst, "worst") | dict.fromkeys(statistics.sample, "drawn")
    found = {}
    for split, batch in read(dataset) if groups else ():
        wanted = [place for place, row_id in enumerate(batch.column("id").to_pylist()) if row_id in groups]
        for row in batch.take(pa.array(wanted, pa.int64())).to_pylist() if wanted else ():
            found[row["id"]] = row | {"split": split}
    for row_id in (*statistics.sample, *(row_id for row_id in statistics.worst if groups[row_id] == "worst")):
        if row_id in found:
            yield found[row_id], groups[row_id]


def _row(row: dict[str, Any], group: str, budget: Budget, resound: Resound | None) -> dict[str, Any]:
    sides = [side for side in SIDES if row.get(f"{side}_text") or row.get(f"{side}_audio")]
    return {
        **{key: row.get(key) for key in ("id", "turn", "source", "licence", "split")},
        "instruction": _short(row.get("instruction")),
        "group": group,
        "sides": {side: _side(row, side, budget, resound) for side in sides},
    }


def _side(row: dict[str, Any], side: str, budget: Budget, resound: Resound | None) -> dict[str, Any]:
    def get(base: str) -> Any:
        return row.get(f"{side}_{base}")

    text, heard = _short(get("text")), _short(get("heard"))
    differs = bool(heard) and get("wer") != 0
    return {
        **{key: get(key) for key in ("voice", "wer", "mos", "duration", "method", "attempts", "speech_attempts")},
        "text": text,
        "heard": heard,
        "spans": compare(text, heard) if differs else [],
        "clip": budget.uri(get("audio")),
        "kept": budget.uri({"bytes": resound(get("units"), get("unit_durations"))})
        if resound and get("units")
        else None,
        "strip": charts.unit_strip(get("units"), get("unit_durations")) if get("units") else None,
        "units": len(get("units") or ()),
    }


def _some_rejects(folder: Path) -> list[dict[str, Any]]:
    """A few rejects of each reason, the same ones whatever their order; only theirs are the clips that are read."""
    best: dict[tuple[str, str], list[tuple[str, int]]] = {}
    keys = ("stage", "reason", "id")
    place = 0
    for _, batch in read(folder):
        for stage, reason, row_id in zip(*(batch.column(key).to_pylist() for key in keys), strict=True):
            best.setdefault((stage or "", reason or ""), []).append((draw(row_id or ""), place))
            place += 1
        best = {key: heapq.nsmallest(REJECTS_A_REASON, found) for key, found in best.items()}
    wanted = {place for found in best.values() for _, place in found}
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
        "text": _short(row.get("text")),
        "clip": budget.uri(row.get("audio")),
    }


def _measures(statistics: Statistics, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    checks = (manifest.get("recipe") or {}).get("checks") or {}
    for measure, (title, unit, limit) in MEASURES.items():
        found = {s: h for s in SIDES if (h := statistics.histograms.get(f"{s}_{measure}"))}
        if not found:
            continue
        gates = {side: (checks.get(f"{side}_clip") or {}).get(limit) for side in found}
        axis = charts.axis(next(iter(found.values())).edges, [gate for gate in gates.values() if gate is not None])
        sides = [
            {"side": side, "found": one, "gate": gates[side], "svg": charts.histogram(one, side, axis, gates[side])}
            for side, one in found.items()
        ]
        yield {"title": title, "unit": unit, "sides": sides, "ticks": axis.ticks}


def _checks(manifest: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, Any, str]]]]:
    """The recipe's checks: group, then (name, limit, meaning)."""
    given = (manifest.get("recipe") or {}).get("checks") or {}
    for group, field in Checks.model_fields.items():
        known = getattr(field.annotation, "model_fields", {})
        found = given.get(group)
        if not isinstance(found, dict):
            continue
        limits = [(k, v, known[k].description or "") for k, v in found.items() if k in known]
        if limits:
            yield group, limits


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= TEXT_CHARS else text[:TEXT_CHARS] + " …"


def _digest(recipe: Any) -> str:
    return sha256(json.dumps(recipe, sort_keys=True, default=str).encode()).hexdigest()


def _hours(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds >= 36_000:
        return f"{seconds / 3600:,.0f} h"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _percent(part: float, whole: float) -> str:
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"


def _plain(value: Any) -> str:
    """A setting as text; nested ones as short JSON."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
