"""Which effects a row's clip gets, and with which values: a function of the settings and a seed alone."""

from random import Random
from typing import Any

from voxsmith.schemas.hashing import hashed_number
from voxsmith.stages.augmentation.effects import Codec, Noise, Room

Effect = dict[str, Any]
ORDER = ("speed", "room", "noise", "gain", "telephone", "codec")  # as sound comes from a mouth to a file
WALL = 0.4  # metres that a speaker and a microphone keep from each wall
_ROOMS = ((3.0, 10.0), (3.0, 8.0), (2.4, 4.0))  # metres of a simulated room: length, width, height


def drawn(config: Any, seed: int) -> list[Effect]:
    """The effects, in order. Each has a stream of random numbers of its own: another range of one changes no other."""
    effects: list[Effect] = []
    for name in ORDER:
        settings, draw = getattr(config, name), Random(hashed_number(f"{seed}\n{name}"))
        if draw.random() < settings.p:
            effects.append({"effect": name} | _VALUES[name](settings, draw))
    return effects


def _number(draw: Random, limits: tuple[float, float]) -> float:
    return round(draw.uniform(*limits), 4)


def _seed(draw: Random) -> int:
    return draw.getrandbits(31)


def _noise(settings: Noise, draw: Random) -> Effect:
    kind = draw.choice(settings.kinds)
    effect: Effect = {"kind": kind, "snr": _number(draw, settings.snr), "seed": _seed(draw)}
    return effect | ({"speakers": draw.randint(*settings.speakers)} if kind == "babble" else {})


def _room(settings: Room, draw: Random) -> Effect:
    if (kind := draw.choice(settings.kinds)) == "folder":
        return {"kind": kind, "seed": _seed(draw)}
    size = [_number(draw, limits) for limits in _ROOMS]
    source, microphone = ([_number(draw, (WALL, side - WALL)) for side in size] for _ in range(2))
    place = {"size": size, "source": source, "microphone": microphone}
    return {"kind": kind, "rt60": _number(draw, settings.rt60), "seed": _seed(draw)} | place


def _codec(settings: Codec, draw: Random) -> Effect:
    kind = draw.choice(settings.kinds)
    return {"kind": kind, "kbps": draw.choice(settings.rates(kind))}


_VALUES: dict[str, Any] = {
    "speed": lambda settings, draw: {"factor": _number(draw, settings.factor)},
    "room": _room,
    "noise": _noise,
    "gain": lambda settings, draw: {"db": _number(draw, settings.db)},
    "telephone": lambda settings, draw: {},
    "codec": _codec,
}
