"""Whether each source gives the kind of rows that the stages work on: tasks or utterances, clips of the row or of its query.

A row without a column that a stage reads, and no stage writes, is a reject. Where a source gives that column to none of its
rows this is known before anything is read, so the recipe is refused: nobody wants all rows of a source for rejects.
"""

from collections.abc import Iterable, Mapping
from typing import get_args

from voxsmith.pipeline.recipe.nodes import SOURCE, Node
from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.pipeline.sources import given_columns
from voxsmith.schemas.among import names_of
from voxsmith.schemas.columns import ROW_COLUMNS, SIDES, Column, full_name, place_of
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import SPEECH

_RECORDED = ("clip", "source_transcript")
_WRITTEN = {name for name, one in ROW_COLUMNS.items() if one.role == "written"}
_OF_ANY_ROW = set(ROW_COLUMNS) - _WRITTEN


def check_kinds(
    recipe: Recipe, nodes: Iterable[Node], owners: Mapping[str, str], columns: Mapping[str, Column], problems: Problems
) -> None:
    """A line for each source whose rows would all be rejects, for a column that other sources give. What a person supplies to
    single rows (`overrides`) isn't known here.
    """
    readers: dict[str, str] = {}
    for node in nodes:
        for name in node.reads:
            if owners.get(name) == SOURCE and name not in _OF_ANY_ROW:
                readers.setdefault(name, node.name)
    for entry, source in recipe.sources.items():
        gives = _gives(source)
        for name, reader in readers.items():
            if name in gives or (recipe.overrides and name in columns and columns[name].given):
                continue
            others = [f"sources.{other}" for other, one in recipe.sources.items() if name in _gives(one)]
            problems.add(
                f"sources.{entry}",
                f"gives no '{name}', which stages.{reader} reads and {' and '.join(others)} "
                f"{'gives' if len(others) == 1 else 'give'}: all its rows would be rejects; {_what_to_do(name, source)}",
            )
            break


def whose_clips(name: str, node: Node, recipe: Recipe) -> str:
    """Advice where a stage reads a column of clips or texts that would be there if the clips of a source were another's: the
    row's, not its query's, say. "" where that isn't the reason.
    """
    group, base = place_of(name.removesuffix("_1"))
    recorded = {entry: source.of for entry, source in recipe.sources.items() if source.is_speech}
    if group in recorded.values() or (group not in (*SIDES, "row")):
        return ""
    if base in _RECORDED and not recorded:
        return f"only sources of recorded speech give it: layout {', '.join(SPEECH)}"
    if not recorded or (base not in _RECORDED and group == "answer"):
        return ""
    entry, of = next(iter(recorded.items()))
    what = "the row's own" if of == "row" else f"the {of}'s"
    field = type(node.config).model_fields.get("of")
    may = field is not None and of in (names_of(field.metadata) or get_args(field.annotation))
    here = f"`of: {of}` in stages.{node.name}, or " if may else ""
    return (
        f"the clips of sources.{entry} are {what} ('{full_name(of, 'clip')}'): write {here}`of: {group}` in the source"
    )


def _gives(source: Source) -> set[str]:
    return {*given_columns(source), *(_WRITTEN if source.has_tasks else ())}


def _what_to_do(name: str, source: Source) -> str:
    group, base = place_of(name)
    apart = "give these rows a recipe of their own"
    if base in _RECORDED and source.is_speech:
        return f"its clips are of: {source.of}; write `of: {group}` here, or {apart}"
    if base in _RECORDED or source.layout not in ("columns", *SPEECH):
        return f"{apart}: training can read several exports"
    return f"name its field in `columns`, or {apart}: training can read several exports"
