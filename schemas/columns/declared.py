"""Every column of ours: its Arrow type, its meaning, and its role."""

import re
from collections.abc import Mapping

import pyarrow as pa

from voxsmith.schemas.columns.definition import AUDIO, Column, Gate
from voxsmith.schemas.columns.groups import AUGMENTED, CONTINUATION, ROW, SIDES, TRANSLATIONS, full_name
from voxsmith.schemas.columns.judged import JUDGED_COLUMNS
from voxsmith.schemas.languages import LANGUAGES

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
        "word error rate of `heard` against `text`, both in words, numbers too",
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
    **{f"translation_{code}": Column(_TEXT, f"the text in {name}", "text") for code, name in LANGUAGES.items()},
    "speaker": Column(_TEXT, "who speaks, as the source has it", "label", given=True),
    "language": Column(_TEXT, "what is spoken, as a code: en", "label", given=True),
    **{name: SIDE_COLUMNS[name] for name in ("spoken", "voice", "speech_attempts")},
    **_OF_A_CLIP_AND_FRAMES,
}
# Of any row, where the recipe asks for it.
FLAGS = {
    "duplicate_of": Column(_TEXT, "the id of the earlier row that this one repeats, or null", "label"),
    "evaluation_overlap": Column(
        _TEXT, "the item of an evaluation set that the row holds, as set: item: how; or none", "label"
    ),
}
# Of how an utterance may go on, by what follows `continuation_`; its text is the row's `continuation`.
CONTINUATION_COLUMNS = {
    "method": Column(
        _TEXT,
        "how the continuation was made: llm, or llm+mended; answer: the row has an answer instead",
        "label",
        "side",
    ),
    "attempts": Column(pa.int32(), "how often the LLM was asked to go on", "measure", "side", step=1.0),
}
CONTINUATION_COLUMNS |= {name: one for name, one in SIDE_COLUMNS.items() if name not in ("text", *CONTINUATION_COLUMNS)}
# Of a translation, by what follows `translation_de_`; its text is `translation_de`, which is made of another text.
TRANSLATION_COLUMNS = {
    name: one for name, one in CONTINUATION_COLUMNS.items() if name not in ("method", "attempts", *_RECORDED)
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


def expand(declared: Mapping[str, Column]) -> dict[str, Column]:
    """The columns by their full names: the row's own, then those of the query, of the answer and of the other groups."""
    full = {name: column for name, column in declared.items() if column.per == "row"}
    of_clips = {name: column for name, column in declared.items() if column.per != "row"}
    for group in (*SIDES, CONTINUATION, AUGMENTED, *TRANSLATIONS, ROW):
        full |= {name: column for base, column in of_clips.items() if (name := full_name(group, base)) not in full}
    return full


# Ours, by full name, in the order of an export.
COLUMNS = {
    **ROW_COLUMNS,
    **OWN_COLUMNS,
    **FLAGS,
    **{f"teacher_{task}_{name}": one for task in TEACHES for name, one in TEACHER_COLUMNS.items()},
    **{full_name(side, base): one for side in SIDES for base, one in SIDE_COLUMNS.items()},
    **JUDGED_COLUMNS,
    **{full_name(CONTINUATION, base): one for base, one in CONTINUATION_COLUMNS.items()},
    **{full_name(AUGMENTED, base): one for base, one in AUGMENTED_COLUMNS.items()},
    **{full_name(group, base): one for group in TRANSLATIONS for base, one in TRANSLATION_COLUMNS.items()},
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
