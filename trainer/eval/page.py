"""An evaluation as one page that loads nothing from elsewhere: questions and answers to hear, measures, curves of the run."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

PAGE_BYTES = 24_000_000  # of clips in a page: what is much larger nobody opens


@dataclass(frozen=True)
class Row:
    """A question and its answer. Clips are audio files (FLAC, WAV), empty where there are none; `heard`: what ASR wrote down of
    the answer's speech, None where it wasn't asked; `wanted`: the answer that is written; `facts`: measures, as (name, value).
    """

    id: str
    answer: str
    question: str = ""
    question_clip: bytes = b""
    wanted: str = ""
    answer_clip: bytes = b""
    heard: str | None = None
    remarks: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Figure:
    """A number to begin with; `under`: what it is of."""

    name: str
    value: str
    under: str = ""


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    lines: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Page:
    """What is shown. All text is escaped; `charts` (title and SVG) are from `svg.chart`, which escapes by itself."""

    title: str
    lede: str
    rows: Sequence[Row] = ()
    answers_note: str = ""
    figures: Sequence[Figure] = ()
    verdict: str = ""
    tables: Sequence[Table] = ()
    charts: Sequence[tuple[str, Markup]] = field(default_factory=list)


def as_html(page: Page, most: int = PAGE_BYTES) -> str:
    """`most`: bytes of clips, the first rows' first; the number of those that found no room is said."""
    budget = _Budget(most)
    rows = [
        vars(row) | {"question_clip": budget.uri(row.question_clip), "answer_clip": budget.uri(row.answer_clip)}
        for row in page.rows
    ]
    environment = Environment(
        loader=PackageLoader("voxsmith.trainer.eval", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = vars(page) | {"rows": rows, "without_clip": budget.left_out}
    return environment.get_template("page.html.jinja").render(shown)


class _Budget:
    def __init__(self, size: int) -> None:
        self._size, self.left_out = size, 0

    def uri(self, clip: bytes) -> str:
        """The clip as a data URI; empty where there is none, or no room."""
        if not clip:
            return ""
        size = len(clip) * 4 // 3
        if size > self._size:
            self.left_out += 1
            return ""
        self._size -= size
        return f"data:{_kind(clip)};base64,{base64.b64encode(clip).decode()}"


def _kind(clip: bytes) -> str:
    kinds = {b"fLaC": "audio/flac", b"RIFF": "audio/wav", b"OggS": "audio/ogg"}
    return kinds.get(clip[:4], "audio/mpeg")
