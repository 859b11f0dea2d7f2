"""TTS: any server with OpenAI's speech API (POST /v1/audio/speech): hosted ones, and those of Kokoro, fish-speech or vLLM-Omni.

Its voices are the server's, by their names there.
"""

import asyncio
from concurrent.futures import Future
from typing import Literal

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.models.loading import one_line
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.openai_client import Again, Client, ServerConfig, server_backend
from voxsmith.stages.engines.tts.foreign_clip import decoded
from voxsmith.stages.engines.tts.long_texts import joined, pieces
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip, Speak

_PATH = "/audio/speech"
# What a text may last is bounded, and so is what a server may send: seconds in all, for each letter (slow speech has
# four a second), and bytes a second (48 kHz as 16 bits; a clip hardly lasts as long as it may).
_SECONDS, _LETTER, _BYTES = 30.0, 0.5, 96_000


class Config(ServerConfig):
    """Settings of `tts_openai`."""

    format: Literal["wav", "flac"] = Field("wav", description="what the server sends; both lose nothing")
    longest: int = Field(4000, ge=50, description="characters said at once; a longer text is cut between sentences")


class OpenAISpeech(Client):
    config: Config

    def submit(self, request: Request) -> "Future[Clip]":
        if not isinstance(request, Speak):
            raise TypeError(f"a voice can't take a {type(request).__name__}")
        return self.start(self._speak(request))

    async def _speak(self, request: Speak) -> Clip:
        """Raises Refused: `unspeakable`, and what the server refuses; Unavailable."""
        text = " ".join(request.text.split())
        if not any(letter.isalnum() for letter in text):
            raise Refused("unspeakable", f"there is nothing to say in {request.text[:80]!r}")
        clips = [
            await self.insist(lambda part=part: self._try(part, request))  # type: ignore[misc]
            for part in pieces(text, lambda part: len(part) <= self.config.longest)
        ]
        rates = {rate for _, rate in clips}
        if len(rates) > 1:
            where = self.config.base_url + _PATH
            raise Unavailable(f"{where}: the sample rate changed within a text: {sorted(rates)} Hz")
        return await asyncio.to_thread(self._finished, clips, rates.pop(), request)  # others may ask meanwhile

    def _finished(self, clips: list[tuple[np.ndarray, int]], rate: int, request: Speak) -> Clip:
        try:
            samples = joined((samples for samples, _ in clips), rate)
            return Clip(audio.finish(samples, rate, request.sample_rate, request.loudness))
        except Exception as error:  # it was sound, a hundredth of a second say: no fault of the words
            where = self.config.base_url + _PATH
            raise Unavailable(f"{where}: a clip that can't be finished: {one_line(error)}") from error

    async def _try(self, text: str, request: Speak) -> tuple[np.ndarray, int]:
        """One exchange: samples, float32 [n], and hertz. Raises Again, Unavailable or Refused."""
        create = self.client.audio.speech.with_raw_response.create
        extra = {name: value for name, value in self.config.extra.items() if value is not None}
        plainly = None if text == "Hello" else lambda: self._try("Hello", request)
        seconds = _SECONDS + _LETTER * len(text) / request.speed
        content = await self.exchange(
            _PATH,
            lambda: create(
                model=self.config.model,
                voice=request.voice,
                input=text,
                response_format=self.config.format,
                speed=request.speed,
                extra_body=extra,
            ),
            plainly,
            round(_BYTES * seconds),
        )
        where = self.config.base_url + _PATH
        try:
            samples, rate = decoded(content, seconds)
        except audio.BadAudio as error:
            start = self.quote(content[:200].decode(errors="replace"))
            raise Again(f"{where}: a reply that isn't {self.config.format} ({error}): {start!r}") from None
        if not len(audio.trim(samples, rate)) and any(letter.isalnum() for letter in text):
            refused = Refused("unspeakable", f"the server made no sound of {text[:80]!r}")
            raise await self.judged(refused, f"{where}: {refused}", plainly)
        return samples, rate


BACKEND = server_backend("tts_openai", Config, OpenAISpeech, lambda config: {"longest": config.longest})
