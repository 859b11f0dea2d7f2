"""Planted clips, good and bad in equal parts, through the real ASR and the real MOS: does the verdict tell them apart?

All are made of clips that Kokoro speaks here: the good ones as they are, the bad ones broken in the ways in which
speech synthesis breaks.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from talk import drive, unasked

from schemas.checks import Clip as Checks
from stages import audio, listen, pick, rate
from stages.engines import asr_whisper, mos_dnsmos, tts_kokoro
from stages.requests import Request, Speak
from stages.stage import Context, Reject

RATE = 16000
TEXTS = {
    "The weather is nice today, so we are going to the park.": "af_heart",
    "Could you give me a list of five healthy snacks?": "am_puck",
    "What's the capital of Australia?": "bf_emma",
    "Yes, I would love to help you with that.": "bm_fable",
    "Boil the pasta for nine minutes, then add some salt.": "af_bella",
    "How do I change a flat tire on the side of the road?": "bm_george",
    "Paris has about two million people.": "af_sarah",
    "She sold her old car, because it needed too many repairs.": "am_michael",
    "Please name three famous painters from Italy.": "bf_isabella",
    "Drink some water.": "af_kore",
    "Regular exercise helps you sleep.": "am_fenrir",
    "Um, could you tell me what a black hole is?": "af_sky",
    "The meeting was moved from Monday to Thursday.": "am_adam",
    "Can you write a short poem about the ocean in winter?": "bf_alice",
    "It cost twenty five dollars in nineteen ninety.": "bm_lewis",
    "I'd like you to explain how photosynthesis works.": "af_nova",
}
SENTENCES = list(TEXTS)


class Case(NamedTuple):
    name: str
    text: str
    clip: bytes
    good: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.text!r}"


@pytest.fixture(scope="module")
def say() -> Iterator[Callable[..., np.ndarray]]:
    kokoro = tts_kokoro.load(tts_kokoro.Config())

    def saying(text: str, voice: str, speed: float = 1.0) -> np.ndarray:
        return audio.decode(kokoro.speak(Speak(text, voice, speed=speed, sample_rate=RATE)).flac)[0]

    yield saying
    kokoro.close()


def planted(say: Callable[..., np.ndarray]) -> Iterator[Case]:
    spoken: dict[str, np.ndarray] = {}
    for text, voice in TEXTS.items():
        spoken[text] = say(text, voice)
        yield Case("as it is", text, audio.encode(spoken[text], RATE), True)
    yield Case("slower", SENTENCES[6], audio.encode(say(SENTENCES[6], "af_sarah", 0.9), RATE), True)
    yield Case("faster", SENTENCES[2], audio.encode(say(SENTENCES[2], "bf_emma", 1.1), RATE), True)
    yield Case("softer", SENTENCES[3], audio.encode(spoken[SENTENCES[3]] * 0.3, RATE), True)
    yield Case("two", f"{SENTENCES[9]} {SENTENCES[10]}", audio.encode(paused(spoken, 9, 10), RATE), True)
    for name, text, samples in broken(spoken, say):
        yield Case(name, text, audio.encode(samples, RATE), False)


def paused(spoken: dict[str, np.ndarray], *which: int) -> np.ndarray:
    pause = np.zeros(round(0.3 * RATE), np.float32)
    return np.concatenate([part for number in which for part in (spoken[SENTENCES[number]], pause)][:-1])


def noisy(samples: np.ndarray, decibels: float) -> np.ndarray:
    """White noise that many dB below the speech."""
    amplitude = 10 ** ((audio.active_level(samples, RATE) - decibels) / 20)
    return samples + np.random.default_rng(0).normal(0, amplitude, len(samples)).astype(np.float32)


def broken(spoken: dict[str, np.ndarray], say: Callable[..., np.ndarray]) -> Iterator[tuple[str, str, np.ndarray]]:
    def of(number: int) -> tuple[str, np.ndarray]:
        return SENTENCES[number], spoken[SENTENCES[number]]

    for wanted, said in ((0, 1), (4, 7), (9, 2)):
        yield "another text's clip", SENTENCES[wanted], spoken[SENTENCES[said]]
    for number, share in ((0, 0.5), (5, 0.85), (12, 0.85)):
        text, samples = of(number)
        yield f"cut off at {share:.0%}", text, samples[: int(share * len(samples))]
    for number, left_out in ((1, "healthy "), (8, "famous "), (13, "about the ocean "), (14, "dollars ")):
        text, _ = of(number)
        assert left_out in text
        yield f"without '{left_out.strip()}'", text, say(text.replace(left_out, ""), TEXTS[text])
    text, samples = of(3)
    middle = len(samples) // 2
    yield "a long silence", text, np.concatenate([samples[:middle], np.zeros(2 * RATE, np.float32), samples[middle:]])
    yield "clipped", SENTENCES[7], np.clip(spoken[SENTENCES[7]] * 10, -1, 1)
    yield "clipped, then levelled", SENTENCES[15], np.clip(spoken[SENTENCES[15]] * 10, -1, 1) * 0.2
    yield "noise at 20 dB", SENTENCES[11], noisy(spoken[SENTENCES[11]], 20)
    yield "noise at 5 dB", SENTENCES[6], noisy(spoken[SENTENCES[6]], 5)
    yield "noise alone", SENTENCES[2], np.random.default_rng(1).normal(0, 0.05, 2 * RATE).astype(np.float32)
    yield "silence alone", SENTENCES[2], np.zeros(2 * RATE, np.float32)
    yield "said twice", SENTENCES[10], paused(spoken, 10, 10)
    # Whisper drops false starts now and then: of six tried, one was not heard at all and passed for good.
    text, samples = of(0)
    yield "begun twice", text, np.concatenate([samples[: len(samples) // 2], samples])
    yield "twice as slow", SENTENCES[6], say(SENTENCES[6], "af_sarah", 0.5)


def test_bad_clips_are_caught_and_good_ones_pass(say: Callable[..., np.ndarray]) -> None:
    asr, mos = asr_whisper.load(asr_whisper.Config()), mos_dnsmos.load(mos_dnsmos.Config())
    cases: list[Case] = []
    judging: list[Future[str | None]] = []
    with ThreadPoolExecutor(2) as pool:  # the next clip is made while the last one is judged
        for case in planted(say):
            cases.append(case)
            judging.append(pool.submit(verdict, case, asr, mos))
    verdicts = [future.result() for future in judging]
    asr.close()
    mos.close()
    refused = [f"{case}: {found}" for case, found in zip(cases, verdicts, strict=True) if case.good and found]
    missed = [str(case) for case, found in zip(cases, verdicts, strict=True) if not case.good and not found]
    assert sum(case.good for case in cases) * 2 == len(cases) == 40
    assert len(refused) <= 0.1 * len(cases) / 2, refused
    assert len(missed) <= 0.05 * len(cases) / 2, missed


def verdict(case: Case, asr: asr_whisper.Whisper, mos: mos_dnsmos.Dnsmos) -> str | None:
    """Why `pick` rejects the clip, after `listen` and `rate`; None where it takes it."""

    def answer(request: Request) -> object:
        return (mos if type(request).__name__ == "Rate" else asr).submit(request).result(120)

    row = {"id": "r", "query_text": case.text, "query_audio_1": {"bytes": case.clip, "path": "a.flac"}}
    row |= {"query_voice_1": "a voice"}
    for stage in (listen, rate):
        written, _ = drive(stage.STAGE.run(row, Context(stage.Config(of="query"))), answer)
        row |= written
    try:
        picked, _ = drive(pick.STAGE.run(row, Context(pick.Config(of="query"), Checks())), unasked)
    except Reject as reject:
        return str(reject)
    assert picked["query_audio"] == 0
    return None
