"""A text that is too long for a voice: cut where a speaker would pause, joined with a pause."""

import re
from collections.abc import Callable, Iterable

import numpy as np

from voxsmith.models import audio

PAUSE = 0.1  # seconds put between pieces, beside the 0.08 s that each keeps at its ends
# Where a text is cut: at the ends of sentences, or else of clauses, or else of words.
CUTS = tuple(re.compile(cut) for cut in (r"(?<=[.!?…])[\"')\]”’]* +", r"(?<=[,;:—–])[\"')\]”’]* +", r" +"))


def pieces(text: str, fits: Callable[[str], bool]) -> list[str]:
    """The text in as few pieces as halving it makes of which each fits; together they hold all its words."""
    if len(text) <= 1 or fits(text):
        return [text]
    for cut in CUTS:
        if ends := [match.end() for match in cut.finditer(text) if 0 < match.end() < len(text)]:
            break
    middle = min(ends or [len(text) // 2], key=lambda place: abs(place - len(text) / 2))
    return pieces(text[:middle].strip(), fits) + pieces(text[middle:].strip(), fits)


def joined(clips: Iterable[np.ndarray], rate: int) -> np.ndarray:
    """The pieces' samples, float32 [n], trimmed of silence, with a pause between."""
    pause = np.zeros(round(PAUSE * rate), np.float32)
    parts: list[np.ndarray] = []
    for clip in clips:
        parts += [pause] * bool(parts) + [audio.trim(clip, rate)]
    return np.concatenate(parts)
