"""A conversation over a WebSocket: clips come, text, units and speech go, and who speaks again stops the answer.

From the page: binary messages, the question's samples (16-bit whole numbers, little-endian, mono, 16 kHz) as they are
spoken, then {"say": "ask"}. {"say": "stop"}, or samples of a next question, end the answer that is under way.
To the page: {"hello": …} first; then of each answer {"answer": which question's, counted from 1}, {"text": …},
{"units": […]}, binary messages (speech, like the question's but at the vocoder's rate), at last {"end": …};
{"error": …} where a question can't be answered.
Each question is answered by itself: what was said before isn't in the prompt, because no phase trains on it.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxsmith.trainer.data.mel import RATE
from voxsmith.trainer.data.tasks import TASKS, TaskName
from voxsmith.trainer.talk.command import PADDED, Ready, Times
from voxsmith.trainer.talk.events import Audio, End, Token, Units
from voxsmith.trainer.talk.generate import generate
from voxsmith.trainer.talk.questions import asked, longest_clip
from voxsmith.trainer.talk.sampling import Sampling
from voxsmith.trainer.talk.voice import SpokenUnits

_SHORTEST = 0.1  # seconds of a question
Message = dict[str, Any] | bytes


@dataclass
class Partner:
    """A checkpoint in conversation, and how it answers. `alone`: it answers one question at a time, whoever asks."""

    made: Ready
    task: TaskName
    most: int
    sampling: Sampling
    omega: int
    lookahead: int | None
    alone: asyncio.Lock

    def answer(self, clip: np.ndarray) -> Iterator[Message]:
        """What is sent to the page, as it comes. `clip`: float32 [n] at 16 kHz."""
        made, times = self.made, Times()
        network = made.speaker.network
        voices = [SpokenUnits(made.vocoder, self.omega, self.lookahead)] if made.vocoder else []
        padded = PADDED if made.recipe.encoder.pad_to_30s else None
        questions = asked(network, made.chat, TASKS[self.task].request, [clip], padded)
        device = next(network.parameters()).device
        for event in generate(made.speaker, questions.to(device), self.most, self.sampling, voices):
            times.note(event)
            if isinstance(event, Token) and event.text:
                yield {"text": event.text}
            elif isinstance(event, Units):
                yield {"units": event.units}
            elif isinstance(event, Audio):
                yield (event.samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes()
            elif isinstance(event, End):
                yield {"end": {"cut": event.cut, "first": {name: round(ms) for name, ms in times.first.items()}}}


async def converse(socket: Any, partner: Partner) -> None:
    """Until the page leaves. `socket`: starlette's WebSocket, accepted."""
    most = int(longest_clip(partner.made.speaker.network) * RATE) * 2
    vocoder, question, answering = partner.made.vocoder, bytearray(), _Answering(socket, partner)
    number = 0
    await socket.send_json({"hello": {"rate": vocoder.rate if vocoder else None, "task": partner.task}})
    try:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            if (samples := message.get("bytes")) is not None:
                await answering.stop()
                question += samples[: most + 2 - len(question)]  # one sample too many says that it is too long
                continue
            wish = _wish(message.get("text"))
            if wish == "stop":
                await answering.stop()
            elif wish == "ask":
                await answering.stop()
                number += 1
                clip, question = np.frombuffer(question[: len(question) // 2 * 2], "<i2"), bytearray()
                if problem := _problem(len(clip), most // 2):
                    await socket.send_json({"error": problem})
                else:
                    answering.start(number, clip.astype(np.float32) / 32768)
            else:
                await socket.send_json({"error": 'a message says "ask" or "stop"'})
    finally:
        await answering.stop()


class _Answering:
    """The answer that is under way, if one is. It is made in a thread, because it computes."""

    def __init__(self, socket: Any, partner: Partner) -> None:
        self._socket, self._partner = socket, partner
        self._task: asyncio.Task[None] | None = None
        self._stopped = threading.Event()

    def start(self, number: int, clip: np.ndarray) -> None:
        self._stopped = threading.Event()
        self._task = asyncio.create_task(self._run(number, clip, self._stopped))

    async def stop(self) -> None:
        """End it, and wait until nothing more of it is sent."""
        self._stopped.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def _run(self, number: int, clip: np.ndarray, stopped: threading.Event) -> None:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Message | None]()
        queue.put_nowait({"answer": number})

        def work() -> None:
            try:
                for message in self._partner.answer(clip):
                    if stopped.is_set():
                        break
                    loop.call_soon_threadsafe(queue.put_nowait, message)
            except Exception as error:  # said to who asked; the server goes on
                loop.call_soon_threadsafe(queue.put_nowait, {"error": f"{type(error).__name__}: {error}"})
            finally:
                loop.call_soon_threadsafe(queue.put_nowait, None)

        async with self._partner.alone:
            working = loop.run_in_executor(None, work)
            while (message := await queue.get()) is not None:
                if stopped.is_set():
                    continue
                try:
                    await (self._socket.send_bytes if isinstance(message, bytes) else self._socket.send_json)(message)
                except Exception:  # the page left in the meantime
                    stopped.set()
            await working


def _wish(text: str | None) -> str:
    with suppress(ValueError, TypeError):
        said = json.loads(text or "")
        if isinstance(said, dict):
            return str(said.get("say", ""))
    return ""


def _problem(samples: int, most: int) -> str:
    if samples < _SHORTEST * RATE:
        return "nothing was heard: hold the key while you speak"
    return f"the question is too long: {most / RATE:g} s are the most" if samples > most else ""
