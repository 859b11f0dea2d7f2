"""What a column is: its Arrow type, its meaning, what it is for, and how an export may limit it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

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
    "remark",  # for a second look: a judge's reasons, replies that were not taken
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
