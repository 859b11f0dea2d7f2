"""Every column a row can have: its Arrow type, its meaning, and its role.

A *group* is what one text or clip has: `query` (the user's utterance), `answer` (the assistant's), `continuation` (how
an utterance may go on), `augmented` (its clip with noise and the like on it). Columns of one group share a prefix, and
columns that exist once an attempt end in its number: `query_audio_2` is the second try at speaking the query. Columns
without a prefix are of the group `row`: a row need not be a pair of query and answer, it may be one utterance.
`full_name` says what a group's columns are called.

What is exported, counted, gated, shown and compared follows from a column's role. Nothing else lists columns by name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import pyarrow as pa
from pydantic import Field

SIDES = ("query", "answer")
ROW, CONTINUATION, AUGMENTED = "row", "continuation", "augmented"
GROUPS = (ROW, AUGMENTED, *SIDES, CONTINUATION)  # in the order in which a person looks at them
Of = Annotated[
    Literal["query", "answer", "continuation", "augmented", "row"],
    Field(description="whose texts and clips; row: of the utterance that the row is"),
]
Spoken = Annotated[
    Literal["query", "answer", "continuation", "row"],
    Field(description="whose text is spoken; row: of the utterance that the row is"),
]
# Columns of a group that aren't called by its prefix and what they are; what is said in an augmented clip is what is
# said in the row's own.
_NAMED = {
    (ROW, "text"): "transcript",
    (ROW, "method"): "transcript_method",
    (CONTINUATION, "text"): "continuation",
    (AUGMENTED, "augmentation"): "augmentation",
}
_PLACES = {name: place for place, name in _NAMED.items()}

# What a transcript is translated into: languages that both Llama 3.1 (its model card) and Whisper are made for, by code.
LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "hi": "Hindi",
    "es": "Spanish",
    "th": "Thai",
}

# What `datasets.Audio` decodes as it is. `bytes` is a mono FLAC file; inside the store `path` is the digest of those
# bytes, so that a clip can be named without being read.
AUDIO = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])

Per = Literal["row", "side", "attempt"]
Role = Literal[
    "id",  # names the row and its place
    "origin",  # where the row comes from, and on which terms
    "written",  # a text that is read, not said: the task as it was written
    "text",  # what is said; the first text of a group is what its clip says
    "heard",  # what ASR made of the clip, held against that text
    "audio",  # clips, of the type AUDIO
    "measure",  # numbers: histograms, means, limits
    "units",  # discrete speech units, lists of whole numbers
    "frames",  # how long each of the units lasts
    "distribution",  # of each place of a text: lists of so many numbers each
    "label",  # one of some names: voices, speakers, languages, methods
]


@dataclass(frozen=True)
class Gate:
    """A limit that the recipe's `export.gates` may set: `max_query_wer`, say. The bounds are of the limit itself."""

    kind: Literal["max", "min"]
    doc: str
    bounds: Mapping[str, Any] = field(default_factory=dict)  # as pydantic's Field takes them: ge, gt, le
    last: bool = False  # names the reason only where no other gate does


@dataclass(frozen=True)
class Column:
    """A column: its Arrow type, what it means, per what it is, and its role.

    A part from outside declares its own as `Stage.columns`, by the name of the column; where `per` is "side" or
    "attempt" by what follows the group's prefix.
    """

    type: pa.DataType
    doc: str
    role: Role
    per: Per = "row"
    exported: bool = True
    given: bool = False  # a source may bring it with it, and a person may correct it
    step: float | None = 0.01  # of a measure: values are counted in such steps; None: not counted
    gate: Gate | None = None


_TEXT = pa.string()
_NUMBER = pa.float32()
_WER = Gate("max", "word errors a word of text", {"ge": 0})
_MOS = Gate("min", "predicted mean opinion score", {"ge": 1, "le": 5})
_LIKENESS = Gate("min", "of the voice, as `recognise` has it", {"ge": -1, "le": 1})
_SECONDS = Gate("max", "seconds", {"gt": 0}, last=True)

# Every source's rows have these, filled or null.
ROW_COLUMNS = {
    "id": Column(_TEXT, "names the row: conversation_id and turn", "id"),
    "conversation_id": Column(_TEXT, "made of the source's name and the conversation's content", "id", given=True),
    "turn": Column(pa.int32(), "0 for the first exchange of a conversation", "id", given=True),
    "source": Column(_TEXT, "the recipe's name for where the row came from", "origin"),
    "licence": Column(_TEXT, "terms: the source's as the recipe states them; exported, all that bind", "origin"),
    "instruction": Column(_TEXT, "what the user wrote: task and context joined", "written", given=True),
    "context": Column(
        _TEXT,
        "the part of the instruction that is material to work on (Alpaca's input), or null",
        "written",
        given=True,
    ),
}

