"""The likeliest tokens of each place of a text, small enough to be kept with each row of a corpus.

A place has TOP entries. Of 64 tokens and the end of turn they take 65 x (32 x (2 + 1 + 2) + 8) = 10,920 bytes: ids have 24 bits, in
two columns, and log-probabilities 16. These stand on a grid over [-32, 0], where float16 has too few digits: one near -10 is off by up
to .004 there, and by .00025 here. What is less likely than e^-32 counts as that likely.

The tokens that are left out are two numbers of each place: ln of what they sum up to, and ln of the sum of their
probabilities to the power of 1 / T, which is what they come to where a temperature flattens the distribution. The first one could be
had from the likeliest tokens alone, but not where they leave out less than what is rounded off; the second one could not, and without
it the loss at a temperature isn't known (voxsmith.trainer.objectives.distillation_of_top).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from voxsmith.schemas.columns import TOP

LEAST = -32.0  # of a log-probability
_STEPS, NONE = 65534, 65535  # of the grid; an entry that is none, where there are fewer tokens than entries
NAMES = ("ids", "ids_high", "log_probs", "rest")  # of the columns


@dataclass(frozen=True)
class TopLogProbs:
    """Of n places: `ids` int32 [n, TOP], the likeliest first, 0 where there is no entry; `log_probs` float32 [n, TOP], -inf there;
    `rest` float32 [n, 2]: ln of the sum of all other probabilities, and of that of their roots of order T, -inf where there are no
    others, NaN where it isn't known.
    """

    ids: np.ndarray
    log_probs: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray, log_probs: np.ndarray, rest: np.ndarray) -> Self:
        """Of up to TOP entries a place; what is missing is filled up."""
        missing = ((0, 0), (0, TOP - ids.shape[1]))
        return cls(
            np.pad(ids.astype(np.int32), missing),
            np.pad(log_probs.astype(np.float32), missing, constant_values=-np.inf),
            rest.astype(np.float32),
        )

    @property
    def mass(self) -> np.ndarray:
        """float64 [n]: what the likeliest tokens sum up to."""
        sums: np.ndarray = np.exp(self.log_probs.astype(np.float64)).sum(1).clip(max=1.0)
        return sums

    def rest_at(self, temperature: float, kept_at: float, words: int) -> np.ndarray:
        """float32 [n]: ln of the sum of all other tokens' probabilities to the power of 1 / temperature, of `words` in all. As it was
        kept where that was at this temperature; else it is reckoned by a power law, p_j = p_k (j / k)^-a for the rank j > k (Zipf),
        whose a makes the sum of the probabilities what it is.
        """
        kept = self.rest[:, 1]
        unknown = np.isnan(kept) | (temperature != kept_at)
        if not unknown.any():
            return kept
        there = np.isfinite(self.log_probs)
        least = np.where(there, self.log_probs, 0.0).min(1).astype(np.float64)[:, None]
        count = there.sum(1)
        edges = np.geomspace(count + 0.5, np.maximum(words, count + 1) + 0.5, 201, axis=1)
        ranks, widths = np.log(np.sqrt(edges[:, 1:] * edges[:, :-1]) / count[:, None]), np.log(np.diff(edges))

        def total(steepness: np.ndarray, power: float) -> np.ndarray:
            sums: np.ndarray = np.logaddexp.reduce(power * (least - steepness[:, None] * ranks) + widths, 1)
            return sums

        low, high = np.zeros(len(kept)), np.full(len(kept), 50.0)
        for _ in range(40):
            middle = (low + high) / 2
            more = total(middle, 1.0) > self.rest[:, 0]
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        reckoned = np.where(np.isneginf(self.rest[:, 0]), -np.inf, total((low + high) / 2, 1 / temperature))
        return np.where(unknown, reckoned, kept).astype(np.float32)

    def columns(self) -> dict[str, np.ndarray]:
        """By what follows the prefix of a task: uint16 [n, TOP], uint8 [n, TOP], uint16 [n, TOP], float32 [n, 2]."""
        there = np.isfinite(self.log_probs)
        steps = np.rint(np.clip(np.where(there, self.log_probs, 0.0), LEAST, 0.0).astype(np.float64) / LEAST * _STEPS)
        return {
            "ids": (self.ids & 0xFFFF).astype(np.uint16),
            "ids_high": (self.ids >> 16).astype(np.uint8),
            "log_probs": np.where(there, steps, NONE).astype(np.uint16),
            "rest": self.rest.astype(np.float32),
        }

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> Self:
        """Of what `columns` gives, also as lists. Raises ValueError where the shapes don't fit."""
        low, high = (np.asarray(columns[name], np.int32).reshape(-1, TOP) for name in ("ids", "ids_high"))
        steps = np.asarray(columns["log_probs"], np.int64).reshape(-1, TOP)
        rest = np.asarray(columns["rest"], np.float32).reshape(-1, 2)
        if not len(low) == len(high) == len(steps) == len(rest):
            raise ValueError(f"{len(low)} places of ids, {len(high)}, {len(steps)} and {len(rest)} of the others")
        log_probs = np.where(steps == NONE, -np.inf, steps * (LEAST / _STEPS))
        return cls(low | high << 16, log_probs.astype(np.float32), rest)

    def pack(self) -> bytes:
        """As `columns`, one after the other, little-endian."""
        return b"".join(
            part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes() for part in self.columns().values()
        )

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """What `pack` gives. Raises ValueError for bytes that are no such thing."""
        kinds, widths = ("<u2", "u1", "<u2", "<f4"), (TOP, TOP, TOP, 2)
        a_place = sum(np.dtype(kind).itemsize * width for kind, width in zip(kinds, widths, strict=True))
        if len(data) % a_place:
            raise ValueError(f"{len(data)} bytes are no whole places of {a_place}")
        places, parts, start = len(data) // a_place, {}, 0
        for name, kind, width in zip(NAMES, kinds, widths, strict=True):
            parts[name] = np.frombuffer(data, kind, places * width, start).reshape(places, width)
            start += parts[name].nbytes
        return cls.from_columns(parts)
