"""Groups: what the columns about one text and its clip are called, and which group a column is of."""

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from voxsmith.schemas.among import Among
from voxsmith.schemas.columns.definition import Column, Role
from voxsmith.schemas.languages import LANGUAGES

SIDES = ("query", "answer")
ROW, CONTINUATION, AUGMENTED = "row", "continuation", "augmented"
_TRANSLATION = "translation"
TRANSLATIONS = tuple(f"{_TRANSLATION}_{code}" for code in LANGUAGES)
GROUPS = (ROW, AUGMENTED, *SIDES, CONTINUATION, *TRANSLATIONS)  # in the order in which a person looks at them

_IS_AUGMENTED = "an augmented clip says what the clip says that it is made of; name the group of that clip"
_ANY = ("query", "answer", "continuation", "augmented", "row", *TRANSLATIONS)
_OWN = tuple(group for group in _ANY if group != AUGMENTED)
_RECORDED = ("row", "query", "answer", "continuation")
Of = Annotated[
    str,
    Among(_ANY, "group", "query, answer, continuation, augmented, row or translation_TO (de, say)"),
    Field(description="whose texts and clips; row: of the utterance that the row is"),
]
# A group with a text of its own: each but `augmented`.
Own = Annotated[
    str,
    Among(
        _OWN,
        "group",
        "query, answer, continuation, row or translation_TO (de, say)",
        {AUGMENTED: _IS_AUGMENTED},
    ),
]
Spoken = Annotated[Own, Field(description="whose text is spoken; row: of the utterance that the row is")]
# A group whose clips a source may give.
Recorded = Annotated[
    str,
    Among(
        _RECORDED,
        "group",
        "row, query, answer or continuation",
        {AUGMENTED: _IS_AUGMENTED}
        | dict.fromkeys(TRANSLATIONS, "a translation is made of a text; no source gives recorded clips of it"),
    ),
]
# Columns of a group that aren't called by its prefix and what they are; what is said in an augmented clip is what is
# said in the row's own.
_NAMED = {
    (ROW, "text"): "transcript",
    (ROW, "method"): "transcript_method",
    (CONTINUATION, "text"): "continuation",
    (AUGMENTED, "augmentation"): "augmentation",
    **{(group, "text"): group for group in TRANSLATIONS},
}
_PLACES = {name: place for place, name in _NAMED.items()}


def full_name(group: str, base: str, attempt: int = 0) -> str:
    """The whole name of a group's column: `answer_audio` of `answer` and `audio`, `answer_audio_2` of attempt 2; `text`
    of `row` is `transcript`.
    """
    of_the_row = group == AUGMENTED and base == "text"
    prefixed = base if group == ROW else f"{group}_{base}"
    name = _NAMED.get((ROW if of_the_row else group, base), prefixed)
    return f"{name}_{attempt}" if attempt else name


def text_column(group: str) -> str:
    """The column that says what is said in the group's clip."""
    return full_name(group, "text")


def own_language(group: str) -> str | None:
    """The language that the group's text is in, by its code; None where it is the row's."""
    return group.removeprefix(f"{_TRANSLATION}_") if group in TRANSLATIONS else None


def place_of(name: str) -> tuple[str, str]:
    """The column's group, and what it is called there: ("answer", "audio") of `answer_audio`."""
    if known := _PLACES.get(name):
        return known
    group, _, base = name.partition("_")
    if group == _TRANSLATION:
        code, _, base = base.partition("_")
        group = f"{_TRANSLATION}_{code}"
    return (group, base) if group in GROUPS[1:] and base else (ROW, name)


def group_of(name: str) -> str:
    """The group that the column is of."""
    return place_of(name)[0]


class Group(NamedTuple):
    """Columns that are about one thing: `name` is one of GROUPS. They are called by what they are in it: `text` for
    query_text.
    """

    name: str
    columns: dict[str, Column]

    def full(self, base: str) -> str:
        """The column's whole name."""
        return full_name(self.name, base)

    def of(self, *roles: Role) -> Iterator[str]:
        """The group's columns of these roles, in order."""
        return (base for base, column in self.columns.items() if column.role in roles)

    def first(self, *roles: Role) -> str | None:
        return next(self.of(*roles), None)


def groups(columns: Mapping[str, Column]) -> list[Group]:
    """The columns in groups, the row's own first: those that have more than names, origin and a written task."""
    by_group: dict[str, dict[str, Column]] = {name: {} for name in GROUPS}
    for name, one in columns.items():
        group, base = place_of(name)
        by_group[group][base] = one
    aside = ("id", "origin", "written", "remark")
    return [
        Group(name, some)
        for name, some in by_group.items()
        if any(column.role not in aside for column in some.values())
    ]