SIDE_COLUMNS = {
    # Only sources of recorded speech give these two.
    "clip": Column(_TEXT, "where the recorded clip is, as JSON: path, offset, duration, …", "origin", "side"),
    "source_transcript": Column(_TEXT, "what is said in the clip, as its corpus has it", "written", "side", given=True),
    "text": Column(_TEXT, "what is said, in words a voice can say", "text", "side", given=True),
    "method": Column(_TEXT, "how the text was made: llm, llm+context, rules, given, corrected", "label", "side"),
    "attempts": Column(pa.int32(), "how often the LLM was asked for the text", "measure", "side", step=1.0),
    "spoken": Column(
        _TEXT, "the text as the TTS gets it (numbers, abbreviations written out)", "text", "side", exported=False
    ),
    "audio": Column(AUDIO, "the clip", "audio", "attempt"),
    "voice": Column(_TEXT, "the voice of the clip", "label", "attempt"),
    "heard": Column(_TEXT, "what ASR heard in the clip", "heard", "attempt"),
    "wer": Column(
        _NUMBER,
        "word error rate of `heard` against `text`, after Whisper's normaliser",
        "measure",
        "attempt",
        step=0.001,
        gate=_WER,
    ),
    "cer": Column(_NUMBER, "character error rate, likewise", "measure", "attempt", step=None),
    "duration": Column(_NUMBER, "seconds", "measure", "attempt", gate=_SECONDS),
    "silence": Column(_NUMBER, "longest silent stretch inside the clip, seconds", "measure", "attempt", exported=False),
    "clipping": Column(
        _NUMBER,
        "share of samples at the clip's own peak: the flat tops of clipping",
        "measure",
        "attempt",
        exported=False,
    ),
    "tail": Column(
        _NUMBER,
        "level of the last 20 ms against the clip's loudness, dB: near 0 where speech is cut off",
        "measure",
        "attempt",
        exported=False,
    ),
    "mos": Column(_NUMBER, "predicted mean opinion score, 1 to 5", "measure", "attempt", gate=_MOS),
    "similarity": Column(
        _NUMBER,
        "likeness of the clip's voice to its reference and to its conversation's other clips, at most 1",
        "measure",
        "side",
        gate=_LIKENESS,
    ),
    "speech_attempts": Column(
        pa.int32(), "how often the text was spoken until a clip passed", "measure", "side", step=1.0
    ),
    "units": Column(
        pa.list_(pa.uint16()), "discrete units, equal neighbours merged where the recipe says so", "units", "side"
    ),
    "unit_durations": Column(pa.list_(pa.uint16()), "frames that each unit lasts", "frames", "side"),
}

_RECORDED = ("clip", "source_transcript")
# What is known of any clip, whoever spoke it.
_OF_A_CLIP = ("heard", "wer", "cer", "duration", "silence", "clipping", "tail", "mos", "similarity", "units")
_OF_A_CLIP_AND_FRAMES = {name: SIDE_COLUMNS[name] for name in (*_OF_A_CLIP, "unit_durations")}

# Of rows that are one utterance, as in an ASR set; what is measured of its clip is called as on a side.
OWN_COLUMNS = {
    **{name: SIDE_COLUMNS[name] for name in _RECORDED},
    "audio": Column(AUDIO, "the utterance", "audio", "attempt", given=True),
    "transcript": Column(_TEXT, "what is said in the utterance", "text", given=True),
    "transcript_method": Column(
        _TEXT, "what was done to the corpus' transcript: given, or tags+case_heard, …", "label"
    ),
    "continuation": Column(_TEXT, "how the text goes on after the transcript", "text", given=True),
    **{f"translation_{code}": Column(_TEXT, f"the transcript in {name}", "text") for code, name in LANGUAGES.items()},
    "speaker": Column(_TEXT, "who speaks, as the source has it", "label", given=True),
    "language": Column(_TEXT, "what is spoken, as a code: en", "label", given=True),
    **{name: SIDE_COLUMNS[name] for name in ("spoken", "voice", "speech_attempts")},
    **_OF_A_CLIP_AND_FRAMES,
}
# Of how an utterance may go on, by what follows `continuation_`; its text is the row's `continuation`.
CONTINUATION_COLUMNS = {
    "method": Column(_TEXT, "how the continuation was made: llm, or llm+mended", "label", "side"),
    "attempts": Column(pa.int32(), "how often the LLM was asked to go on", "measure", "side", step=1.0),
}
CONTINUATION_COLUMNS |= {
    name: one for name, one in SIDE_COLUMNS.items() if name not in ("text", *_RECORDED, *CONTINUATION_COLUMNS)
}
# Of the utterance's clip with something put on it, by what follows `augmented_`, but for `augmentation`.
AUGMENTED_COLUMNS = {
    "audio": Column(AUDIO, "the clip with noise, a room, a telephone or the like put on it", "audio", "side"),
    "augmentation": Column(
        _TEXT, "what was put on the augmented clip, in order, with all values: JSON, empty list for nothing", "origin"
    ),
    **_OF_A_CLIP_AND_FRAMES,
}

