"""docs/reference.md: every key of a recipe, every stage, every backend of ours, every column, as one Markdown page."""

import re
import textwrap
from collections.abc import Iterator
from importlib import import_module

import pyarrow as pa

from voxsmith.pipeline.recipe.reference import PARTS, keys_of
from voxsmith.schemas.columns import (
    ARTIFACTS,
    AUGMENTED_COLUMNS,
    COLUMNS,
    CONTINUATION_COLUMNS,
    FLAGS,
    OWN_COLUMNS,
    ROW_COLUMNS,
    SIDE_COLUMNS,
    TEACHER_COLUMNS,
    TRANSLATION_COLUMNS,
    TRANSLATIONS,
    Column,
    full_name,
)
from voxsmith.schemas.keys import keys_in_markdown, markdown_table
from voxsmith.stages.registry import BACKENDS, STAGES

_HEAD = """# Reference

`voxsmith keys NAME` prints a part of this page: a part of the recipe, a stage or a backend. `voxsmith keys --markdown`
makes it. The first column of each table is the path of a key; `NAME` stands for a name of yours. Files that a key names
are looked for beside the recipe first, then where the command runs.
"""
_COLUMNS = """## Columns

A *side* is `query` (the user's utterance) or `answer` (the assistant's): its columns are called `query_text`,
`answer_text`. A row that is one utterance has columns without such a prefix. Any row may have a `continuation`,
translations (`translation_de`, …) and an `augmented` clip. Stages that take `of` work on any of these groups; that of
the row's own columns is called `row`, and its text is `transcript`. Columns that exist once an attempt end in its
number before `pick` has chosen one: `query_audio_2`. What is exported, counted, gated and compared follows from a
column's role.
"""
_TRANSLATION = "translation_de"
_OF_A_TRANSLATION = {_TRANSLATION: COLUMNS[_TRANSLATION]} | {
    full_name(_TRANSLATION, name): one for name, one in TRANSLATION_COLUMNS.items()
}
_GROUPS = {
    "Of every row": ROW_COLUMNS,
    "Of every row, where the recipe flags rows": FLAGS,
    "Of a side": SIDE_COLUMNS,
    "Of a row that is one utterance": {name: one for name, one in OWN_COLUMNS.items() if name not in TRANSLATIONS},
    "Of its continuation": {full_name("continuation", name): one for name, one in CONTINUATION_COLUMNS.items()},
    "Of its augmented clip": {full_name("augmented", name): one for name, one in AUGMENTED_COLUMNS.items()},
    "Of a translation, into German say": _OF_A_TRANSLATION,
    "Of a task whose answers a teacher has read: teacher_TASK_ids, …": TEACHER_COLUMNS,
}


def page() -> str:
    """The whole page, which ends in a newline."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "## Recipe\n"
    yield from keys_in_markdown(keys_of("recipe"))
    for part in PARTS:
        yield f"### {part}\n"
        yield from keys_in_markdown(keys_of(part))
    yield "## Stages\n"
    for name, module in STAGES.items():
        yield from _part(name, module)
    yield "## Backends\n"
    for name, module in BACKENDS.items():
        yield from _part(name, module)
    yield _COLUMNS
    for title, group in _GROUPS.items():
        yield f"### {title}\n"
        yield from _columns(group)
    yield "### Of the whole recipe\n"
    yield from markdown_table(("file", "what it is"), [(f"`{name}`", meaning) for name, meaning in ARTIFACTS.items()])


def _part(name: str, module: str) -> Iterator[str]:
    """A stage or a backend: what it is, by the first paragraph of its module, and its keys."""
    summary = " ".join((import_module(module).__doc__ or "").strip().partition("\n\n")[0].split())
    summary = re.sub(rf"^`{name}`: ", "", summary)
    yield f"### {name}\n"
    yield (
        textwrap.fill(f"{summary[:1].upper()}{summary[1:]}", 120, break_long_words=False, break_on_hyphens=False) + "\n"
    )
    yield from keys_in_markdown(keys_of(name))


def _columns(columns: dict[str, Column]) -> Iterator[str]:
    rows = [(f"`{name}`", _type(one.type), one.role, one.per, one.doc) for name, one in columns.items()]
    yield from markdown_table(("column", "type", "role", "per", "what it is"), rows)


def _type(kind: pa.DataType) -> str:
    return str(kind).replace("list<item: ", "list<")
