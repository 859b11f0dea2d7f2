"""A few ways to say one thing, as a graph whose edges are words: what they share is there once."""

from dataclasses import dataclass

Edge = tuple[int, int, str]


@dataclass(frozen=True)
class Lattice:
    """Nodes 0 (the start) to `end`. Each edge is (from, to, word), from < to; the word "" is silence.

    `usual`: the words of the reading that stands for the others where nobody asks for them.
    """

    end: int
    edges: tuple[Edge, ...]
    usual: tuple[str, ...]


def phrase(text: str) -> Lattice:
    """One reading, its words apart by spaces; "" is silence."""
    words = text.split() or [""]
    edges = tuple((place, place + 1, word) for place, word in enumerate(words))
    return Lattice(len(words), edges, tuple(filter(None, words)))


def sequence(*parts: Lattice) -> Lattice:
    """One after the other."""
    edges: list[Edge] = []
    start = 0
    for part in parts:
        edges += [(start + source, start + target, word) for source, target, word in part.edges]
        start += part.end
    return Lattice(start, tuple(edges), tuple(word for part in parts for word in part.usual))


def either(*ways: Lattice | str) -> Lattice:
    """One of them; the first is the usual one."""
    lattices = [phrase(way) if isinstance(way, str) else way for way in ways]
    end = 1 + sum(one.end - 1 for one in lattices)
    edges: dict[Edge, None] = {}  # in order, each once
    inner = 0
    for one in lattices:
        for source, target, word in one.edges:
            edges[source + inner if source else 0, end if target == one.end else target + inner, word] = None
        inner += one.end - 1
    return Lattice(end, tuple(edges), lattices[0].usual)


def maybe(text: str) -> Lattice:
    """These words, or rather none."""
    return either("", text)
