"""Line charts as SVG: numbers, text and classes only. Colours stand in a style sheet, so that a page may have a dark mode."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

MOST_POINTS = 400  # of a line: more don't fit its width
_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 34, 46  # of the picture, around the field
_LETTER = 6.6  # its width, in the size that the style sheet has
_COLOURS = 6

# For a chart that stands alone; a page has its own.
STYLE = """
svg { font: 12px system-ui, sans-serif; background: #ffffff; }
text { fill: #444a52; } .grid { stroke: #e2e3df; } .frame { stroke: #8d939a; } .line { fill: none; stroke-width: 1.8; }
.c0 { stroke: #2f5f9e; } .c1 { stroke: #b0462b; } .c2 { stroke: #1b7560; } .c3 { stroke: #8a5a9e; } .c4 { stroke: #a87b16; }
.c5 { stroke: #56616e; } .dashed { stroke-dasharray: 6 4; } circle { fill: #ffffff; stroke-width: 1.8; }
"""


@dataclass(frozen=True)
class Line:
    """`points`: (x, y), finite, with x rising; `dots`: mark each point."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    dots: bool = False


def chart(lines: Sequence[Line], x: str, y: str) -> Markup:
    """The lines in one field. `x`, `y`: what the axes are, with their units. Without a point it is empty."""
    shown = [Line(line.name, thinned(line.points), line.dashed, line.dots) for line in lines if line.points]
    if not shown:
        return Markup("")
    xs, ys = ([point[axis] for line in shown for point in line.points] for axis in (0, 1))
    across, up = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    left, right = min(xs), max(max(xs), min(xs) + 1e-12)
    low, high = min(up[0], min(ys)), max(up[-1], max(ys))
    rows = _legend(shown)
    top = _TOP + 18 * (max(row for _, row, _ in rows))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - top - _BOTTOM
        return (
            _LEFT + wide * ((point[0] - left) / (right - left) if right > left else 0.5),
            top + tall * (1 - (point[1] - low) / (high - low)),
        )

    parts = [_horizontal(place((left, tick))[1], _said(tick, up)) for tick in up]
    parts += [_vertical(place((tick, low))[0], _said(tick, across)) for tick in across if left <= tick <= right]
    parts += [
        Markup('<line class="frame" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _LEFT, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM
        ),
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x
        ),
        Markup('<text transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>').format(
            (top + _HEIGHT - _BOTTOM) / 2, y
        ),
    ]
    for number, line in enumerate(shown):
        style = f"c{number % _COLOURS}"
        parts.append(_drawn(line, [place(point) for point in line.points], style))
        at, row, _ = rows[number]
        parts.append(_key(line, _LEFT + at, 16 + 18 * row, style))
    label = f"{y} over {x}: {', '.join(line.name for line in shown)}"
    return Markup(
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, label, Markup("").join(parts))


def alone(picture: Markup) -> str:
    """A chart as a file of its own."""
    head, separator, rest = picture.partition(">")
    return f"{head}{separator}<style>{STYLE}</style>{rest}\n"


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most `most` points: means of as many neighbours each, the last of what is left."""
    share = math.ceil(len(points) / most)
    parts = [points[start : start + share] for start in range(0, len(points), share or 1)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers, 1, 2 or 5 times a power of ten apart, of which the first and the last enclose the range."""
    if high <= low:
        low, high = low - (abs(low) / 2 or 1), high + (abs(high) / 2 or 1)
    power = 10.0 ** math.floor(math.log10((high - low) / about))
    step = next((factor * power for factor in (1, 2, 5) if (high - low) / (factor * power) <= about), 10 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * number for number in range(first, last + 1)]


def _said(tick: float, all_of: list[float]) -> str:
    """The number, with as many digits as tell it from its neighbours."""
    return f"{0.0 if abs(tick) < (all_of[1] - all_of[0]) / 1e6 else tick:.6g}"


def _horizontal(height: float, label: str) -> Markup:
    return Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(_LEFT, _WIDTH - _RIGHT, height, height, _LEFT - 7, height + 4, label)


def _vertical(at: float, label: str) -> Markup:
    bottom = _HEIGHT - _BOTTOM
    return Markup(
        '<line class="frame" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>'
        '<text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>'
    ).format(at, bottom, bottom + 4, bottom + 18, label)


def _drawn(line: Line, places: list[tuple[float, float]], style: str) -> Markup:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = " dashed" if line.dashed else ""
    drawn = Markup('<polyline class="line {}{}" points="{}"/>').format(style, dash, path)
    if line.dots or len(places) == 1:
        drawn += Markup("").join(
            Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.2"/>').format(style, x, y) for x, y in places
        )
    return drawn


def _key(line: Line, x: float, y: float, style: str) -> Markup:
    return Markup(
        '<line class="line {}{}" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/><text x="{:.1f}" y="{}">{}</text>'
    ).format(style, " dashed" if line.dashed else "", x, x + 18, y - 4, y - 4, x + 23, y, line.name)


def _legend(lines: Sequence[Line]) -> list[tuple[float, int, float]]:
    """Where each name stands: x from the field's left, row, and its width."""
    places, at, row = [], 0.0, 0
    for line in lines:
        wide = 23 + _LETTER * len(line.name) + 16
        if at and at + wide > _WIDTH - _LEFT - _RIGHT:
            at, row = 0.0, row + 1
        places.append((at, row, wide))
        at += wide
    return places
