"""`recognise`: does a clip have the voice that it should? Like its reference clip, where its voice is one of a voice
bank, and like the other clips of its conversation.
"""

import numpy as np
from pydantic import Field

from voxsmith.schemas.columns import Of, full_name
from voxsmith.stages.context import AskingAll, Context, Row
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.requests.speaker import Embed
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    """Settings of `recognise`."""

    of: Of
    references: dict[str, str] = Field(default_factory=dict, description="digests of the bank's voices")


def recognise(rows: list[Row], context: Context) -> AskingAll:
    """Writes the group's similarity: the lower of the likeness (cosine, at most 1) to the reference, and to the mean of the
    conversation's other clips; null where there is neither, or too little speech to know a voice by.
    """
    config: Config = context.config
    clip, voice = full_name(config.of, "audio"), full_name(config.of, "voice")
    prints: list[np.ndarray | None] = []
    for row in rows:
        prints.append((yield from _heard(Embed(row[clip]["bytes"]))))
    written: list[Row] = []
    for place, (row, vector) in enumerate(zip(rows, prints, strict=True)):
        likeness = []
        if vector is not None:
            others = [other for one, other in enumerate(prints) if one != place and other is not None]
            if others:
                likeness.append(_cosine(vector, np.mean(others, axis=0)))
            if (digest := config.references.get(row[voice])) is not None:
                reference = yield from _heard(Embed(reference=digest))
                if reference is not None:
                    likeness.append(_cosine(vector, reference))
        written.append({full_name(config.of, "similarity"): min(likeness, default=None)})
    return written


def _heard(request: Embed):  # type: ignore[no-untyped-def]
    """The voice, or None where it can't be known: that is no verdict on the row."""
    try:
        reply = yield request
    except Refused:
        return None
    return reply.vector


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other))))


STAGE = Stage(
    name="recognise",
    config=Config,
    reads=lambda config: (full_name(config.of, "audio"),),
    optional=lambda config: (full_name(config.of, "voice"),),  # a clip that a person recorded has none
    writes=lambda config: (full_name(config.of, "similarity"),),
    run=recognise,
    engine="speaker",
    from_pipeline=("references",),
    each="conversation",
)
