"""TTS: any server with OpenAI's speech API (POST /v1/audio/speech): hosted ones, and those of Kokoro, fish-speech or vLLM-Omni.

Its voices are the server's, by their names there.
"""

import asyncio
from concurrent.futures import Future
from typing import Literal

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.openai_client import Again, Client, ServerConfig, server_backend
from voxsmith.stages.engines.tts.long_texts import joined, pieces
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip, Speak

_PATH = "/audio/speech"


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
            raise Refused("unspeakable", f"the server changed its sample rate within a text: {sorted(rates)} Hz")
        return await asyncio.to_thread(self._finished, clips, rates.pop(), request)  # others may ask meanwhile

    def _finished(self, clips: list[tuple[np.ndarray, int]], rate: int, request: Speak) -> Clip:
        try:
            samples = joined((samples for samples, _ in clips), rate)
            return Clip(audio.finish(samples, rate, request.sample_rate, request.loudness))
        except audio.BadAudio as error:
            raise Refused("unspeakable", f"the server made no sound of {request.text[:80]!r}: {error}") from error

    async def _try(self, text: str, request: Speak) -> tuple[np.ndarray, int]:
        """One exchange: samples, float32 [n], and hertz. Raises Again, Unavailable or Refused."""
        create = self.client.audio.speech.with_raw_response.create
        extra = {name: value for name, value in self.config.extra.items() if value is not None}
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
            None if text == "Hello" else lambda: self._try("Hello", request),
        )
        try:
            return audio.decode(content)
        except audio.BadAudio as error:
            start = self.quote(content[:200].decode(errors="replace"))
            where = self.config.base_url + _PATH
            raise Again(f"{where}: a reply that isn't {self.config.format} ({error}): {start!r}") from None


BACKEND = server_backend("tts_openai", Config, OpenAISpeech, lambda config: {"longest": config.longest})
