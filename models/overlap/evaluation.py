"""An evaluation set as hashes: enough to know its items again in a corpus, without a word of theirs.

Short questions collide innocently, so one of fewer than eight words of content is known by the whole question alone. A
longer one is known by its runs of eight words (8-grams): where a text holds 0.7 of them, or thirteen words in a row that
only this item of its set has.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from voxsmith.models.overlap.alike import content
from voxsmith.models.overlap.words import core_of, words_of
from voxsmith.schemas.hashing import hashed_hex, hashed_number

_Array = np.ndarray[Any, Any]
GRAM, RUN, SHORT, CONTAINED = 8, 13, 8, 0.7
_BASE = 0x9E3779B97F4A7C15  # odd: a gram's number is the sum of its words' times powers of it, modulo 2^64
_POWERS = np.array([pow(_BASE, place, 1 << 64) for place in range(GRAM)], np.uint64)
_LARGEST = 1 << 30  # bytes of an index
_ARRAYS = ("whole", "whole_item", "grams", "gram_item", "sizes", "shared")
_PROBE = "It's the 3rd of May, 1998: Dr. Smith paid $5.50 for 2,000 of twenty-one."


class BadIndex(ValueError):
    """A file is no index of an evaluation set, or one that this version can't use."""


@dataclass(frozen=True)
class Overlap:
    """An item of a set that a text holds. `item`: its number in the set, from 0; `how`: for people."""

    item: int
    how: str


@dataclass(frozen=True, eq=False)
class EvalIndex:
    """`whole`, `grams`: uint64, ascending; `whole_item`, `gram_item`: int32, whose they are; `sizes`: of each item how many
    grams it has; `shared`: whether another item of the set has the gram too. `texts`: of the items, where they may travel.
    """

    arrays: dict[str, _Array]
    texts: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        return len(self.arrays["sizes"])

    @property
    def digest(self) -> str:
        """Names the hashes; texts, which only people read, are not in it."""
        return hashed_hex(b"".join(np.ascontiguousarray(self.arrays[name]).tobytes() for name in _ARRAYS), 16)

    def overlap(self, text: str) -> Overlap | None:
        """The item that the text holds, the one of which it holds most; None where it holds none."""
        words = words_of(text)
        place = int(np.searchsorted(self.arrays["whole"], _name(words)))
        if place < len(self.arrays["whole"]) and self.arrays["whole"][place] == _name(words):
            return Overlap(int(self.arrays["whole_item"][place]), "the whole question")
        if len(content(words)) < SHORT or not len(self.arrays["grams"]):
            return None
        return self._by_grams(grams_of(words))

    def _by_grams(self, grams: _Array) -> Overlap | None:
        known, items = self.arrays["grams"], self.arrays["gram_item"]
        starts, ends = np.searchsorted(known, grams), np.searchsorted(known, grams, "right")
        hits: dict[int, set[int]] = {}
        longest: dict[int, int] = {}
        run: dict[int, int] = {}
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            here = {}
            for place in range(start, end):
                item = int(items[place])
                hits.setdefault(item, set()).add(int(known[place]))
                if not self.arrays["shared"][place]:
                    here[item] = run.get(item, 0) + 1
                    longest[item] = max(longest.get(item, 0), here[item])
            run = here
        if not hits:
            return None
        sizes = self.arrays["sizes"]
        best = max(hits, key=lambda item: (len(hits[item]) / sizes[item], -item))
        share = len(hits[best]) / int(sizes[best])
        if share >= CONTAINED:
            return Overlap(best, f"{share:.0%} of its runs of {GRAM} words")
        item = max(longest, key=lambda one: (longest[one], -one), default=-1)
        words = longest.get(item, 0) + GRAM - 1
        return Overlap(item, f"{words} words in a row") if words >= RUN else None

    def write(self, path: Path) -> None:
        """Write the index as an .npz file."""
        file = io.BytesIO()
        texts = np.frombuffer("\0".join(self.texts).encode(), np.uint8)
        probe = np.array([_probe()], np.uint64)
        np.savez_compressed(file, allow_pickle=False, **self.arrays, texts=texts, probe=probe)
        path.write_bytes(file.getvalue())


def read_index(path: Path) -> EvalIndex:
    """Read what `EvalIndex.write` wrote. Raises BadIndex."""
    try:
        if path.stat().st_size > _LARGEST:
            raise BadIndex(f"{path}: an index of more than 1 GB is none of ours")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _ARRAYS}
            texts, probe = file["texts"].tobytes().decode(), int(file["probe"][0])
    except BadIndex:
        raise
    except Exception as error:  # whatever a file that is no archive of arrays raises
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no index"
        raise BadIndex(f"{path}: {why}; `voxsmith index-eval {path} FILES` writes one") from None
    if probe != _probe():
        raise BadIndex(f"{path}: another version of Voxsmith wrote it, which read numbers otherwise: write it again")
    if len(arrays["gram_item"]) != len(arrays["grams"]) or len(arrays["shared"]) != len(arrays["grams"]):
        raise BadIndex(f"{path}: its arrays don't fit together: write it again")
    return EvalIndex(arrays, tuple(texts.split("\0")) if texts else ())


def build_index(items: Iterable[str], with_texts: bool = False) -> EvalIndex:
    """The index of these questions, in their order."""
    wholes, grams, owners, sizes, texts = [], [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)], [], []
    for number, text in enumerate(items):
        words = words_of(text)
        wholes.append(_name(words))
        own = np.unique(grams_of(words)) if len(content(words)) >= SHORT else np.zeros(0, np.uint64)
        grams.append(own)
        owners.append(np.full(len(own), number, np.int32))
        sizes.append(len(own))
        texts.append(" ".join(text.replace("\0", " ").split()))
    every, owner = np.concatenate(grams), np.concatenate(owners)
    order = np.lexsort((owner, every))
    every, owner = every[order], owner[order]
    same = every[1:] == every[:-1]
    whole, first = np.unique(np.array(wholes, np.uint64), return_index=True)
    arrays = {
        "whole": whole,
        "whole_item": first.astype(np.int32),
        "grams": every,
        "gram_item": owner,
        "sizes": np.array(sizes, np.int32),
        "shared": np.r_[False, same][: len(every)] | np.r_[same, False][: len(every)],
    }
    return EvalIndex(arrays, tuple(texts) if with_texts else ())


def grams_of(words: list[str]) -> _Array:
    """uint64 [words - 7]: a number for each run of eight words, in order."""
    if len(words) < GRAM:
        return np.zeros(0, np.uint64)
    values = np.array([_word(word) for word in words], np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(values, GRAM)
    return np.asarray((windows * _POWERS).sum(axis=1, dtype=np.uint64))


@lru_cache(maxsize=1 << 17)
def _word(word: str) -> int:
    return hashed_number(word, person=b"word")


def _name(words: list[str]) -> np.uint64:
    return np.uint64(hashed_number(" ".join(core_of(words)), person=b"question"))


def _probe() -> int:
    return hashed_number(" ".join(words_of(_PROBE)))
