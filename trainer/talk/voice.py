"""Units to speech while they come, through a unit vocoder, so that joints can't be heard.

A sample depends on some frames to either side, and a unit's predicted duration on its neighbours. Each chunk is made with the
units before it, and is handed out only up to where enough frames behind are there: then it is what the whole would have
been. With less to look ahead the speech comes sooner, and a joint is cross-faded over a frame.
"""

from bisect import bisect_right

import numpy as np

from voxsmith.models.vocoder import UnitVocoder


class SpokenUnits:
    """Speech of one answer. A chunk is of `omega` units or more; `lookahead`: frames behind it that it waits for, without:
    as many as samples depend on, so that the chunks joined are the whole.
    """

    def __init__(self, vocoder: UnitVocoder, omega: int, lookahead: int | None = None) -> None:
        self._vocoder, self._omega = vocoder, omega
        # A frame more than samples depend on, because the first frame of a chunk is cross-faded with the last chunk's.
        self._lookahead = vocoder.reach + 1 if lookahead is None else lookahead
        self._units: list[int] = []
        self._ends: list[int] = []  # the frame behind each unit whose duration is known
        self._spoken, self._given = 0, 0  # units and frames that were handed out
        self._tail = np.zeros(0, np.float32)  # how the last chunk would have gone on, for a frame

    def add(self, units: list[int]) -> np.ndarray:
        """float32 [n]: the samples that can be heard now; n is 0 until a chunk is together. Raises ValueError: a unit that the
        vocoder doesn't know.
        """
        if units and max(units) >= self._vocoder.units:
            raise ValueError(f"unit {max(units)}: the vocoder knows 0 to {self._vocoder.units - 1}: another codebook's")
        self._units += units
        return self._chunk(len(self._units) - self._vocoder.neighbours, self._lookahead, self._omega)

    def end(self) -> np.ndarray:
        """The rest: no more units come."""
        return self._chunk(len(self._units), 0, 1)

    def _chunk(self, known: int, lookahead: int, least: int) -> np.ndarray:
        """Speech of all units that are sure, if these are `least` or more. `known`: units whose durations can be told."""
        self._lengthen(known)
        last = self._ends[-1] if self._ends else 0
        sure = self._spoken + sum(end <= last - lookahead for end in self._ends[self._spoken :])
        if sure - self._spoken < least:
            return np.zeros(0, np.float32)
        until, hop = self._ends[sure - 1], self._vocoder.hop
        # From the unit on in which what the chunk depends on begins; behind the last one there is nothing, as at the end of all.
        first = bisect_right(self._ends, self._given - self._vocoder.reach)
        begin = self._ends[first - 1] if first else 0
        lasting = np.diff(np.array([begin, *self._ends[first:]]))
        wave = self._vocoder.wave(np.array(self._units[first : len(self._ends)]), lasting, begin)
        chunk = wave[(self._given - begin) * hop : (until - begin) * hop].copy()
        if len(self._tail):
            share = np.arange(1, hop + 1, dtype=np.float32) / hop
            chunk[:hop] = share * chunk[:hop] + (1 - share) * self._tail
        self._tail = wave[(until - begin) * hop :][:hop].copy()
        self._spoken, self._given = sure, until
        return chunk

    def _lengthen(self, known: int) -> None:
        """Durations of the units up to `known`."""
        done = len(self._ends)
        if known <= done:
            return
        begin = max(0, done - self._vocoder.neighbours)
        lasting = self._vocoder.lasting(np.array(self._units[begin:]))[done - begin : known - begin]
        last = self._ends[-1] if self._ends else 0
        self._ends += (last + lasting.cumsum()).tolist()
