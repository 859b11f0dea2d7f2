"""One page that opens offline: the rows of a comparison, before and after, with players for both."""

import re
from errno import EEXIST
from pathlib import Path
from typing import Any

from voxsmith.pipeline.look_back.diff import KINDS, Difference, Row
from voxsmith.pipeline.look_back.rows import Rows
from voxsmith.pipeline.report.budget import CLIP_BYTES, Budget
from voxsmith.pipeline.report.build import environment
from voxsmith.pipeline.report.row_view import facts, style_of
from voxsmith.pipeline.report.words import Span, compare
from voxsmith.pipeline.store.files import write_text
from voxsmith.schemas.columns import Group, groups, text_column

_HEAD = 4096  # bytes, in which a page's title stands
_TITLE = re.compile(rb"<title>[^<]*: what changed</title>")


def write_page(path: Path, name: str, difference: Difference, rows: Rows, clip_bytes: int = CLIP_BYTES) -> None:
    """Write the page; it holds at most about `clip_bytes` of audio (as base64), the first rows first.

    `name`: the recipe's. Raises OSError where the file can't be written, or is somebody's and no such page.
    """
    if path.exists() and not (path.is_file() and _is_page(path)):
        raise FileExistsError(EEXIST, "this file is there already and is no page of a comparison", str(path))
    budget = Budget(clip_bytes)
    page = environment().get_template("diff.html.jinja").render(
        name=name,
        difference=difference,
        kinds=KINDS,
        rows=[_row(row, rows, budget) for row in difference.rows],
        left_out=budget.left_out,
    )  # fmt: skip
    write_text(path, page)


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _TITLE.search(file.read(_HEAD)) is not None


def _row(row: Row, rows: Rows, budget: Budget) -> dict[str, Any]:
    before, after = rows.both(row)
    parts = [_part(row, group, before or {}, after or {}, rows, budget) for group in groups(rows.columns)]
    return {
        "id": row.id,
        "kind": row.kind,
        "why": row.why,
        "columns": row.columns,
        "instruction": (after or before or {}).get("instruction", ""),
        "parts": [part for part in parts if any(one["said"] or one["clip"] or one["facts"] for one in part["halves"])],
    }


def _part(
    row: Row, group: Group, before: dict[str, Any], after: dict[str, Any], rows: Rows, budget: Budget
) -> dict[str, Any]:
    """A group of the row's columns, before and after. A row that came or went has just one of them, or the other run's
    too where that rejected it late.
    """
    text, audio = group.first("text"), group.first("audio")
    said = group.full(text) if text else text_column(group.name)
    texts = [values.get(said) for values in (before, after)]
    clips = rows.clips(row, group.full(audio)) if audio else (None, None)
    spans = compare(*texts) if all(texts) else []  # type: ignore[arg-type]
    changed = row.kind != "changed" or audio is None or group.full(audio) in row.columns
    shown = (clips[0], clips[1] if changed else None)
    halves = [
        {
            "when": when,
            "who": values.get(group.full("voice")) or values.get(group.full("speaker")),
            "said": _words(spans, said, which),
            "clip": budget.uri(_flac(clip)),
            "duration": values.get(group.full("duration")),
            "facts": list(facts(values, group)),
            "note": "",
        }
        for when, which, values, said, clip in zip(
            ("before", "after"), ("said", "heard"), (before, after), texts, shown, strict=True
        )
    ]
    if not changed and clips[1] is not None:
        halves[1]["note"] = "the same clip"
    return {"name": group.name, "style": style_of(group.name), "halves": halves}


def _flac(clip: bytes | None) -> dict[str, Any] | None:
    return {"bytes": clip} if clip else None


def _words(spans: list[Span], text: str | None, which: str) -> list[tuple[str, bool]]:
    """The text in runs of words, each with whether the other text lacks them."""
    if not spans:
        return [(text, False)] if text else []
    runs = [(getattr(span, which), span.kind != "same") for span in spans]
    return [(words, differs) for words, differs in runs if words]
