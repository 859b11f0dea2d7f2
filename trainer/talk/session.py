"""A conversation over a WebSocket: clips come, text, units and speech go, and who speaks again stops the answer.

From the page: {"say": "speak", "rate": 48000} begins a question, binary messages are its samples (16-bit whole numbers,
little-endian, mono, at that rate, or 16 kHz where none was said) as they are spoken, {"say": "ask"} ends it. {"say": "stop"},
and whatever begins a next question, ends the answer that is under way.
To the page: {"hello": …} first; then of each answer {"waiting": which question's, counted from 1} where another page is
answered, {"answer": which question's}, {"text": …}, {"units": […]}, binary messages (speech, like the question's but at the
vocoder's rate), at last {"end": …}; {"error": …} where a question can't be answered, with {"answer": …} of that question.
Each question is answered by itself: what was said before isn't in the prompt, because no phase trains on it.
"""

import asyncio
import json
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxsmith.models.audio import resample
from voxsmith.schemas.tasks import TaskName
from voxsmith.trainer.data.mel import RATE
from voxsmith.trainer.talk.command import Ready, Times
from voxsmith.trainer.talk.events import Audio, End, Token, Units
from voxsmith.trainer.talk.generate import generate
from voxsmith.trainer.talk.questions import SHORTEST, asked, longest_clip
from voxsmith.trainer.talk.sampling import Sampling
from voxsmith.trainer.talk.voice import SpokenUnits
from voxsmith.trainer.talk.wav import pcm16

RATES = range(8000, 192_001)  # hertz of microphones
Message = dict[str, Any] | bytes


@dataclass
class Partner:
    """A checkpoint in conversation, and how it answers. `alone`: it answers one question at a time, whoever asks."""

    trained: Ready
    task: TaskName
    most: int
    sampling: Sampling
    omega: int
    lookahead: int | None
    alone: asyncio.Lock

    def answer(self, clip: np.ndarray) -> Iterator[Message]:
        """What is sent to the page, as it comes. `clip`: float32 [n] at 16 kHz."""
        trained, times = self.trained, Times()
        network = trained.speaker.network
        voices = [SpokenUnits(trained.vocoder, self.omega, self.lookahead)] if trained.vocoder else []
        questions = asked(
            network, trained.chat, trained.recipe.request(self.task), [clip], trained.recipe.encoder.padded_to
        )
        device = next(network.parameters()).device
        for event in generate(trained.speaker, questions.to(device), self.most, self.sampling, voices):
            times.note(event)
            if isinstance(event, Token) and event.text:
                yield {"text": event.text}
            elif isinstance(event, Units):
                yield {"units": event.units}
            elif isinstance(event, Audio):
                yield pcm16(event.samples)
            elif isinstance(event, End):
                yield {"end": {"cut": event.cut, "first": {name: round(ms) for name, ms in times.first.items()}}}


async def converse(socket: Any, partner: Partner) -> None:
    """Until the page leaves. `socket`: starlette's WebSocket, accepted."""
    vocoder, seconds = partner.trained.vocoder, longest_clip(partner.trained.speaker.network)
    question, answering, number = _Question(seconds), _Answering(socket, partner), 0
    hello = {"rate": vocoder.rate if vocoder else None, "task": partner.task, "seconds": seconds}
    await socket.send_json({"hello": hello})
    try:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            if (samples := message.get("bytes")) is not None:
                await answering.stop()
                question.add(samples)
                continue
            wish, rate = _wish(message.get("text"))
            if wish in ("speak", "stop", "ask"):
                await answering.stop()
            if wish == "speak" and rate not in RATES:
                await socket.send_json({"error": f"a rate is a whole number from {RATES[0]} to {RATES[-1]}"})
            elif wish == "speak":
                question = _Question(seconds, rate)
            elif wish == "ask":
                number += 1
                if problem := question.problem():
                    await socket.send_json({"error": problem, "answer": number})
                else:
                    answering.start(number, question.clip())
                question = _Question(seconds)
            elif wish != "stop":
                await socket.send_json({"error": 'a message says "speak", "ask" or "stop"'})
    finally:
        await answering.stop()


class _Question:
    """A clip as it comes: 16-bit samples at `rate` hertz, `seconds` of them at most."""

    def __init__(self, seconds: float, rate: int = RATE) -> None:
        self._seconds, self._rate, self._bytes = seconds, rate, bytearray()
        self._most = 2 * int(seconds * rate)

    def add(self, samples: bytes) -> None:
        self._bytes += samples[: self._most + 2 - len(self._bytes)]  # one sample too many says that it is too long

    def problem(self) -> str:
        """Why it can't be answered; nothing where it can."""
        if len(self._bytes) < 2 * SHORTEST * self._rate:
            return "Nothing was heard: hold the key while you speak."
        return f"The question is too long: {self._seconds:g} s are the most." if len(self._bytes) > self._most else ""

    def clip(self) -> np.ndarray:
        """float32 [n] at 16 kHz."""
        whole = np.frombuffer(self._bytes[: len(self._bytes) // 2 * 2], "<i2")
        return resample(whole.astype(np.float32) / 32768, self._rate, RATE)[: int(self._seconds * RATE)]


class _Answering:
    """The answer that is under way, if one is. It is made in a thread, because it computes."""

    def __init__(self, socket: Any, partner: Partner) -> None:
        self._socket, self._partner = socket, partner
        self._task: asyncio.Task[None] | None = None
        self._begun, self._stopped = False, threading.Event()

    def start(self, number: int, clip: np.ndarray) -> None:
        self._begun, self._stopped = False, threading.Event()
        self._task = asyncio.create_task(self._run(number, clip, self._stopped))

    async def stop(self) -> None:
        """End it, and wait until nothing more of it is sent."""
        self._stopped.set()
        if self._task is not None:
            if not self._begun:  # it waits until another page's answer is over
                self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None

    async def _run(self, number: int, clip: np.ndarray, stopped: threading.Event) -> None:
        if self._partner.alone.locked():
            await self._send({"waiting": number}, stopped)
        async with self._partner.alone:
            self._begun = True
            await self._send({"answer": number}, stopped)
            await self._answer(number, clip, stopped)

    async def _answer(self, number: int, clip: np.ndarray, stopped: threading.Event) -> None:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Message | None]()

        def work() -> None:
            try:
                for message in self._partner.answer(clip):
                    if stopped.is_set():
                        break
                    loop.call_soon_threadsafe(queue.put_nowait, message)
            except Exception as error:  # said to who asked, with all of it in the server's window; the server goes on
                traceback.print_exc()
                said = f"The answer broke off ({type(error).__name__}: {error}); the server's window says more."
                loop.call_soon_threadsafe(queue.put_nowait, {"error": said, "answer": number})
            finally:
                loop.call_soon_threadsafe(queue.put_nowait, None)

        working = loop.run_in_executor(None, work)
        while (message := await queue.get()) is not None:
            await self._send(message, stopped)
        await working

    async def _send(self, message: Message, stopped: threading.Event) -> None:
        if stopped.is_set():
            return
        try:
            await (self._socket.send_bytes if isinstance(message, bytes) else self._socket.send_json)(message)
        except Exception:  # the page left in the meantime: each server has an exception of its own for that
            stopped.set()


def _wish(text: str | None) -> tuple[str, Any]:
    """What a message says, and its rate."""
    with suppress(ValueError, TypeError, RecursionError):
        said = json.loads(text or "")
        if isinstance(said, dict):
            return str(said.get("say", "")), said.get("rate", RATE)
    return "", RATE
