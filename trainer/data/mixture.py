"""The rows of all data of a recipe: which can be used, and which are drawn in an epoch."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from voxsmith.models.teacher_identity import TeacherIdentity
from voxsmith.schemas.columns import group_of
from voxsmith.schemas.tasks import Task
from voxsmith.trainer.data.exports import BadExport, Export
from voxsmith.trainer.data.length import SECONDS

_LETTERS = 4.5  # a token of English


@dataclass(frozen=True)
class Place:
    """A row: of which source, and where in it."""

    source: int
    row: int


@dataclass
class Source:
    """An export as it is used. `usable`: rows that can be, `seconds`: of their clips, `letters`: of their answers; `left_out`:
    others, by reason; `digest`: of what was read of the usable rows.
    """

    export: Export
    task: Task
    weight: float = 1.0
    usable: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    kind: dict[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True)
class Limits:
    """What a row must keep to. `most_units`: of an answer of so many tokens, blanks between like units counted in; None where no
    units are learned. `units`: how many there are. `teacher`: which one a task's rows must have asked, where they have what it thought.
    """

    answer_tokens: Callable[[str], int]
    most_units: Callable[[int], int] | None = None
    units: int = 0
    seconds: float = SECONDS
    teacher: Callable[[Task], TeacherIdentity] | None = None


def sort_out(source: Source, limits: Limits) -> None:
    """Find the source's usable rows. Reads texts, durations and numbers of units alone, in runs of rows.

    Raises BadExport where the export lacks a column that the task needs.
    """
    task, export = source.task, source.export
    units = task.units if limits.most_units else None
    duration = f"{task.audio.removesuffix('audio')}duration"
    wanted, taught = (limits.teacher(task), f"teacher_{task.name}_of") if limits.teacher else (None, "")
    more = tuple(name for name in (units, taught) if name)
    export.need(task.audio, task.text, task.answer, *more)
    if duration not in export.columns:
        group = group_of(duration)
        raise BadExport(
            f"{export.folder}: it lacks {duration}, the seconds of its clips; the stage listen writes it (of: {group})"
        )
    content = hashlib.blake2b(digest_size=16)
    for place, row in enumerate(export.each(("id", task.text, task.answer, duration, *more))):
        reason = _unfit(row, task, duration, units, limits)
        if wanted and not reason:
            reason = _untaught(row, taught, wanted, export)
        if reason:
            source.left_out[reason] += 1
        else:
            source.usable.append(place)
            source.seconds.append(float(row[duration]))
            source.letters.append(len(row[task.answer]))
            content.update(json.dumps([*row.values()]).encode())
    source.digest = content.hexdigest()


def _untaught(row: dict[str, Any], column: str, wanted: TeacherIdentity, export: Export) -> str:
    """Why the row can't be learned from what a teacher thought of it. Raises BadExport where that was another one."""
    if not row[column]:
        return "no stored teacher"
    try:
        difference = TeacherIdentity.parse(row[column]).difference(wanted)
    except ValueError as error:
        difference = str(error)
    if difference:
        raise BadExport(
            f"{export.folder}: row {row['id']}: its stored teacher is of {difference}: run the corpus' stage `teacher` with "
            "what this recipe has, or take distil.teacher: live"
        )
    return ""


def _unfit(row: dict[str, Any], task: Task, duration: str, units: str | None, limits: Limits) -> str:
    if not (row[task.answer] or "").strip() or not (row[task.text] or "").strip():
        return "no text"
    if not row[duration]:
        return "no clip"
    if row[duration] > limits.seconds:
        return f"clip longer than {limits.seconds:g} s"
    if units and not row[units]:
        return "no units"
    if units and limits.most_units:
        if not 0 <= min(row[units]) <= max(row[units]) < limits.units:
            wrong = next(unit for unit in row[units] if not 0 <= unit < limits.units)
            raise BadExport(
                f"row {row['id']}: {units} has unit {wrong}; the decoder has units 0 to {limits.units - 1}; "
                "set decoder.units to what made them has"
            )
        most, repeats = limits.most_units(limits.answer_tokens(row[task.answer])), repeated(row[units])
        if len(row[units]) > most:
            return "more units than the decoder can say"
        if len(row[units]) + repeats > most:
            return "more units than the decoder can say, with a blank between two that are alike"
    return ""


def repeated(units: Sequence[int]) -> int:
    """How many units are as the one before. Frames that say the same are merged, so that each needs a frame with a blank before
    it (Graves et al. 2006, section 3.1). Our exports have merged units, and none of these.
    """
    return sum(one == before for before, one in pairwise(units))


def drawn(sources: list[Source], seed: int, epoch: int) -> list[Place]:
    """The rows of an epoch: of each source its usable ones as often as its weight says. What is behind the point of a weight
    is a share of the rows, another one each epoch. A pure function of the sources, seed and epoch.
    """
    places = []
    for number, source in enumerate(sources):
        whole, share = divmod(source.weight, 1.0)
        order = np.random.default_rng([seed, epoch, number]).permutation(len(source.usable))
        a_share = order[: round(share * len(order))].tolist()
        rows = list(range(len(source.usable))) * int(whole) + a_share
        places += [Place(number, row) for row in rows]
    return places


def costs(sources: list[Source], places: list[Place]) -> list[float]:
    """Seconds of each row's clip."""
    return [sources[place.source].seconds[place.row] for place in places]


def tokens(sources: list[Source], places: list[Place], embeddings: float) -> list[float]:
    """About as many as the LLM reads of each row, to put rows of like length together: letters are known without a tokeniser.
    `embeddings`: of a second of speech.
    """

    def of(place: Place) -> float:
        source = sources[place.source]
        letters = len(source.task.request) + source.letters[place.row]
        return source.seconds[place.row] * embeddings + letters / _LETTERS

    return [of(place) for place in places]
