"""What a server sends in place of a clip, and clips that are odd and can be heard all the same."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.raw_server import Sends, http, one_by_one, raw_server
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.tts import openai as tts_openai
from voxsmith.stages.requests.tts import Speak

TroubleWith = Callable[[str, Sends], str]
SPEAK = Speak("The sky is blue.", "anna")


def wav(samples: np.ndarray, rate: int = 24_000, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


HUM = 0.3 * np.sin(np.arange(24_000) * 0.05)
GOOD = wav(HUM)
NO_CLIPS = {
    "a page": b"<html>It works!</html>",
    "an object": b'{"audio": "UklGRg=="}',
    "half a WAV": GOOD[: len(GOOD) // 2],
    "a WAV's header": GOOD[:44],
    "half a FLAC": wav(HUM, kind="FLAC")[:4000],
    "a rate of 1 Hz": GOOD[:24] + (1).to_bytes(4, "little") + GOOD[28:],
    "a rate of 2 GHz": GOOD[:24] + (2**31 - 1).to_bytes(4, "little") + GOOD[28:],
    "a FLAC that claims 2^36 samples": b"".join(
        (whole := wav(HUM, kind="FLAC"), whole[:21], bytes([whole[21] | 15]), b"\xff" * 4, whole[26:])[1:]
    ),
    "a FLAC whose length is unknown": b"".join(
        (whole := wav(HUM, kind="FLAC"), whole[:21], bytes([whole[21] & 240]), bytes(4), whole[26:])[1:]
    ),
    "an hour of silence": wav(np.zeros(3600 * 8000), 8000, "FLAC"),
    "samples that are no number": wav(np.full(24_000, np.nan), subtype="FLOAT"),
    "samples beyond all measure": wav(HUM * 1e30, subtype="FLOAT"),
    "32 channels": wav(np.zeros((100, 32))),
    "silence": wav(np.zeros(24_000)),
}


@pytest.mark.parametrize("body", NO_CLIPS.values(), ids=NO_CLIPS)
def test_what_is_no_clip_is_no_verdict(trouble_with: TroubleWith, body: bytes) -> None:
    trouble_with("speech", lambda: [http(body, kind="audio/wav")])


CLIPS = {
    "another rate": wav(HUM, 44_100),
    "two channels": wav(np.stack([HUM, HUM], axis=1)),
    "a WAV that claims 4 GB": GOOD[:4] + b"\xff" * 4 + GOOD[8:40] + b"\xff" * 4 + GOOD[44:],
}


@pytest.mark.parametrize("body", CLIPS.values(), ids=CLIPS)
def test_what_can_be_heard_is(connect_to: Callable[..., Any], body: bytes) -> None:
    with raw_server(lambda: [http(body, kind="audio/wav")]) as server:
        clip = connect_to(tts_openai.BACKEND, base_url=server.url).submit(SPEAK).result(60)
    samples, rate = soundfile.read(io.BytesIO(clip.flac))
    assert rate == SPEAK.sample_rate and samples.ndim == 1
    assert len(samples) / rate == pytest.approx(24_000 / soundfile.info(io.BytesIO(body)).samplerate, abs=0.05)


def test_silence_is_a_verdict_only_where_plain_words_sound(connect_to: Callable[..., Any]) -> None:
    no_sound = pytest.raises(Refused, match="unspeakable: the server made no sound of")
    with raw_server(one_by_one(http(NO_CLIPS["silence"]), http(GOOD))) as server, no_sound:
        connect_to(tts_openai.BACKEND, base_url=server.url).submit(SPEAK).result(60)


def test_a_rate_that_changes_within_a_text_is_no_verdict(connect_to: Callable[..., Any]) -> None:
    with raw_server(one_by_one(http(GOOD), http(wav(HUM, 16_000)))) as server:
        engine = connect_to(tts_openai.BACKEND, base_url=server.url, longest=50)
        with pytest.raises(Unavailable, match=r"the sample rate changed within a text: \[16000, 24000\] Hz"):
            engine.submit(Speak("The sky is blue today. " * 4, "anna")).result(60)
