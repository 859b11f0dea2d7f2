"""Rooms: impulse responses that are simulated (pyroomacoustics), and what a clip sounds like through one."""

from collections.abc import Sequence

import numpy as np

from voxsmith.models.augment.levels import NoSpeech, speech_level

ORDER = 3  # reflections by image sources; later ones by rays, which take a tenth of the time in a lively room


def simulated(
    rt60: float, size: Sequence[float], source: Sequence[float], microphone: Sequence[float], rate: int, seed: int
) -> np.ndarray:
    """The impulse response [n] of a box of this size (metres, a tuple) from a source to a microphone, which begins with the
    direct sound at 1.0 and lasts for `rt60` seconds: the time in which sound falls by 60 dB, by Sabine's formula.

    Image sources for the first reflections, and rays for the rest (Schröder 2011), on one thread: the same on each machine.
    Of a room that can't be as dead as that the walls swallow all.
    """
    import pyroomacoustics

    pyroomacoustics.constants.set("num_threads", 1)
    pyroomacoustics.random.seed(seed)
    try:
        absorption, _ = pyroomacoustics.inverse_sabine(rt60, list(size))
    except ValueError:  # even if the walls swallow all
        absorption = 1.0
    walls = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(list(size), fs=rate, materials=walls, max_order=ORDER, ray_tracing=True)
    room.add_source(list(source))
    room.add_microphone(list(microphone))
    room.compute_rir()
    response = from_direct_sound(np.asarray(room.rir[0][0], np.float64))
    return response[: max(1, round(rt60 * rate))]


def from_direct_sound(response: np.ndarray) -> np.ndarray:
    """The response from its largest sample on, which becomes 1.0: what goes through it is not later than before.

    Raises ValueError where it is silent.
    """
    if not len(response) or not np.abs(response).max() > 0:
        raise ValueError("the response is silent")
    start = int(np.abs(response).argmax())
    return np.asarray(response[start:] / response[start])


def through(samples: np.ndarray, response: np.ndarray, rate: int) -> np.ndarray:
    """The clip in the room, as long as before and with speech as loud as before; the room's tail is cut at the clip's end."""
    from scipy.signal import oaconvolve

    heard = oaconvolve(samples, response)[: len(samples)]
    try:
        return np.asarray(heard * 10 ** ((speech_level(samples, rate) - speech_level(heard, rate)) / 20))
    except NoSpeech:
        return np.asarray(heard)
