"""Where rows come from: an entry of the recipe's `sources`."""

import glob
import os
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from voxsmith.schemas.columns import COLUMNS
from voxsmith.schemas.names import closest, nearest
from voxsmith.schemas.paths import FilePath, find, folders, looked_in
from voxsmith.schemas.strict import Strict

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")

# The columns that a record may bring with it, ours. The rest of a row is made: ids of content, source and licence of the
# recipe.
TARGETS = tuple(name for name, column in COLUMNS.items() if column.given)
TASKS = ("instruction", "query_text")  # either is what the user wants


class ShardSizes(Strict):
    """How many rows a shard has. Shards are cut where the content says so: `target` is about the mean."""

    target: int = Field(256, ge=1, description="rows of a shard, on average")
    least: int | None = Field(None, ge=1, description="fewest rows; a quarter of the target if not given")
    most: int | None = Field(None, ge=1, description="most rows; 4 targets if not given")

    @model_validator(mode="after")
    def _in_order(self) -> "ShardSizes":
        least, target, most = self.bounds
        if not least <= target <= most:
            raise ValueError(f"least <= target <= most is needed; least is {least}, target {target}, most {most}")
        return self

    @property
    def bounds(self) -> tuple[int, int, int]:
        """(least, target, most), in rows."""
        least = max(1, self.target // 4) if self.least is None else self.least
        return least, self.target, 4 * self.target if self.most is None else self.most


class DrawnTurns(Strict):
    """So many turns of a dialogue as a draw from a Poisson distribution says, 1 at least; the dialogue's content decides."""

    mean: float = Field(gt=0, le=100, description="of the distribution")
    most: int = Field(ge=1, description="turns")


class Source(Strict):
    """Files or a Hugging Face dataset, and how their records become conversations.

    `layout`: "alpaca" is {instruction, input, output}; "ultrachat" is {id, data: [user, assistant, …]} or
    {messages: [{role, content}]}, which may differ from record to record; "columns" says in `columns` which field is which of our
    columns, and rows that follow each other with one `conversation_id` are one conversation.
    """

    path: str | None = Field(None, description="a .json or .jsonl file, gzipped or not, or a glob of such files")
    dataset: FilePath | None = Field(None, description="name of a Hugging Face dataset, or a folder that holds one")
    config: str | None = Field(None, description="which configuration of the dataset")
    split: str = Field("train", description="which split of the dataset")
    revision: str | None = Field(
        None, description="commit, tag or branch of a dataset of the Hub; else its main branch"
    )
    layout: Literal["alpaca", "ultrachat", "columns"] = Field(
        description="how records are written; columns: as `columns` says"
    )
    columns: dict[str, str] = Field(default_factory=dict, description="our column: the record's field")
    turns: int | Literal["all"] | DrawnTurns = Field(
        1,
        description="of a dialogue, from the first (layout ultrachat): a number, all, or {mean: 2, most: 5} to draw one",
    )
    licence: str = Field(min_length=1, description="terms of the text, e.g. MIT or CC-BY-NC-4.0")
    limit: int | None = Field(None, ge=1, le=10**15, description="take the first so many conversations")
    shard: ShardSizes = ShardSizes()

    @field_validator("path")
    @classmethod
    def _files_are_there(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None:
            return None
        opened = find(path, info, lambda candidate: bool(files(candidate)))
        if opened is None and (folder := find(path, info)):
            raise ValueError(f"'{folder}' is a folder; name its files, {Path(path) / '*.jsonl'} say")
        if opened is None:
            advice = [_nearest_file(folder / path) for folder in folders(info)]
            best = next((one for one in advice if "did you mean" in one), advice[0])
            raise ValueError(f"no such file: {path}{looked_in(path, info)}; {best}")
        for file in files(opened):
            if not file.name.endswith(SUFFIXES):
                raise ValueError(f"'{file}' can't be read: name a file that ends in {', '.join(SUFFIXES)}")
        return opened

    @field_validator("columns")
    @classmethod
    def _targets_are_known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name in COLUMNS and name not in TARGETS:
                raise ValueError(f"'{name}' is made by a stage or by the reader, not given; {nearest(name, TARGETS)}")
        return columns  # those that aren't ours may be declared by a stage: whoever knows the stages checks them

    @field_validator("turns", mode="before")
    @classmethod
    def _some_turns(cls, turns: object) -> object:
        if isinstance(turns, DrawnTurns):
            return turns
        if isinstance(turns, dict):
            try:
                return DrawnTurns.model_validate(turns)
            except ValueError:
                raise ValueError("write {mean: 2, most: 5}, with numbers above 0") from None
        if turns != "all" and (isinstance(turns, bool) or not isinstance(turns, int) or turns < 1):
            raise ValueError("write a number from 1 up, all, or {mean: 2, most: 5}")
        return turns

    @model_validator(mode="after")
    def _consistent(self) -> "Source":
        if (self.path is None) == (self.dataset is None):
            raise ValueError("give either 'path' (files) or 'dataset' (a Hugging Face dataset)")
        if self.path is not None and (self.config or self.revision or "split" in self.model_fields_set):
            raise ValueError("'config', 'split' and 'revision' belong to a dataset, not to a path")
        if (self.layout == "columns") != bool(self.columns):
            raise ValueError("'layout: columns' and 'columns' (our column: the record's field) need each other")
        if self.columns and set(self.columns) <= set(TARGETS) - {*TASKS, "transcript", "audio"}:
            raise ValueError("'columns' must name the field of instruction, of query_text, or of transcript")
        if "turn" in self.columns and "conversation_id" not in self.columns:
            raise ValueError("'columns' names turn, so it must name conversation_id too")
        if self.layout != "ultrachat" and self.turns != 1:
            raise ValueError("'turns' goes with 'layout: ultrachat'")
        return self

    @property
    def has_tasks(self) -> bool:
        """Whether its rows have an instruction; else each is an utterance, with a transcript."""
        return self.layout != "columns" or any(name in self.columns for name in TASKS)


def files(path: str) -> list[Path]:
    """The files that `path` names, or that match it as a glob, by name; a file that symbolic links give several names is
    there once. Copies and hard links are files of their own.
    """
    if Path(path).is_file():
        return [Path(path)]
    by_place: dict[str, Path] = {}
    for file in sorted({file for name in _matching(path) if (file := Path(name)).is_file()}, key=_links):
        by_place.setdefault(os.path.realpath(file), file)
    return sorted(by_place.values())


def _links(file: Path) -> tuple[bool, bool, Path]:
    """What sorts a file's names so that those without links come first."""
    return file.is_symlink(), os.path.realpath(file) != os.path.abspath(file), file


def _matching(pattern: str) -> Iterator[str]:
    """As `glob.glob` does it, but `**` goes into each folder once: links of folders may lead in a circle."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.iglob(pattern)
        return
    at = parts.index("**")
    below = os.path.join(*(tuple(dropwhile("**".__eq__, parts[at:])) or "*"))
    for top in glob.iglob(os.path.join(*parts[:at])) if at else ("",):
        for folder in _folders(top):
            yield from _matching(os.path.join(glob.escape(folder), below))


def _folders(top: str) -> Iterator[str]:
    """The folder and those below it, but what hides; each once, by a name without links where it has one."""
    seen: set[str] = set()
    tops = [top or "."]
    while tops:
        links = []
        for start in tops:
            for folder, names, _ in os.walk(start):
                names[:] = sorted(name for name in names if not name.startswith("."))
                if (place := os.path.realpath(folder)) in seen:
                    names.clear()
                    continue
                seen.add(place)
                yield folder
                links += [path for name in names if os.path.islink(path := os.path.join(folder, name))]
        tops = links


def _nearest_file(path: Path) -> str:
    """Advice where the file's folder, or the folder above that, holds nearly such a name; else what the folder holds."""
    folder = path.parent
    if not folder.is_dir():
        above = folder.parent
        names = [entry.name for entry in above.iterdir() if entry.is_dir()] if above.is_dir() else []
        near = closest(folder.name, names)
        return f"there is no folder '{folder}'" + (f"; did you mean '{above / near}'?" if near else "")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(SUFFIXES))
    if near := closest(path.name, names):
        return f"did you mean '{folder / near}'?"
    return f"'{folder}' holds {', '.join(names[:5]) or f'no file that ends in {SUFFIXES[0]} or {SUFFIXES[1]}'}"
