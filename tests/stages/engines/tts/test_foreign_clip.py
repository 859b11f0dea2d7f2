"""What a server sends in place of a clip, and clips that are odd and can be heard all the same."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.hostile_clips import GOOD, HUM, NO_CLIPS, wav
from tests.helpers.raw_server import Sends, http, one_by_one, raw_server
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.tts import openai as tts_openai
from voxsmith.stages.requests.tts import Speak

TroubleWith = Callable[[str, Sends], str]
SPEAK = Speak("The sky is blue.", "anna")


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
