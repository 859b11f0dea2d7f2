"""Every column a row can have: its Arrow type and its meaning.

A *side* is `query` (the user's utterance) or `answer` (the assistant's). Columns of one side share a prefix, and
columns that exist once an attempt end in its number: `query_audio_2` is the second try at speaking the query.
"""

import re
from typing import Annotated, Literal, NamedTuple

import pyarrow as pa
from pydantic import Field

SIDES = ("query", "answer")
Side = Annotated[Literal["query", "answer"], Field(description="whose texts and clips")]

# What `datasets.Audio` decodes as it is. `bytes` is a mono FLAC file; inside the store `path` is the digest of those
# bytes, so that a clip can be named without being read.
AUDIO = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


class Column(NamedTuple):
    type: pa.DataType
    doc: str


ROW_COLUMNS = {
    "id": Column(pa.string(), "names the row: conversation_id and turn"),
    "conversation_id": Column(pa.string(), "made of the source's name and the conversation's content"),
    "turn": Column(pa.int32(), "0 for the first exchange of a conversation"),
    "source": Column(pa.string(), "the recipe's name for where the row came from"),
    "licence": Column(
        pa.string(),
        "terms: the source's as the recipe states them; exported, all that bind",
    ),
    "instruction": Column(pa.string(), "what the user wrote: task and context joined"),
    "context": Column(pa.string(), "the part of the instruction that is material to work on (Alpaca's input), or null"),
}

SIDE_COLUMNS = {
    "text": Column(pa.string(), "what is said, in words a voice can say"),
    "method": Column(pa.string(), "how the text was made: llm, llm+context, rules, given, corrected"),
    "attempts": Column(pa.int32(), "how often the LLM was asked for the text"),
    "spoken": Column(pa.string(), "the text as the TTS gets it (numbers, abbreviations written out)"),
    "audio": Column(AUDIO, "the clip"),
    "voice": Column(pa.string(), "the voice of the clip"),
    "heard": Column(pa.string(), "what ASR heard in the clip"),
    "wer": Column(pa.float32(), "word error rate of `heard` against `text`, after Whisper's normaliser"),
    "cer": Column(pa.float32(), "character error rate, likewise"),
    "duration": Column(pa.float32(), "seconds"),
    "silence": Column(pa.float32(), "longest silent stretch inside the clip, seconds"),
    "clipping": Column(pa.float32(), "share of samples at the clip's own peak: the flat tops of clipping"),
    "tail": Column(
        pa.float32(), "level of the last 20 ms against the clip's loudness, dB: near 0 where speech is cut off"
    ),
    "mos": Column(pa.float32(), "predicted mean opinion score, 1 to 5"),
    "similarity": Column(
        pa.float32(), "likeness of the clip's voice to its reference and to its conversation's other clips, at most 1"
    ),
    "speech_attempts": Column(pa.int32(), "how often the text was spoken until a clip passed"),
    "units": Column(pa.list_(pa.uint16()), "discrete units, equal neighbours merged where the recipe says so"),
    "unit_durations": Column(pa.list_(pa.uint16()), "frames that each unit lasts"),
}

# Measured once an attempt, before `pick` has chosen one.
PER_ATTEMPT = ("audio", "voice", "heard", "wer", "cer", "duration", "silence", "clipping", "tail", "mos")

# Not a column of rows but one file for the whole recipe: what a fit stage writes and a later stage reads.
ARTIFACTS = {"codebook": "k-means centroids of encoder features, float32 [k, width]"}

_SIDE = re.compile(rf"^({'|'.join(SIDES)})_([a-z_]+?)(?:_(\d+))?$")


def column(name: str) -> Column | None:
    """The column called `name`, or None where there is no such column."""
    if name in ROW_COLUMNS:
        return ROW_COLUMNS[name]
    match = _SIDE.match(name)
    if not match:
        return None
    _, base, attempt = match.groups()
    if attempt is not None and base not in PER_ATTEMPT:
        return None
    return SIDE_COLUMNS.get(base)


def known_columns() -> list[str]:
    """Every name a recipe may use for a column, without the numbered ones."""
    return [*ROW_COLUMNS, *(f"{side}_{base}" for side in SIDES for base in SIDE_COLUMNS)]
