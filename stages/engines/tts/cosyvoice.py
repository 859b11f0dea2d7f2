"""TTS: CosyVoice. CosyVoice-300M-SFT speaks in its own named voices, CosyVoice2-0.5B in those of a voice bank.

The library is a repository on GitHub, on no package registry: `source` names a clone of it. It says one text at a time
and draws at random (which sound, which noise), so each request has its own seed. It reads the text as it is: numbers
were written out before, by `normalise`.
"""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.models import references as catalogue
from voxsmith.models.optional import versions
from voxsmith.models.out_of_memory import out_of_memory
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_device import torch_device
from voxsmith.stages.engines import voice_bank
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.engines.clips import RATE
from voxsmith.stages.engines.tts import cosyvoice_files as files
from voxsmith.stages.engines.tts import cosyvoice_library as library
from voxsmith.stages.engines.tts.long_texts import joined, pieces
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip, Speak

NAME = library.NAME


class Config(EngineConfig):
    """Settings of `tts_cosyvoice`."""

    model: str = Field(description="the folder of CosyVoice-300M-SFT or CosyVoice2-0.5B, or hub:org/name[@revision]")
    bank: str = Field("", description="for CosyVoice2: a voice bank's folder, whose voices are cloned; in no key")
    check_bank: bool = Field(True, description="no start with a clip in the bank that is no good to clone; in no key")
    source: str = Field("", description="the folder of the clone of CosyVoice; '': a package of its interpreter")
    dtype: Literal["float32", "float16"] = Field("float32", description="float16: on a GPU alone")
    longest: int = Field(80, ge=10, description="tokens said at once; a longer text is cut between sentences")


def identity(config: Config) -> dict[str, Any]:
    """What replies depend on; of a cloned voice each request says itself. Raises ModelMissing."""
    return {
        "backend": NAME,
        "version": versions(config.resources.python, "torch", "transformers"),
        "code": library.digest(config.source, config.resources.python),
        "model": catalogue.identity(config.model),
        "dtype": config.dtype,
        "longest": config.longest,
    }


def voices(config: Config) -> dict[str, str] | None:
    """Each voice and the digest of what it is cloned from; None while the model isn't here. Raises ModelMissing."""
    if config.bank:
        return voice_bank.digests(config.bank)
    if (folder := catalogue.locate(config.model)) is None:
        return None
    files.kind_of(folder, config.bank)
    return dict.fromkeys(files.speakers(folder / files.SPEAKERS), "")