# What an LLM thinks of the answer of a task (`teacher_continue_ids`), at each of its tokens and at the end of turn:
# voxsmith.models.top_log_probs says how it is written. Each place has the same number of entries, so that datasets loads arrays.
TOP = 32  # of the likeliest tokens, at most
TEACHER_COLUMNS = {
    "ids": Column(
        pa.list_(pa.list_(pa.uint16(), TOP)), "its likeliest tokens: the lower 16 bits of their ids", "distribution"
    ),
    "ids_high": Column(pa.list_(pa.list_(pa.uint8(), TOP)), "the bits above them", "distribution"),
    "log_probs": Column(
        pa.list_(pa.list_(pa.uint16(), TOP)),
        "their log-probabilities: -32 / 65534 times the number; 65535: no entry",
        "distribution",
    ),
    "rest": Column(
        pa.list_(pa.list_(pa.float32(), 2)),
        "ln of what all other tokens sum up to, as they are and flattened by the temperature",
        "distribution",
    ),
    "mass": Column(_NUMBER, "what the likeliest tokens sum up to, mean of the places", "measure", step=0.001),
    "least_mass": Column(_NUMBER, "the same at the place where it is least", "measure", step=0.001),
    "of": Column(_TEXT, "digests of its model, tokenizer and prompt, and the temperature", "label"),
}
TEACHES = ("answer", "continue", "transcribe", "translate")  # tasks of voxsmith.schemas.tasks

# Not a column of rows but one file for the whole recipe: what a fit stage writes and a later stage reads.
ARTIFACTS = {
    "codebook": "k-means centroids of encoder features, float32 [k, width]",
    "babble": "voices of the corpus, to be mixed as babble, int16 [voices, samples] at 16 kHz",
}

# Names that rows and exported files use for themselves.
RESERVED = ("provenance", "split", "place", "raw", "reject", *ARTIFACTS)


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


def place_of(name: str) -> tuple[str, str]:
    """The column's group, and what it is called there: ("answer", "audio") of `answer_audio`."""
    prefix, _, base = name.partition("_")
    return _PLACES.get(name) or ((prefix, base) if prefix in GROUPS[1:] and base else (ROW, name))


def group_of(name: str) -> str:
    """The group that the column is of."""
    return place_of(name)[0]


def expand(declared: Mapping[str, Column]) -> dict[str, Column]:
    """The columns by their full names: the row's own, then those of the query, of the answer and of the other groups."""
    full = {name: column for name, column in declared.items() if column.per == "row"}
    of_clips = {name: column for name, column in declared.items() if column.per != "row"}
    for group in (*SIDES, CONTINUATION, AUGMENTED, ROW):
        full |= {name: column for base, column in of_clips.items() if (name := full_name(group, base)) not in full}
    return full


# Ours, by full name, in the order of an export.
COLUMNS = {
    **ROW_COLUMNS,
    **OWN_COLUMNS,
    **{f"teacher_{task}_{name}": one for task in TEACHES for name, one in TEACHER_COLUMNS.items()},
    **{full_name(side, base): one for side in SIDES for base, one in SIDE_COLUMNS.items()},
    **{full_name(CONTINUATION, base): one for base, one in CONTINUATION_COLUMNS.items()},
    **{full_name(AUGMENTED, base): one for base, one in AUGMENTED_COLUMNS.items()},
}


def column(name: str, columns: Mapping[str, Column] = COLUMNS) -> Column | None:
    """The column called `name`, numbered (`query_audio_2`) or not; None where there is no such column."""
    if name in columns:
        return columns[name]
    match = re.fullmatch(r"(.+)_(\d+)", name)
    numbered = columns.get(match[1]) if match else None
    return numbered if numbered is not None and numbered.per == "attempt" else None


def measures(columns: Mapping[str, Column]) -> list[str]:
    """The columns that are exported and counted as numbers."""
    return [name for name, one in columns.items() if one.role == "measure" and one.exported and one.step is not None]


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
    aside = ("id", "origin", "written")
    return [
        Group(name, some)
        for name, some in by_group.items()
        if any(column.role not in aside for column in some.values())
    ]
