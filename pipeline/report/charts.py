"""Pictures as inline SVG: numbers and classes only; colours stand in the style sheet, so that dark mode works."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from voxsmith.pipeline.report.histogram import Histogram
from voxsmith.pipeline.report.teacher_mass import Mass, TeacherMass

_WIDTH, _HEIGHT = 300, 64
_TRUNK = 88  # percent of the picture that all rows take; the rest is room for what leaves
_GOLDEN_ANGLE = 137.508  # neighbouring ids get hues far apart


@dataclass(frozen=True)
class Axis:
    """The range that histograms of one measure share, with round ticks: (percent of the width, label)."""

    low: float
    high: float
    ticks: list[tuple[float, str]]


def axis(edges: Sequence[float], gates: Sequence[float]) -> Axis:
    """An axis over the edges, and over those gates that are not further off than the edges span."""
    span = edges[-1] - edges[0]
    near = [gate for gate in gates if edges[0] - span <= gate <= edges[-1] + span]
    low, high = min(edges[0], *near, edges[-1]), max(edges[-1], *near, edges[0])
    if near:
        low, high = (low - span / 20 if low in near else low), (high + span / 20 if high in near else high)
    power = 10 ** math.floor(math.log10((high - low) / 3))
    step = next((f * power for f in (5, 2) if (high - low) / (f * power) >= 3), power)
    if all(edge % 1 == 0.5 for edge in edges):  # whole numbers, each in the middle of its bin
        step = 1 if high - low <= 10 else max(step, 1)
    ticks = [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return Axis(low, high, [(100 * (tick - low) / (high - low), f"{tick:.6g}") for tick in ticks])


def histogram(counted: Histogram, name: str, style: str, axis: Axis, gate: float | None = None) -> Markup:
    """Bars over the histogram's edges, with the median as a tick and the recipe's limit as a dashed line. `style`: a class of
    the style sheet.
    """
    tallest = max(counted.counts) or 1

    def x(value: float) -> float:
        return _WIDTH * (value - axis.low) / (axis.high - axis.low)

    bars = Markup("").join(
        Markup(
            '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{:g} to {:g}: {:,}</title></rect>'
        ).format(x(left) + 0.5, _HEIGHT - h, max(x(right) - x(left) - 1, 0.5), h, left, right, count)
        for left, right, count in zip(counted.edges, counted.edges[1:], counted.counts, strict=False)
        if count and (h := max(_HEIGHT * count / tallest, 1.5))
    )
    lines = Markup('<line class="median" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(
        x(counted.median), _HEIGHT, _HEIGHT + 5
    )
    if gate is not None and axis.low <= gate <= axis.high:
        lines += Markup('<line class="gate" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(x(gate), _HEIGHT)
    label = f"{name}: {counted.count} values, median {counted.median:g}, 95th percentile {counted.p95:g}"
    return Markup(
        '<svg class="histogram {}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>{}{}</svg>'
    ).format(style, _WIDTH, _HEIGHT + 6, label, _WIDTH, _HEIGHT, _HEIGHT, bars, lines)


def mass_by_place(mass: TeacherMass, name: str) -> Markup:
    """A bar for each position of the answer, as high as the mean, 1 at the top, with the lowest as a line in it; the end of turn
    stands apart, at the right.
    """
    places = [*enumerate(mass.places), (len(mass.places) + 1, mass.end)]
    width = _WIDTH / (len(mass.places) + 2)

    def bar(place: int, one: Mass) -> Markup:
        title = "end of turn" if one is mass.end else f"position {place}"
        return Markup(
            '<rect x="{:.2f}" y="{:.1f}" width="{:.2f}" height="{:.1f}"><title>{}: mean {:.3f}, lowest {:.3f}, rows {:,}</title></rect>'
            '<line class="least" x1="{:.2f}" x2="{:.2f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        ).format(
            place * width, _HEIGHT * (1 - one.mean), 0.8 * width, _HEIGHT * one.mean, title, one.mean, one.least, one.rows,
            place * width, (place + 0.8) * width, y=_HEIGHT * (1 - one.least),
        )  # fmt: skip

    lowest = min(one.least for _, one in places)
    label = f"{name}: {len(mass.places)} positions and the end of turn, lowest {lowest:.3f}"
    return Markup(
        '<svg class="histogram answer" viewBox="0 0 {0} {1}" preserveAspectRatio="none" role="img" aria-label="{2}">'
        '<line class="axis" x1="0" x2="{0}" y1="{1}" y2="{1}"/>{3}</svg>'
    ).format(_WIDTH, _HEIGHT, label, Markup("").join(bar(place, one) for place, one in places))


@dataclass(frozen=True)
class Step:
    """A stage of the funnel, or some in a row that lost nothing.

    `svg` is the trunk of rows that narrows, with the rejects leaving to the right.
    """

    stages: tuple[str, ...]
    rows_in: int
    rows_out: int
    rejects: dict[str, int]
    svg: Markup


def funnel(steps: Sequence[dict[str, Any]]) -> list[Step]:
    """The funnel's entries ({stage, rows_in, rejects: {reason: rows}}), each with its piece of the picture."""
    top = max((step["rows_in"] for step in steps), default=0) or 1
    drawn = []
    for loses, group in itertools.groupby(steps, key=lambda step: bool(step["rejects"])):
        members = list(group)
        for some in [[step] for step in members] if loses else [members]:
            first = some[0]
            rows_out = first["rows_in"] - sum(first["rejects"].values())
            svg = _trunk(_TRUNK * first["rows_in"] / top, _TRUNK * rows_out / top)
            stages = tuple(step["stage"] for step in some)
            drawn.append(Step(stages, first["rows_in"], rows_out, first["rejects"], svg))
    return drawn


def _trunk(before: float, after: float) -> Markup:
    """A piece of the trunk, `before` wide at the top and `after` at the bottom, of 100; what is lost bends off."""
    lost = Markup(
        '<path class="lost" d="M{after:.2f},0 L{before:.2f},0 C{bend:.2f},0 {bend:.2f},38 100,38 L100,56'
        ' C{after:.2f},56 {after:.2f},40 {after:.2f},0Z"/>'
    ).format(before=before, after=after, bend=before + (100 - before) * 0.4)
    return Markup(
        '<svg class="trunk" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        '{}<path class="kept" d="M0,0H{:.2f}V100H0Z"/></svg>'
    ).format(lost if before > after else "", after)


def unit_strip(units: Sequence[int], durations: Sequence[int] | None) -> Markup:
    """The unit sequence as coloured bars, as wide as each unit lasts; equal units have equal colours."""
    widths = list(durations) if durations and len(durations) == len(units) else [1] * len(units)
    places: dict[int, list[str]] = {}
    at = 0
    for unit, width in zip(units, widths, strict=True):
        places.setdefault(unit, []).append(f"M{at} 0h{width}v1h-{width}z")
        at += width
    bars = Markup("").join(
        Markup('<path fill="hsl({:.0f} {}% {}%)" d="{}"><title>unit {}</title></path>').format(
            unit * _GOLDEN_ANGLE % 360, 38 + unit % 3 * 10, 46 + unit % 5 * 6, "".join(paths), unit
        )
        for unit, paths in places.items()
    )
    return Markup(
        '<svg class="strip" viewBox="0 0 {} 1" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(max(at, 1), f"{len(units)} units, {len(places)} different", bars)
