"""Clips and transcripts of one's own, as columns of a row that the stages which listen and judge find."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from voxsmith.models import audio
from voxsmith.pipeline.check.rows import Given
from voxsmith.pipeline.check.walk import Ask, Engines, NotThere, Unasked, with_checks
from voxsmith.pipeline.recipe.nodes import Graph, Node
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.schemas.columns import full_name, text_column
from voxsmith.stages.context import Reject, Row
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.clip import ReadClip
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.requests.tts import Speak

MEASURES = ("heard", "wer", "cer", "mos", "duration", "silence", "clipping", "tail")
_OF_WORDS = MEASURES[:3]
_LIMITS_OF_WORDS = ("wer", "cer", "lost", "added")
_RATE = 16_000  # hertz of clips for a group that the recipe speaks none of
_LONGEST = 120.0  # seconds of a clip: what is longer is a recording, which `voxsmith cut` cuts


class Clips:
    """Clips of files below a folder, read as sources' clips are: no path leads out of it."""

    def __init__(self, folder: Path) -> None:
        reader = backend("clip_reader")
        self._reader = reader.load(reader.config.model_validate({"roots": {"": str(folder)}}))

    def row(self, judge: Node, graph: Graph, given: Given) -> Row:
        """Text and clip, for the stages that listen and rate. Raises Reject, and NotThere where the file can't be read now."""
        group, rate = judge.config.of, _rate(graph, judge.config.of)
        try:
            place = ClipReference(given.fields["audio"]).text
            clip = self._reader.submit(ReadClip(place=place, source="", sample_rate=rate)).result().flac
        except ValueError as error:
            raise Reject("bad_reference", str(error)) from None
        except Refused as refused:
            raise Reject(refused.reason, refused.message) from None
        except (Unavailable, OSError) as error:
            raise NotThere(f"{given.fields['audio']}: {error}") from None
        seconds = len(audio.decode(clip)[0]) / rate
        if seconds > _LONGEST:
            raise Reject("too_long", f"the clip lasts {seconds:.0f} s, and may last {_LONGEST:g}: cut it at its pauses")
        return {text_column(group): given.fields["text"], _audio(judge): {"bytes": clip, "path": given.fields["audio"]}}

    def close(self) -> None:
        self._reader.close()


def transcript_row(judge: Node, given: Given) -> Row:
    """A transcript, as if it had been heard in a clip; with one that is as good as none, for the stage that listens."""
    group = judge.config.of
    row = {text_column(group): given.fields["text"]}
    if judge.stage.name == "verify":
        return row | {full_name(group, "heard"): given.fields["heard"]}
    return row | {_audio(judge): {"bytes": _tone(), "path": "tone.flac"}}


def hears(given: Given) -> Ask:
    """An engine that hears the row's transcript, and rates nothing."""

    def ask(node: Node, request: Request) -> Any:
        if isinstance(request, Transcribe):
            return Heard(given.fields["heard"])
        raise Unasked

    return ask


def listens(engines: Engines) -> Ask:
    """The recipe's engines that hear and measure clips; texts and clips are given, so nobody is asked for one."""

    def ask(node: Node, request: Request) -> Any:
        if isinstance(request, Speak | Complete):
            raise Unasked
        return engines.ask(node, request)

    return ask


def words_alone(judge: Node) -> Node:
    """The stage with the recipe's limits on words, and none on anything else: of a transcript there is no clip."""
    if judge.stage.name == "verify":
        return judge
    return with_checks(judge, loosest(judge.checks, _LIMITS_OF_WORDS))


def loosest(checks: Any, but: tuple[str, ...] = ()) -> dict[str, float]:
    """A value for each limit `min_…` and `max_…`, but those on `but`, that refuses no clip."""
    given = {name: name.partition("_") for name, value in checks if isinstance(value, int | float)}
    ends = {"min": 0.0, "max": math.inf}
    return {name: ends[end] for name, (end, _, what) in given.items() if end in ends and what not in but}


def measures(group: str, row: Row, kind: str) -> dict[str, Any]:
    """What was measured of the row's clip, rounded for people. Of a transcript: what the words say."""
    names = _OF_WORDS if kind == "transcript" else MEASURES
    measured = {name: row.get(full_name(group, name, 1), row.get(full_name(group, name))) for name in names}
    return {name: _rounded(value) for name, value in measured.items() if value is not None}


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 4) if math.isfinite(value) else None


def _audio(judge: Node) -> str:
    """The clip that the stages before `judge` listen to: a first attempt's, or one that has none."""
    return full_name(judge.config.of, "audio", 1 if judge.stage.name == "pick" else 0)


def _rate(graph: Graph, group: str) -> int:
    spoken = (node for node in graph.nodes.values() if node.stage.name == "speak" and node.config.of == group)
    return next((node.config.sample_rate for node in spoken), _RATE)


@cache
def _tone() -> bytes:
    seconds = np.arange(_RATE) / _RATE
    return audio.encode((0.1 * np.sin(2 * np.pi * 200 * seconds) * np.hanning(len(seconds))).astype(np.float32), _RATE)
