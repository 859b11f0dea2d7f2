"""Of two texts' readings the two that are nearest to each other: fewest words apart, then fewest letters."""

from collections.abc import Iterator
from functools import lru_cache

from voxsmith.models.text.lattice import Lattice, sequence

_WORD = 10_000  # what a wrong word costs; a letter costs 1
_RUN = 5  # words that may be written as one

_Steps = list[list[tuple[int, str]]]
_Way = tuple[int, int, tuple[str, ...], tuple[str, ...]]  # where from (both nodes), and the words of either on the way


def nearest(said: list[Lattice], heard: list[Lattice], most: int) -> tuple[list[str], list[str]]:
    """The words of both, where either is read so that they differ least. Words that are written as one, or in parts, by
    one side alone ("e mail", "MP3") are as the first writes them.

    Edit distance over two acyclic graphs: O(edges x edges). Where that product is more than `most`, the usual readings.
    """
    first, second = sequence(*said), sequence(*heard)
    if len(first.edges) * len(second.edges) > most:
        return list(first.usual), list(second.usual)
    steps, others = _steps(first), _steps(second)
    costs: list[dict[int, int]] = [{} for _ in range(first.end + 1)]
    costs[0][0] = 0
    back: dict[tuple[int, int], _Way] = {}

    def reach(node: int, other: int, price: int, way: _Way) -> None:
        row = costs[node]
        if other not in row or price < row[other]:
            row[other] = price
            back[node, other] = way

    for node in range(first.end + 1):
        row = costs[node]
        for other in range(second.end + 1):
            if other not in row:
                continue
            here = row[other]
            for target_other, word_other in others[other]:
                reach(node, target_other, here + _lone(word_other), (node, other, (), (word_other,)))
            for target, word in steps[node]:
                reach(target, other, here + _lone(word), (node, other, (word,), ()))
                for target_other, word_other in others[other]:
                    if not word or not word_other:
                        continue
                    price = 0 if word == word_other else _WORD + _apart(word, word_other)
                    reach(target, target_other, here + price, (node, other, (word,), (word_other,)))
                    if word[0] == word_other[0] and price:
                        for end, end_other, words in _run_together(
                            steps, others, (target, word), (target_other, word_other)
                        ):
                            reach(end, end_other, here, (node, other, words, words))
    return _walk_back(back, first.end, second.end)


def _steps(lattice: Lattice) -> _Steps:
    steps: _Steps = [[] for _ in range(lattice.end + 1)]
    for source, target, word in lattice.edges:
        steps[source].append((target, word))
    return steps


def _lone(word: str) -> int:
    return _WORD + len(word) if word else 0


@lru_cache(maxsize=65536)
def _apart(word: str, other: str) -> int:
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(word, other))


def _run_together(
    steps: _Steps, others: _Steps, first: tuple[int, str], second: tuple[int, str]
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Where both get to from their first words by as many words as have the same letters: (node, node, the words of the
    first side).
    """
    start: tuple[str, ...] = (first[1],)
    waiting = [(first[0], second[0], first[1], second[1], start, 0)]
    while waiting:
        node, other, letters, others_letters, words, count = waiting.pop()
        if letters == others_letters:
            yield node, other, words
            continue
        short = min(len(letters), len(others_letters))
        if count > _RUN or letters[:short] != others_letters[:short]:
            continue
        letters, others_letters = letters[short:], others_letters[short:]
        if others_letters:
            for target, word in steps[node]:
                said = (*words, word) if word else words
                waiting.append((target, other, word, others_letters, said, count + 1))
        else:
            for target, word in others[other]:
                waiting.append((node, target, letters, word, words, count + 1))


def _walk_back(back: dict[tuple[int, int], _Way], node: int, other: int) -> tuple[list[str], list[str]]:
    words: list[str] = []
    others: list[str] = []
    while node or other:
        node, other, said, heard = back[node, other]
        words += reversed(said)
        others += reversed(heard)
    return [one for one in reversed(words) if one], [one for one in reversed(others) if one]
