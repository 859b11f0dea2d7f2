"""One page that opens offline: the rows of a comparison, before and after, with players for both."""

from pathlib import Path
from typing import Any

from pipeline.look_back.diff import KINDS, Difference, Row
from pipeline.look_back.rows import Rows
from pipeline.report.build import CLIP_BYTES, Budget, environment
from pipeline.report.words import Span, compare
from pipeline.store.files import write_text
from schemas.columns import SIDES


def write_page(path: Path, name: str, found: Difference, rows: Rows, clip_bytes: int = CLIP_BYTES) -> None:
    """Write the page; it holds at most about `clip_bytes` of audio (as base64), the first rows first.

    `name`: the recipe's. Raises OSError where the file can't be written.
    """
    budget = Budget(clip_bytes)
    page = environment().get_template("diff.html.jinja").render(
        name=name,
        found=found,
        kinds=KINDS,
        rows=[_row(row, rows, budget) for row in found.rows],
        left_out=budget.left_out,
    )  # fmt: skip
    write_text(path, page)


def _row(row: Row, rows: Rows, budget: Budget) -> dict[str, Any]:
    before, after = rows.both(row)
    sides = {}
    for side in SIDES:
        old, new = _side(before, side), _side(after, side)
        clips = rows.clips(row, side)
        # Rows that came or went have one side to show; the other run's is there where it was rejected late.
        spans = compare(old["text"], new["text"]) if old["text"] and new["text"] else []
        changed = f"{side}_audio" in row.columns or row.kind != "changed"
        old |= {"clip": budget.uri(_flac(clips[0])), "words": _words(spans, old["text"], "said")}
        new |= {
            "clip": budget.uri(_flac(clips[1])) if changed else None,
            "words": _words(spans, new["text"], "heard"),
        }
        if any(one["text"] or one["clip"] for one in (old, new)):
            sides[side] = {"before": old, "after": new, "same_clip": not changed and clips[1] is not None}
    instruction = (after or before or {}).get("instruction", "")
    return {"id": row.id, "kind": row.kind, "why": row.why, "columns": row.columns} | {
        "instruction": instruction,
        "sides": sides,
    }


def _side(row: dict[str, Any] | None, side: str) -> dict[str, Any]:
    names = ("text", "voice", "wer", "duration", "mos", "method", "heard")
    return {name: (row or {}).get(f"{side}_{name}") for name in names}


def _flac(clip: bytes | None) -> dict[str, Any] | None:
    return {"bytes": clip} if clip else None


def _words(spans: list[Span], text: str | None, which: str) -> list[tuple[str, bool]]:
    """The text in runs of words, each with whether the other text lacks them."""
    if not spans:
        return [(text, False)] if text else []
    found = [(getattr(span, which), span.kind != "same") for span in spans]
    return [(words, differs) for words, differs in found if words]
