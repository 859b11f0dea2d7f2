"""Every column a row can have: its Arrow type, its meaning, and its role.

A *group* is what one text or clip has: `query` (the user's utterance), `answer` (the assistant's), `continuation` (how
an utterance may go on), `translation_de` (a text in German), `augmented` (a clip with noise and the like on it).
Columns of one group share a prefix, and columns that exist once an attempt end in its number: `query_audio_2` is the
second try at speaking the query. Columns without a prefix are of the group `row`: a row need not be a pair of query and
answer, it may be one utterance.
`full_name` says what a group's columns are called.

What is exported, counted, gated, shown and compared follows from a column's role. Nothing else lists columns by name.
"""

from voxsmith.schemas.columns.declared import (
    ARTIFACTS,
    AUGMENTED_COLUMNS,
    COLUMNS,
    CONTINUATION_COLUMNS,
    FLAGS,
    OWN_COLUMNS,
    RESERVED,
    ROW_COLUMNS,
    SIDE_COLUMNS,
    TEACHER_COLUMNS,
    TEACHES,
    TOP,
    TRANSLATION_COLUMNS,
    column,
    expand,
    measures,
)
from voxsmith.schemas.columns.definition import AUDIO, Column, Gate, Per, Role
from voxsmith.schemas.columns.groups import (
    AUGMENTED,
    CONTINUATION,
    GROUPS,
    ROW,
    SIDES,
    TRANSLATIONS,
    Group,
    Of,
    Own,
    Recorded,
    Spoken,
    full_name,
    group_of,
    groups,
    own_language,
    place_of,
    text_column,
)
from voxsmith.schemas.columns.judged import ASPECTS

__all__ = [
    "ARTIFACTS",
    "ASPECTS",
    "AUDIO",
    "AUGMENTED",
    "AUGMENTED_COLUMNS",
    "COLUMNS",
    "CONTINUATION",
    "CONTINUATION_COLUMNS",
    "FLAGS",
    "GROUPS",
    "OWN_COLUMNS",
    "RESERVED",
    "ROW",
    "ROW_COLUMNS",
    "SIDES",
    "SIDE_COLUMNS",
    "TEACHER_COLUMNS",
    "TEACHES",
    "TOP",
    "TRANSLATIONS",
    "TRANSLATION_COLUMNS",
    "Column",
    "Gate",
    "Group",
    "Of",
    "Own",
    "Per",
    "Recorded",
    "Role",
    "Spoken",
    "column",
    "expand",
    "full_name",
    "group_of",
    "groups",
    "measures",
    "own_language",
    "place_of",
    "text_column",
]
