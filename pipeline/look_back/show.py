"""What changed, in the terminal: counts first, then why, then some rows with their texts one above the other."""

import textwrap
from collections.abc import Iterator
from typing import Any

from voxsmith.pipeline.look_back.diff import Difference, Row
from voxsmith.pipeline.look_back.rows import TEXTS, VALUES, Rows

_WIDTH = 116
_LINES = 20  # of the recipe's changes
_REASONS = 3  # of a stage


def show(difference: Difference, rows: Rows) -> Iterator[str]:
    """The lines to print."""
    yield f"from  {difference.runs[0]}"
    yield f"to    {difference.runs[1]}"
    yield ", ".join(f"{count:,} {name}" for name, count in difference.counts.items())
    for kind, whys in difference.whys.items():
        yield from (f"  {kind} {count:,}: {why}" for why, count in whys.items())
    if difference.columns:
        changed = "changed: " + ", ".join(f"{name} {count:,}" for name, count in difference.columns.items())
        yield textwrap.fill(changed, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    for name, mean in difference.means.items():
        yield f"  mean {name} of {mean.rows:,} changed rows: {mean.before:.3f} -> {mean.after:.3f}"
    yield from (f"note: {note}" for note in difference.notes)
    yield ""
    yield from (f"recipe: {line}" for line in difference.recipe[:_LINES])
    if len(difference.recipe) > _LINES:
        yield f"recipe: {len(difference.recipe) - _LINES} more keys changed"
    if not difference.stages:
        yield "no stage's keys differ"
    for stage in difference.stages:
        by_count = sorted(stage.reasons.items(), key=lambda item: -len(item[1]))
        reasons = [f"{why} ({len(anchors):,})" for why, anchors in by_count[:_REASONS]]
        if len(by_count) > _REASONS:
            reasons.append(f"{len(by_count) - _REASONS} more reasons")
        yield f"{stage.name}, {stage.changed:,} of {stage.shards:,} shards: {'; '.join(reasons)}"
    for row in difference.rows:
        yield ""
        yield from _row(row, rows)
    left = sum(difference.counts[kind] for kind in ("changed", "came", "went")) - len(difference.rows)
    if left > 0:
        yield f"\n{left:,} more rows changed, came or went; --rows N shows more, --page FILE.html plays them"


def _row(row: Row, rows: Rows) -> Iterator[str]:
    before, after = rows.both(row)
    yield f"{row.id}  {row.kind}{': ' + row.why if row.why else ''}"
    old, new = before or {}, after or {}
    texts, values = rows.names(TEXTS), rows.names(VALUES)
    for name in texts:
        if row.kind == "changed" and name not in row.columns:
            continue
        if old.get(name) == new.get(name):
            yield from _text(name, " ", new.get(name))
        else:
            yield from _text(name, "-", old.get(name))
            yield from _text(name, "+", new.get(name))
    if changed := [name for name in values if name in row.columns]:
        yield "  " + ", ".join(f"{name} {_value(old.get(name))} -> {_value(new.get(name))}" for name in changed)
    rest = [name for name in row.columns if name not in (*texts, *values)]
    if rest:
        yield f"  also {', '.join(rest)}"


def _text(name: str, sign: str, text: str | None) -> Iterator[str]:
    if text:
        head = f"  {name:<12} {sign} "
        short = textwrap.shorten(text, 4 * _WIDTH, placeholder=" …")
        yield textwrap.fill(short, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def _value(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
