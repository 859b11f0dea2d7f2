"""Augmenter: noise, rooms, gain, telephone band, codecs and speed by signal processing (SciPy, pyroomacoustics, libsndfile).

Its folders of noises and of impulse responses are settings. What is put on a clip is in the request; only which file of a
folder, and from where on, is chosen here, by the request's seed.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from voxsmith.models import references as catalogue
from voxsmith.models.audio import BadAudio, decode, trim
from voxsmith.models.audio_size import check_size
from voxsmith.models.augment.codecs import coded
from voxsmith.models.augment.levels import NoSpeech, below_full_scale, mixed, rms_level
from voxsmith.models.augment.noise import BABBLE_RATE, babble, coloured
from voxsmith.models.augment.rooms import from_direct_sound, simulated, through
from voxsmith.models.augment.sounds import part, sounds
from voxsmith.models.augment.telephone import as_long, at_rate, faster, telephone
from voxsmith.models.bad_audio import described
from voxsmith.models.clip_note import comment_of, with_note
from voxsmith.models.optional import versions
from voxsmith.schemas.paths import beside_if_there
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.requests.augment import Augment
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip

NAME = "augmenter_signal"
_PACKAGES = ("scipy", "pyroomacoustics")
_PAUSE = -60.0  # dBFS: a part of a noise that is softer is a pause, and the file is taken from where something is heard
_LONGEST_NOISE = 600.0  # seconds of a noise that are looked through then
_LONGEST_ROOM = 3.0  # seconds of an impulse response that count
Effect = dict[str, Any]


class Config(EngineConfig):
    """Settings of `augmenter_signal`."""

    noises: str = Field("", description="a folder of noises, MUSAN's say; sound files at any depth")
    rooms: str = Field("", description="a folder of rooms' impulse responses")

    @field_validator("noises", "rooms")
    @classmethod
    def _folders_beside_the_recipe(cls, value: str, info: ValidationInfo) -> Any:
        return beside_if_there(value, info) if value else value


def models(config: Config) -> tuple[str, ...]:
    return tuple(folder for folder in (config.noises, config.rooms) if folder)


def identity(config: Config) -> dict[str, Any]:
    """What replies depend on, the content of each folder included. Raises ModelMissing: no folder, no sounds, a broken one."""
    folders = [_identity_of(key, folder) if folder else "" for key, folder in _folders(config)]
    packages = ("numpy", "soundfile", "soxr", *_PACKAGES, "av")
    return {
        "backend": NAME,
        "version": versions(config.resources.python, *packages),
        "model": " ".join(folders).strip(),
    }


def _folders(config: Config) -> tuple[tuple[str, str], ...]:
    return ("noises", config.noises), ("rooms", config.rooms)


def _identity_of(key: str, folder: str) -> str:
    try:
        if not (os.path.exists(folder) or ":" in folder):  # of the hub, or of a site
            raise catalogue.ModelMissing(f"there is no folder {folder}; sound files are wanted, at any depth")
        named = catalogue.identity(folder)
        if path := catalogue.locate(folder):
            _checked(path, named)
        return named
    except catalogue.ModelMissing as error:
        raise catalogue.ModelMissing(str(error), key=key) from None


@cache
def _checked(path: Path, content: str) -> list[Path]:
    """The folder's sounds. Each file's header is read, once for each content that the folder has. Raises ModelMissing."""
    return sounds(path)


class Signal(Batching):
    """One clip after another: a batch saves nothing here."""

    def __init__(self, config: Config) -> None:
        self.noises, self.rooms = (self._folder(folder) for folder in (config.noises, config.rooms))
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Clip]:
        """Raises Refused: `bad_audio`, `no_speech`; Unavailable where a file of a folder is no good."""
        return [self.augmented(request) for request in requests if isinstance(request, Augment)]

    def augmented(self, request: Augment) -> Clip:
        try:
            check_size(request.clip)
            samples, rate = decode(request.clip)
        except BadAudio as error:
            raise Refused("bad_audio", described(error)) from error
        samples, done = samples.astype(np.float64), []
        try:
            for effect in json.loads(request.effects):
                samples, chosen = self._apply(effect, samples, rate, request.babble)
                done.append(effect | chosen)
        except NoSpeech as error:
            raise Refused("no_speech", str(error)) from error
        samples, turned_down = below_full_scale(samples)
        if turned_down:
            done.append({"effect": "level", "db": round(turned_down, 4)})
        note = json.dumps(done, ensure_ascii=False)
        return Clip(with_note(samples, rate, note, comment_of(request.clip)))

    def _apply(self, effect: Effect, samples: np.ndarray, rate: int, voices: bytes) -> tuple[np.ndarray, Effect]:
        """The samples with the effect on them, and what was chosen for it here."""
        match effect["effect"]:
            case "speed":
                return faster(samples, rate, effect["factor"]), {}
            case "room":
                response, chosen = self._response(effect, rate)
                return through(samples, response, rate), chosen
            case "noise":
                noise, chosen = self._noise(effect, len(samples), rate, voices)
                return mixed(samples, noise, rate, effect["snr"]), chosen
            case "gain":
                return samples * 10 ** (effect["db"] / 20), {}
            case "telephone":
                return telephone(samples, rate), {}
            case "codec":
                samples, turned_down = below_full_scale(samples)  # a codec takes no more than that
                heard, _ = coded(samples, rate, effect["kind"], effect["kbps"])
                return heard, {"level_before": round(turned_down, 4)} if turned_down else {}
        raise ValueError(f"there is no effect '{effect['effect']}'")

    def _response(self, effect: Effect, rate: int) -> tuple[np.ndarray, Effect]:
        if effect["kind"] == "simulated":
            place = [effect[name] for name in ("size", "source", "microphone")]
            return simulated(effect["rt60"], place[0], place[1], place[2], rate, effect["seed"]), {}
        path, _ = self._drawn(self.rooms, effect["seed"])
        response, at, _ = self._part(path, _LONGEST_ROOM, 0.0)
        try:
            return from_direct_sound(at_rate(response, at, rate)), {"file": self._name(path, self.rooms)}
        except ValueError as error:
            raise Unavailable(f"{NAME}: {path}: {error}; take it out of the folder") from None

    def _noise(self, effect: Effect, count: int, rate: int, voices: bytes) -> tuple[np.ndarray, Effect]:
        if effect["kind"] == "babble":
            seconds = count / rate
            noise, who = babble(voices, effect["speakers"], round(seconds * BABBLE_RATE) + 1, effect["seed"])
            return at_rate(noise, BABBLE_RATE, rate, count), {"voices": who}
        if effect["kind"] != "folder":
            return coloured(effect["kind"], count, rate, effect["seed"]), {}
        path, draw = self._drawn(self.noises, effect["seed"])
        noise, at, start = self._part(path, count / rate, draw.random())
        if rms_level(noise) < _PAUSE:
            noise, at, start = self._part(path, _LONGEST_NOISE, 0.0)
            noise = trim(noise, at, 0)
            if not len(noise):
                raise Unavailable(f"{NAME}: {path}: the noise is silent; take it out of the folder")
        noise = at_rate(noise, at, rate)
        chosen = {"file": self._name(path, self.noises), "start": round(start, 3)}
        return np.resize(noise, count) if len(noise) < count else as_long(noise, count), chosen

    def _folder(self, folder: str) -> tuple[Path, list[Path]] | None:
        if not folder:
            return None
        path = catalogue.resolve(folder)
        return path, sounds(path)

    def _drawn(self, known: tuple[Path, list[Path]] | None, seed: int) -> tuple[Path, np.random.Generator]:
        if known is None:
            raise Unavailable(f"{NAME} has no such folder: give the engine `noises: FOLDER`, or `rooms: FOLDER`")
        draw = np.random.default_rng(seed)
        return known[1][int(draw.integers(len(known[1])))], draw

    def _name(self, path: Path, known: tuple[Path, list[Path]] | None) -> str:
        return path.relative_to(known[0]).as_posix() if known and known[0].is_dir() else path.name

    def _part(self, path: Path, seconds: float, share: float) -> tuple[np.ndarray, int, float]:
        try:
            return part(path, seconds, share)
        except OSError as error:
            raise Unavailable(f"{NAME}: {error}") from None


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Signal,
    identity=identity,
    models=models,
    # What comes out is the clip's own, and the noises', whose terms their README.md says.
    licence=lambda config: catalogue.licences(models(config)) if models(config) else "CC0-1.0",
    batch_invariant=True,
    packages=_PACKAGES,
    extra="augment",
)
