"""What finds near-identical requests among millions: MinHash signatures, cut into bands (Broder 1997; Leskovec et al., Mining
of Massive Datasets, chapter 3).

The signatures are rensa's, of the stems of the words that carry content: near-identical requests share these, or all but
one in twenty. Two of 8 bands of 10 numbers are equal then with a probability of more than 0.99 (1 - (1 - s^10)^8 for an
overlap s of 0.95), and in 0.05 where the overlap is 0.6.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from voxsmith.models.overlap.alike import content, stem
from voxsmith.schemas.hashing import hashed_hex, hashed_number

BANDS, _OF_A_BAND = 8, 10
_SEED = 16
_LONGEST = 20_000  # characters of a request that are compared word by word; what is behind must be identical
_MIX = np.uint64(0x9E3779B97F4A7C15)  # an odd number, 2^64 over the golden ratio


def version() -> list[Any]:
    """What signatures depend on beside this code: those of another version can't be compared."""
    return [int(import_module("rensa").RMinHash.ALGORITHM_VERSION)]


def bounded(words: Sequence[str]) -> str:
    """The words as one text, of bounded size: a digest stands for what is beyond it."""
    text = " ".join(words)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} 0{hashed_hex(text[_LONGEST:], 8)}"


def identity(text: str) -> int:
    """64 bits that name the text."""
    return hashed_number(text)


def bands(requests: Sequence[Sequence[str]]) -> "np.ndarray[Any, Any]":
    """uint32 [requests, BANDS]. `requests`: the words of each. Requests that are near-identical share a band."""
    tokens = [[stem(word) for word in content(list(words))] or list(words) for words in requests]
    if not tokens:
        return np.zeros((0, BANDS), np.uint32)
    signer = import_module("rensa").RMinHash
    matrix = signer.digest_matrix_from_token_sets(tokens, num_perm=BANDS * _OF_A_BAND, seed=_SEED)
    signature = np.array(matrix.to_rows(), np.uint64).reshape(len(tokens), BANDS, _OF_A_BAND)
    mixed = np.zeros((len(tokens), BANDS), np.uint64)
    for place in range(_OF_A_BAND):
        mixed = (mixed ^ signature[:, :, place]) * _MIX
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(32)).astype(np.uint32)
