"""What a string of digits can be called: "205" is two hundred (and) five, two oh five, two zero five, but never twenty five.

Digits are read alone or in pairs ("nineteen eighty four"), as "double oh seven", as hundreds ("twelve hundred"), or as
one number. What would be another number's name is no reading: a round ten is never followed by a single digit.
"""

from collections.abc import Iterator
from functools import lru_cache

from voxsmith.models.text.lattice import Edge, Lattice, either, sequence

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
_ONES = _SMALL.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
             "twelve": "twelfth"}  # fmt: skip
_ZEROS = ("zero", "oh", "o")
_REPEATED = {2: "double", 3: "triple"}
_LONGEST = 15  # digits of a number that has a name
_APART = 24  # digits up to which more than the plain readings are tried
NUMBER_WORDS = frozenset([*_ONES, *_TENS, "hundred", "thousand", "million", "billion", "trillion"])


def below_hundred(value: int) -> str:
    """0 to 99."""
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10 - 2] + (f" {_ONES[value % 10]}" if value % 10 else "")


def cardinals(value: int) -> list[str]:
    """The names of a number below 10 ** 15: with and without "and", "one hundred", "a hundred", "hundred"."""
    plain, british = _cardinal(value, ""), _cardinal(value, "and ")
    names = [plain, british]
    # "a hundred", and "hundred" behind an article ("a 100 meter race")
    names += [f"{article}{name[4:]}" for name in names if name.startswith("one ") for article in ("a ", "")]
    return list(dict.fromkeys(names))


def ordinals(value: int) -> list[str]:
    """The same as ordinals: "twenty first", "one hundred and first"."""
    return [as_ordinal(name) for name in cardinals(value)]


def as_ordinal(name: str) -> str:
    head, _, last = name.rpartition(" ")
    last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{head} {last}".strip()


def plural(name: str) -> str:
    """ "nineteen sixties", "two thousands", "sixes"."""
    last = name.split()[-1]
    if last.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if last.endswith("x") else f"{name}s"


def years(digits: str) -> list[str]:
    """The ways to say four digits as two pairs: "nineteen oh five", "nineteen hundred", "twelve hundred (and) fifty"."""
    if len(digits) != 4 or digits[0] == "0":
        return []
    century, rest = int(digits[:2]), int(digits[2:])
    head = below_hundred(century)
    if not rest:
        return [f"{head} hundred"]
    names = [f"{head} {below_hundred(rest)}"] if rest > 9 else [f"{head} {zero} {_ONES[rest]}" for zero in _ZEROS]
    if century % 10:
        names += [f"{head} hundred {below_hundred(rest)}", f"{head} hundred and {below_hundred(rest)}"]
    return names


@lru_cache(maxsize=4096)
def number(digits: str) -> Lattice:
    """`digits`: a string of them, without signs. All that they can be called, on their own."""
    if len(digits) > _LONGEST or (digits[0] == "0" and digits != "0"):
        return spelled(digits)
    value = int(digits)
    names = cardinals(value)
    if digits == "0":
        names += ["oh", "o", "nought", "nil"]
    if 1100 <= value < 2000 or 2010 <= value < 2100:
        names = years(digits) + names  # most such numbers are years
    else:
        names += years(digits)
    return either(*names, spelled(digits))


@lru_cache(maxsize=4096)
def spelled(digits: str) -> Lattice:
    """Digits alone, in pairs, doubled; O(len(digits)) edges."""
    if len(digits) > _APART:
        return sequence(*(either(*_digit(digit)) for digit in digits))
    # Two nodes a place: the second is behind a round ten. Nodes inside a name have numbers beyond all places.
    edges: list[Edge] = []
    free = last = 2 * len(digits)
    free += 2
    for place in range(len(digits)):
        for round_ten in (0, 1):
            for length, ends, name in _chunks(digits[place:], bool(round_ten)):
                words = name.split()
                inner = range(free, free + len(words) - 1)
                free += len(inner)
                nodes = [2 * place + round_ten, *inner, 2 * (place + length) + ends]
                edges += zip(nodes, nodes[1:], words, strict=False)
    return _in_order([*edges, (last, -1, ""), (last + 1, -1, "")], tuple(_ONES[int(digit)] for digit in digits))


def _chunks(rest: str, round_ten: bool) -> Iterator[tuple[int, int, str]]:
    """What the first of these digits can be read as: how many of them, whether that ends in a round ten, its name."""
    first = int(rest[0])
    if not (round_ten and first):
        yield from ((1, 0, name) for name in _digit(rest[0]))
    for length, name in _REPEATED.items():
        if rest.startswith(rest[0] * length):
            yield from ((length, 0, f"{name} {digit}") for digit in _digit(rest[0]))
    if not first or len(rest) < 2:
        return
    pair = int(rest[:2])
    yield 2, int(pair >= 20 and pair % 10 == 0), below_hundred(pair)
    if len(rest) == 4 and rest.endswith("00") and rest[1] != "0":
        yield 4, 0, f"{below_hundred(pair)} hundred"
    if len(rest) == 3 and rest.endswith("00") and not round_ten:
        yield 3, 0, f"{_ONES[first]} hundred"


def _digit(digit: str) -> tuple[str, ...]:
    return _ZEROS if digit == "0" else (_ONES[int(digit)],)


def _in_order(edges: list[Edge], usual: tuple[str, ...]) -> Lattice:
    """The same graph with only what can be reached from node 0, its nodes numbered in topological order; -1 is the end."""
    after: dict[int, list[tuple[int, str]]] = {}
    for source, target, word in edges:
        after.setdefault(source, []).append((target, word))
    order: list[int] = []
    seen: set[int] = set()

    def visit(node: int) -> None:  # as deep as a string of _APART digits is long, four edges a digit
        seen.add(node)
        for target, _ in after.get(node, ()):
            if target not in seen:
                visit(target)
        order.append(node)

    visit(0)
    place = {node: len(order) - 1 - at for at, node in enumerate(order)}
    kept = tuple((place[s], place[t], word) for s, t, word in edges if s in place and t in place)
    return Lattice(place[-1], tuple(dict.fromkeys(kept)), usual)


def _cardinal(value: int, joint: str) -> str:
    if value < 100:
        return below_hundred(value)
    if value < 1000:
        rest = f" {joint}{below_hundred(value % 100)}" if value % 100 else ""
        return f"{_ONES[value // 100]} hundred{rest}"
    scale, name = next(one for one in _SCALES if value >= one[0])
    over = value % scale
    tail = f" {joint if over < 100 else ''}{_cardinal(over, joint)}" if over else ""
    return f"{_cardinal(value // scale, joint)} {name}{tail}"
