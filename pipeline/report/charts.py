"""Pictures as inline SVG. They hold numbers and classes only; colours stand in the style sheet, so that dark mode works."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.statistics import Histogram

_WIDTH, _HEIGHT = 300, 64
_GOLDEN_ANGLE = 137.508  # neighbouring ids get hues far apart


def histogram(found: Histogram, side: str, gate: float | None = None) -> Markup:
    """Bars over the histogram's edges, with the median as a tick and the recipe's gate as a dashed line."""
    low, high = found.edges[0], found.edges[-1]
    tallest = max(found.counts) or 1

    def x(value: float) -> float:
        return _WIDTH * (value - low) / (high - low)

    bars = Markup("").join(
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{:g} to {:g}: {:,}</title></rect>').format(
            x(left) + 0.5, _HEIGHT - h, max(x(right) - x(left) - 1, 0.5), h, left, right, count
        )
        for left, right, count in zip(found.edges, found.edges[1:], found.counts, strict=False)
        if count and (h := max(_HEIGHT * count / tallest, 1.5))
    )
    lines = Markup('<line class="median" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(
        x(found.median), _HEIGHT, _HEIGHT + 5
    )
    if gate is not None and low <= gate <= high:
        lines += Markup('<line class="gate" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(x(gate), _HEIGHT)
    return Markup(
        '<svg class="histogram {}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>{}{}</svg>'
    ).format(
        side, _WIDTH, _HEIGHT + 6, f"{side}: {found.count} values, median {found.median:g}, 95th percentile {found.p95:g}",
        _WIDTH, _HEIGHT, _HEIGHT, bars, lines,
    )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A stage of the funnel: `svg` is the trunk of rows that narrows, with the rejects leaving to the right."""

    stage: str
    rows_in: int
    rows_out: int
    rejects: dict[str, int]
    svg: Markup


def funnel(steps: Sequence[dict[str, object]]) -> list[Step]:
    """The funnel's entries ({stage, rows_in, rejects: {reason: rows}}), each with its piece of the picture."""
    found = []
    entries = [(str(s["stage"]), int(str(s["rows_in"])), dict(s["rejects"])) for s in steps]  # type: ignore[call-overload]
    top = max((rows for _, rows, _ in entries), default=0) or 1
    for stage, rows_in, rejects in entries:
        rows_out = rows_in - sum(rejects.values())
        found.append(Step(stage, rows_in, rows_out, rejects, _trunk(100 * rows_in / top, 100 * rows_out / top)))
    return found


def _trunk(before: float, after: float) -> Markup:
    """A piece of the trunk, `before` wide at the top and `after` at the bottom, of 100."""
    lost = Markup(
        '<path class="lost" d="M{1:.2f},0 L{0:.2f},0 C{0:.2f},40 {2:.2f},50 100,50 L100,64 C{2:.2f},64 {1:.2f},60 {1:.2f},22Z"/>'
    ).format(before, after, min(before + 6, 100))
    return Markup(
        '<svg class="trunk" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{}'
        '<path class="kept" d="M0,0 L{:.2f},0 L{:.2f},22 L{:.2f},100 L0,100Z"/></svg>'
    ).format(lost if before > after else "", before if before == after else after, after, after)


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