class CosyVoice(Batching):
    def __init__(self, config: Config) -> None:
        folder = catalogue.resolve(config.model)
        kind = files.kind_of(folder, config.bank)
        self.bank = voice_bank.read_bank(config.bank) if config.bank else {}
        if config.check_bank:
            voice_bank.refuse_faulty(self.bank.values())
        if problem := library.missing(config.source, ""):
            raise ModelMissing(problem)
        if not config.resources.num_gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # CosyVoice takes any GPU that it sees
        if config.dtype == "float16" and not config.resources.num_gpus:
            raise ModelMissing(f"{NAME}: dtype float16 takes a GPU: resources: {{num_gpus: 1}}")
        torch_device(NAME, config.resources)
        files.check_weights(folder)
        self.model = library.loaded(config.source, kind, folder, half=config.dtype == "float16")
        self.rate: int = self.model.sample_rate
        self.longest = config.longest
        self.failure: Exception | None = None  # of the language model, in the text that is being said
        self.known: set[str] = set()  # digests of the voices whose clips have been heard
        self._watch()
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Clip]:
        """Raises Refused: `unspeakable`, `unknown_voice`, `bad_voice`; Unavailable where memory is too small for a text."""
        return [self._reply(request) for request in requests if isinstance(request, Speak)]

    def _reply(self, request: Speak) -> Clip:
        samples = self.say(request)
        try:
            return Clip(audio.finish(samples, self.rate, request.sample_rate, request.loudness))
        except audio.BadAudio as error:
            raise Refused("unspeakable", f"CosyVoice made no sound of {request.text[:80]!r}: {error}") from error

    def say(self, request: Speak) -> np.ndarray:
        """What the text sounds like, float32 [n] at the model's rate."""
        text = " ".join(request.text.split())
        if "<|" in text:
            raise Refused("unspeakable", f"'<|' begins a command to CosyVoice, in {text[:80]!r}")
        parts = [part for part in pieces(text, self._fits) if any(letter.isalnum() for letter in part)]
        if not parts:
            raise Refused("unspeakable", f"there is nothing to say in {text[:80]!r}")
        voice = self._voice(request)
        library.seed_all(request.seed)
        return joined([self._said(part, voice, request.speed) for part in parts], self.rate)

    def _fits(self, text: str) -> bool:
        front = self.model.frontend
        return len(front.tokenizer.encode(text, allowed_special=front.allowed_special)) <= self.longest

    def _voice(self, request: Speak) -> str:
        """The name by which CosyVoice knows the voice. A bank's clip is analysed once."""
        if not self.bank:
            if request.voice not in self.model.frontend.spk2info:
                known = ", ".join(self.model.frontend.spk2info)
                raise Refused("unknown_voice", f"no voice '{request.voice}'; there are {known}")
            return request.voice
        if request.voice not in self.bank:
            raise Refused("unknown_voice", f"no voice '{request.voice}' in the bank; there are {', '.join(self.bank)}")
        one = self.bank[request.voice]
        if request.reference not in ("", one.digest):
            raise Unavailable("the voice bank has changed since the run began; the same command goes on")
        if one.digest not in self.known:
            with self._blamed(f"the clip of '{request.voice}'"):
                try:
                    self.model.add_zero_shot_spk(one.voice.text, self._prompt(one), one.digest)
                except AssertionError as error:  # how CosyVoice says that a clip is too long
                    raise Refused("bad_voice", f"CosyVoice can't clone '{request.voice}': {error}") from None
            self.known.add(one.digest)
        return one.digest

    def _prompt(self, one: voice_bank.Reference) -> Any:
        """The clip as this CosyVoice wants it: the name of a file; older ones, samples at 16 kHz, float32 [1, n]."""
        if "prompt_wav" in inspect.signature(self.model.add_zero_shot_spk).parameters:
            return str(one.file)
        return library.read_clip(str(one.file), RATE)

    def _said(self, text: str, voice: str, speed: float) -> np.ndarray:
        how = {"stream": False, "speed": speed, "text_frontend": False}
        self.failure = None
        with self._blamed(repr(text[:80])):
            if self.bank:
                outputs = list(self.model.inference_zero_shot(text, "", "", zero_shot_spk_id=voice, **how))
            else:
                outputs = list(self.model.inference_sft(text, voice, **how))
            if self.failure:
                raise self.failure
        samples = np.concatenate([one["tts_speech"].float().cpu().numpy().reshape(-1) for one in outputs])
        if not np.isfinite(samples).all():
            raise Refused("unspeakable", f"CosyVoice made samples that aren't finite numbers of {text[:80]!r}")
        return samples

    @contextmanager
    def _blamed(self, what: str) -> Iterator[None]:
        """Errors as verdicts: memory that ran out, a text that the language model gives up."""
        try:
            yield
        except (Refused, Unavailable):
            raise
        except Exception as error:
            first = self.failure or error
            if out_of_memory(first):
                _give_memory_back()
                raise Unavailable(f"{NAME}: out of memory on {what} alone") from None
            if "max_trials" in str(first):
                raise Refused("unspeakable", f"CosyVoice's language model didn't end {what}") from None
            raise first from None

    def _watch(self) -> None:
        """CosyVoice's language model runs in a thread: were it to fail there, what it had so far would be spoken."""
        speak = self.model.model.llm_job

        def llm_job(*args: Any, **named: Any) -> None:
            try:
                speak(*args, **named)
            except Exception as error:
                self.failure = error

        self.model.model.llm_job = llm_job


def _give_memory_back() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=CosyVoice,
    identity=identity,
    batch_invariant=True,
    extra="cosyvoice",
    trouble=lambda config: library.missing(config.source, config.resources.python),
    voices=voices,
    voice_licences=lambda config: voice_bank.licences(config.bank) if config.bank else {},
)
