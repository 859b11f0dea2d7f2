"""The ways in which people say a row of digits, each as a tuple of words without "and"."""

from functools import lru_cache

Words = tuple[str, ...]
Sayings = frozenset[Words]

UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINAL = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
            "twelve": "twelfth"}  # fmt: skip
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]


def cardinal(value: int) -> Words:
    """12_345 as ("twelve", "thousand", "three", "hundred", "forty", "five"). Raises IndexError from 10**18 on."""
    if value < 10:
        return (UNITS[value],)
    parts: list[str] = []
    for power in range(len(SCALES) if value < 10 ** (3 * len(SCALES)) else 0, -1, -1):
        group = value // 1000**power % 1000
        if group:
            parts += [*_below_thousand(group), *([SCALES[power]] if power else [])]
    if not parts:
        raise IndexError(value)
    return tuple(parts)


def ordinal_word(word: str) -> str:
    return _ORDINAL.get(word) or (f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th")


def plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


@lru_cache(maxsize=4096)
def sayings(digits: str) -> Sayings:
    """Of an integer: as a number, as a year, in pairs, digit by digit."""
    ways = {tuple(zero if digit == "0" else UNITS[int(digit)] for digit in digits) for zero in ("zero", "oh", "o")}
    if len(digits) <= 18:
        whole = cardinal(int(digits))
        ways |= {whole, whole[1:]} if whole[0] == "one" and len(whole) > 1 else {whole}
    if len(digits) in (3, 4):
        head, tail = int(digits[:-2]), digits[-2:]
        if head:
            ends = (
                {cardinal(int(tail))}
                if tail[0] != "0"
                else {(zero, UNITS[int(tail[1])]) for zero in ("zero", "oh", "o")}
            )
            ways |= {(*cardinal(head), *end) for end in ends}
            hundreds = (*cardinal(head), "hundred")
            ways.add(hundreds if tail == "00" else (*hundreds, *cardinal(int(tail))))
    if len(digits) > 4 and len(digits) % 2 == 0:
        pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
        ways.add(
            tuple(
                word
                for pair in pairs
                for word in (cardinal(int(pair)) if pair[0] != "0" else ("oh", UNITS[int(pair[1])]))
            )
        )
    extra: dict[str, set[Words]] = {"12": {("dozen",), ("a", "dozen")}, "0": {("nought",), ("nil",)}}
    ways |= extra.get(digits, set())
    return frozenset(ways)


@lru_cache(maxsize=1024)
def ordinals(digits: str) -> Sayings:
    """Of "21": "twenty first"."""
    return frozenset((*way[:-1], ordinal_word(way[-1])) for way in sayings(digits.lstrip("0") or "0") if way)


def decimals(whole: str, places: str) -> Sayings:
    """Of "3" and "50": "three point five zero", "three point five", "three point fifty", "three and a half"."""
    heads = set(sayings(whole)) if whole else set()
    if int(whole or 0) == 0:
        heads |= {(), ("zero",)}
    short = places.rstrip("0")
    tails = {("point", *way) for part in {places, short} if part for way in _places(part)}
    parts: dict[str, set[Words]] = {"5": {("a", "half"), ("half",)}, "25": {("a", "quarter"), ("quarter",)},
                                    "75": {("three", "quarters")}}  # fmt: skip
    tails |= parts.get(short, set())
    return frozenset((*head, *tail) for head in heads for tail in tails) | (
        frozenset(heads - {()}) if not short else frozenset()
    )


def _places(part: str) -> set[Words]:
    ways = {tuple(zero if digit == "0" else UNITS[int(digit)] for digit in part) for zero in ("zero", "oh", "o")}
    return ways | ({cardinal(int(part))} if len(part) < 4 and part[0] != "0" else set())


def fractions(top: str, bottom: str) -> Sayings:
    """Of "2" and "3": "two thirds"."""
    names: set[Words] = {(*way[:-1], *end) for way in ordinals(bottom) for end in ((way[-1],), (plural(way[-1]),))}
    common: dict[str, set[Words]] = {"2": {("half",), ("halves",)}, "4": {("quarter",), ("quarters",)}}
    names |= common.get(bottom.lstrip("0"), set())
    heads = set(sayings(top)) | ({(), ("a",)} if int(top) == 1 else set())
    return frozenset((*head, *name) for head in heads for name in names)


def decade(century: str, tens: str) -> Sayings:
    """Of "19" and "8": "nineteen eighties"; of "" and "8": "eighties"."""
    names = {"0": {"hundreds"}, "1": {"tens", "teens"}}.get(tens, {plural(TENS[int(tens)])})
    if not century:
        return frozenset((name,) for name in names if tens != "0")
    heads = {cardinal(int(century))}
    if int(century) % 10 == 0:
        heads.add(cardinal(int(century) * 100))  # the two thousand tens
        if tens == "0":
            return frozenset(
                {(*cardinal(int(century) * 100)[:-1], "thousands"), (UNITS[int(century) // 10], "thousands")}
            )
    return frozenset((*head, name) for head in heads for name in names)


def _below_thousand(value: int) -> list[str]:
    parts = [UNITS[value // 100], "hundred"] if value >= 100 else []
    rest = value % 100
    if 10 <= rest < 20:
        return [*parts, TEENS[rest - 10]]
    if rest >= 20:
        parts.append(TENS[rest // 10])
    return [*parts, UNITS[rest % 10]] if rest % 10 else parts
