"""How soon an answer is heard, and how good it sounds, for several lengths of the chunks that units are spoken in (Omega).

As table 2 of LLaMA-Omni (arXiv 2409.06666): from the whole question to the first token, unit and audio, and how many words
of the answer are written by the time that its first audio comes. There is no network in it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from voxsmith.models.text.wer import Errors
from voxsmith.schemas.tasks import TaskName
from voxsmith.trainer.generated.answered import Answered
from voxsmith.trainer.generated.ears import Ears, listen
from voxsmith.trainer.talk.command import Ready
from voxsmith.trainer.talk.events import KINDS, Audio, Token, Units
from voxsmith.trainer.talk.generate import generate
from voxsmith.trainer.talk.questions import asked
from voxsmith.trainer.talk.voice import SpokenUnits

FIRSTS = ("token", "unit", "audio")


@dataclass(frozen=True)
class Clip:
    """A question: its samples, float32 [n] at 16 kHz."""

    id: str
    samples: np.ndarray


@dataclass
class Heard:
    """One answer. `first`: milliseconds from the question to the first of each kind, where one came; `lagging`: words written by the
    time of the first audio, None without audio. `speech`: all chunks joined, float32 [n] at the vocoder's rate.
    """

    id: str
    text: str = ""
    first: dict[str, float] = field(default_factory=dict)
    lagging: int | None = None
    units: int = 0
    speech: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True)
class Measure:
    """Of all questions at one Omega. `first`, `lagging`: medians over those that had audio, `silent` those that hadn't; `wer`: of the
    chunked speech, as ASR hears it, against the generated text, normalised, words of all answers together; `mos`: means. None
    and empty where nobody listened.
    """

    omega: int
    questions: int
    silent: int
    first: dict[str, float]
    lagging: float | None
    wer: float | None = None
    mos: dict[str, float] = field(default_factory=dict)


def measure(
    trained: Ready,
    clips: Sequence[Clip],
    omegas: Sequence[int],
    lookahead: int | None,
    most: int,
    task: TaskName,
    ears: Ears | None,
    clock: Callable[[], float] = time.monotonic,
) -> list[Measure]:
    """At each Omega, all questions, one by one. Each question is asked at all Omegas before the next one, so that what slows the
    machine slows all alike; the first question is asked once more before, and doesn't count. `most`: tokens of an answer.
    `ears`: without, an answer ends with its first audio.
    """
    every: dict[int, list[Heard]] = {omega: [] for omega in omegas}
    answer(trained, clips[0], omegas[0], lookahead, most, task, ears is not None, clock)
    for clip in clips:
        for omega in omegas:
            every[omega].append(answer(trained, clip, omega, lookahead, most, task, ears is not None, clock))
    return [
        summed(omega, rows, trained.vocoder.rate if trained.vocoder else 0, task, ears) for omega, rows in every.items()
    ]


def answer(
    trained: Ready,
    clip: Clip,
    omega: int,
    lookahead: int | None,
    most: int,
    task: TaskName,
    whole: bool,
    clock: Callable[[], float] = time.monotonic,
) -> Heard:
    """One answer, as `talk` gives it. `whole`: go on behind the first audio."""
    assert trained.vocoder is not None
    network = trained.speaker.network
    device, voice = next(network.parameters()).device, SpokenUnits(trained.vocoder, omega, lookahead)
    heard, chunks, began = Heard(clip.id), [], clock()
    questions = asked(
        network, trained.chat, trained.recipe.request(task), [clip.samples], trained.recipe.encoder.padded_to
    ).to(device)
    for event in generate(trained.speaker, questions, most, voices=[voice]):
        if name := KINDS.get(type(event)):
            heard.first.setdefault(name, 1000 * (clock() - began))
        if isinstance(event, Token):
            heard.text += event.text
        elif isinstance(event, Units):
            heard.units += len(event.units)
        elif isinstance(event, Audio):
            heard.lagging = len(heard.text.split()) if heard.lagging is None else heard.lagging
            chunks.append(event.samples)
            if not whole:
                break
    if chunks:
        heard.speech = np.concatenate(chunks)
    return heard


def summed(omega: int, rows: Sequence[Heard], rate: int, task: TaskName, ears: Ears | None) -> Measure:
    """What all answers at one Omega come to."""
    spoken = [row for row in rows if "audio" in row.first]
    first = {name: median([row.first[name] for row in spoken]) for name in FIRSTS if spoken}
    lagging = median([row.lagging for row in spoken if row.lagging is not None]) if spoken else None
    wer, mos = None, {}
    if ears is not None and spoken:
        every = [_answered(row, rate, task) for row in spoken]
        listen(every, ears)
        wrong = sum((row.speech_errors["normalised"] for row in every if row.speech_errors), Errors())
        wer = wrong.wer
        names = sorted({name for row in every for name in row.mos})
        mos = {name: float(np.mean([row.mos[name] for row in every if name in row.mos])) for name in names}
    return Measure(omega, len(rows), len(rows) - len(spoken), first, lagging, wer, mos)


def _answered(row: Heard, rate: int, task: TaskName) -> Answered:
    none = np.zeros(0, np.float32)
    return Answered(
        row.id, task=task, question="", clip=none, reference="", text=row.text, cut=False, speech=row.speech, rate=rate
    )
