"""`units`: a clip as a sequence of discrete units, with how long each lasts."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from voxsmith.schemas.columns import Of, full_name
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.units import Quantise
from voxsmith.stages.stage import Stage, StageConfig

if TYPE_CHECKING:
    from voxsmith.stages.engines.backend import Backend

_LONGEST = 65535  # frames: durations are uint16


class Config(StageConfig):
    """Settings of `units`."""

    of: Of
    codebook: Literal["fitted", "engine"] = Field(
        "fitted", description="whose centroids: those that fit_units fits, or those that the engine comes with"
    )
    merge: bool = Field(True, description="one unit for equal neighbours; false: a unit a frame, as USDM wants")


def units(row: Row, context: Context) -> Asking:
    """Writes the group's units and unit_durations, both uint16, one entry a unit; durations in frames."""
    (clip,), written = _reads(context.config), _writes(context.config)
    reply = yield Quantise(clip=row[clip]["bytes"], codebook=context.artifacts.get("codebook", b""))
    merged, durations = merge(reply.frames) if context.config.merge else (reply.frames, np.ones_like(reply.frames))
    return dict(zip(written, (merged.tolist(), durations.tolist()), strict=True))


def _reads(config: Config) -> tuple[str, ...]:
    return (full_name(config.of, "audio"),)


def _writes(config: Config) -> tuple[str, ...]:
    return full_name(config.of, "units"), full_name(config.of, "unit_durations")


def merge(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run-length coding: np.repeat of the two, uint16 each, gives the frames (uint16 [n]) back exactly."""
    if not len(frames):
        return frames.astype(np.uint16), frames.astype(np.uint16)
    starts = np.flatnonzero(np.diff(frames, prepend=frames[0] ^ 1))
    pieces = [
        np.arange(start, end, _LONGEST) for start, end in zip(starts, np.append(starts[1:], len(frames)), strict=True)
    ]
    cuts = np.concatenate(pieces)
    return frames[cuts].astype(np.uint16), np.diff(cuts, append=len(frames)).astype(np.uint16)


def _refuses_engine(config: Config, backend: "Backend[Any]", settings: Any) -> str:
    """Why the engine won't do: it has no codebook where its own is wanted, or can't take another."""
    if config.codebook == "engine" and not backend.has_codebook(settings):
        return "codebook: engine: the engine has none of its own; give it `codebook: FILE`, or say codebook: fitted"
    if config.codebook == "fitted" and backend.only_own_codebook:
        return "codebook: fitted: the engine's codebook is part of its model; say codebook: engine"
    return ""


STAGE = Stage(
    name="units",
    config=Config,
    reads=_reads,
    writes=_writes,
    run=units,
    engine="units",
    artifacts=lambda config: ("codebook",) if config.codebook == "fitted" else (),
    refuses_engine=_refuses_engine,
)
