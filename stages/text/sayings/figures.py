"""Every figure of the text is among the numbers that are said, and no other number is."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from voxsmith.stages.text.sayings.cardinals import (
    MONTHS,
    SCALES,
    TEENS,
    TENS,
    UNITS,
    Sayings,
    decade,
    decimals,
    fractions,
    ordinal_word,
    ordinals,
    plural,
    sayings,
)

_MONTH = r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\b"
_FIGURE = re.compile(
    r"""
    (?P<phone>(?<!\d)\(?\d{3}\)?[\s.-]\s?\d{3}[\s.-]\d{4}\b)
    | (?P<date>\b\d{4}[-/]\d{1,2}[-/]\d{1,2}\b|\b\d{1,2}(?P<joint>[-/.])\d{1,2}(?P=joint)(?:\d{4}|\d{2})\b)
    | (?P<decade>(?:\b(?:1\d|20)|'|(?<![\d.,:/]))\d0'?s\b)
    | (?P<month>\b(?:0[1-9]|[2-9]|1[0-2])/(?:19|20)\d\d\b)
    | (?P<clock>\b\d{1,2}:\d{2}(?![\d:]))
    | (?P<fraction>\b\d{1,6}\s?/\s?\d{1,6}\b)
    | (?P<version>\d+(?:\.\d+){2,})
    | (?P<amount>(?P<money>[$€£]\s?)?(?P<whole>(?:\d{1,3}(?:,\d{2,3})*,\d{3}(?!\d)|\d{1,3}(?:\ 000)+\b|\d+))?
        (?:(?<![A-Za-z])\.(?P<places>\d+))?(?:(?P<ending>st|nd|rd|th)\b)?(?:\s?(?P<scale>[kKMmBT]|bn|mn)\b)?)
    """,
    re.X,
)
_MARKER = re.compile(r"(?:^|[\n.!?:;,])\s*\(?\d{1,2}[.)](?=\s|$)|(?<!\w)\(?\d{1,2}\)(?=\s)|[\[(]\d{1,2}[\])]")
_POWER = frozenset({("squared",), ("square",), ("cubed",), ("cubic",), ("cube",)})
_LONG = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion"}
NUMBER_WORDS = frozenset(
    {*UNITS, *TEENS, *TENS, "hundred", *SCALES[1:]}
    | {plural(word) for word in (*TENS[2:], "hundred", *SCALES[1:])}
    | {ordinal_word(word) for word in (*UNITS[3:], *TEENS, *TENS[2:], "hundred", *SCALES[1:])}
)
_ROMAN = re.compile(r"\b[IVXLC]+\b|(?<=\bWW)I{1,2}\b")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


class Figure(NamedTuple):
    """A figure as it is written, and the ways to say it: one way is a list of parts, each of which is said somewhere."""

    written: str
    ways: list[list[Sayings]]
    must: bool = True


def other_figure(written: str, said: str) -> str:
    """Which figure isn't said, or which number is said though it isn't written, as a sentence; "" where all agree."""
    tokens = [token for token in re.findall(r"[a-z]+|\d+", said.lower()) if token != "and"]
    free, cursor = [True] * len(tokens), 0
    figures = list(_figures(written))
    for figure in [each for each in figures if each.must] + [each for each in figures if not each.must]:
        places = _place(figure, tokens, free, cursor) or _place(figure, tokens, free, 0)
        if places:
            for at, length in places:
                free[at : at + length] = [False] * length
            if figure.must:
                cursor = max(at + length for at, length in places)
        elif figure.must and figure.written[0].isdigit():
            return f"the number {figure.written} isn't said as it is written"
    extra = [token for token, unused in zip(tokens, free, strict=True) if unused and token in NUMBER_WORDS]
    return f"the number {extra[0]!r} is said, and isn't written" if extra else ""


def _place(figure: Figure, tokens: list[str], free: list[bool], start: int) -> list[tuple[int, int]]:
    """Where (first token, tokens) the parts of the first way that fits stand; [] where none does."""
    for way in figure.ways:
        taken: list[tuple[int, int]] = []
        for part in way:
            at = _first(part, tokens, free, start, taken)
            if at is None:
                break
            taken.append(at)
        else:
            return taken
    return []


def _first(
    part: Sayings, tokens: list[str], free: list[bool], start: int, taken: list[tuple[int, int]]
) -> tuple[int, int] | None:
    ways = sorted(part, key=len, reverse=True)
    firsts = {way[0] for way in ways if way}
    for at in range(start, len(tokens)):
        if tokens[at] not in firsts or not free[at]:
            continue
        for way in ways:
            if (
                way
                and tuple(tokens[at : at + len(way)]) == way
                and all(free[at : at + len(way)])
                and not any(at < there + length and there < at + len(way) for there, length in taken)
            ):
                return at, len(way)
    return None


def _figures(written: str) -> Iterator[Figure]:
    """In order of the text: figures in digits, and the words of numbers that the text itself has."""
    dated = re.search(_MONTH, written, re.I) is not None
    markers = {position for match in _MARKER.finditer(written) for position in range(match.start(), match.end())}
    at = 0
    for match in _FIGURE.finditer(written):
        if not re.search(r"\d", match[0]):
            continue
        yield from _worded(written[at : match.start()])
        at = match.end()
        if match.start("amount") >= 0 and match.end("amount") - 1 in markers and not match["places"]:
            yield Figure(match[0], [[sayings(match["whole"])], [ordinals(match["whole"])]], must=False)
        else:
            yield Figure(match[0].strip("'$€£ ") or match[0], _ways(match, dated))
    yield from _worded(written[at:])


def _worded(text: str) -> Iterator[Figure]:
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in NUMBER_WORDS:
            yield Figure(word, [[frozenset({(word,)})]])
    for roman in _ROMAN.findall(text):
        values = [_ROMAN_DIGITS[letter] for letter in roman]
        pairs = zip(values, [*values[1:], 0], strict=True)
        value = str(sum(-here if here < after else here for here, after in pairs))
        if value.isdigit():
            yield Figure(roman, [[ordinals(value) | sayings(value)]], must=False)


def _ways(match: re.Match[str], dated: bool) -> list[list[Sayings]]:
    numbers = re.findall(r"\d+", match[0])
    if match["phone"]:
        return [[_one_by_one(number) for number in numbers]]
    if match["date"]:
        return _date(numbers)
    if match["decade"]:
        digits, seconds = numbers[0], frozenset({("seconds",), ("second",), ("s",)})
        named = decade(digits[:-2], digits[-2]) | (
            {(plural(way[-1]),) for way in sayings(digits)} if len(digits) > 2 else set()
        )
        return [[named], [sayings(digits), seconds]]
    if match["month"]:
        return [[_month(numbers[0]), sayings(numbers[1])]]
    if match["clock"]:
        return _clock(*numbers)
    if match["fraction"]:
        top, bottom = numbers
        date = [[_month(month), _day(day)] for month, day in ((top, bottom), (bottom, top))]
        return [[fractions(top, bottom)], [sayings(top), sayings(bottom)], *(way for way in date if way[0])]
    if match["version"]:
        return [[_any(number) for number in numbers]]
    return _amount(match, dated)


def _amount(match: re.Match[str], dated: bool) -> list[list[Sayings]]:
    whole, places, scale = re.sub(r"[ ,]", "", match["whole"] or ""), match["places"], match["scale"]
    if places is not None:
        base = decimals(whole, places)
    else:
        base = _any(whole)
        if match["ending"]:
            base = ordinals(whole)
        elif dated and len(whole) < 3:
            base |= ordinals(whole)
        before = match.string[max(0, match.start() - 3) : match.start()]
        if len(whole) == 1 and re.search(r"[\^)]$|(?<![A-Za-z])[a-zA-Z]$|[kcm]?m$|ft$|in$|yd$", before):
            base |= _POWER
        if before.endswith("^"):
            base |= ordinals(whole)
    if scale:
        long = _LONG[scale.lower()]
        scaled = frozenset((*way, long) for way in base)
        spelled = frozenset((*way, scale.lower()) for way in base)
        return [[scaled]] if match["money"] else [[spelled], [scaled], [base]]
    cents = [[sayings(whole), _any(places)]] if match["money"] and places and len(places) == 2 else []
    if match["money"] and places and len(places) == 2:
        cents += [[sayings(places.lstrip("0") or "0")]] if int(whole or 0) == 0 else []
    return [[base], *cents]


def _any(digits: str) -> Sayings:
    short = digits.lstrip("0")
    return sayings(digits) | (sayings(short) if short else frozenset())


def _one_by_one(digits: str) -> Sayings:
    """Of a telephone number: "555" is no five hundred and fifty five."""
    return frozenset(way for way in sayings(digits) if "hundred" not in way or digits.endswith("00"))


def _month(digits: str) -> Sayings:
    value = int(digits)
    return frozenset({(MONTHS[value - 1],), (MONTHS[value - 1][:3],)}) if 1 <= value <= 12 else frozenset()


def _day(digits: str) -> Sayings:
    return _any(digits) | ordinals(digits) if len(digits) < 3 else frozenset()


def _date(numbers: list[str]) -> list[list[Sayings]]:
    if len(numbers[0]) == 4:
        year, orders = numbers[0], ((numbers[1], numbers[2]), (numbers[2], numbers[1]))
    else:
        year, orders = numbers[2], ((numbers[0], numbers[1]), (numbers[1], numbers[0]))
    named = [[_month(month), _day(day), _any(year)] for month, day in orders if _month(month)]
    return [*named, [_any(number) for number in numbers]]


def _clock(hour: str, minute: str) -> list[list[Sayings]]:
    hours = {_any(hour)} | ({_any(str(int(hour) - 12))} if 12 < int(hour) < 24 else set())
    ways = [[each] if minute == "00" else [each, _any(minute)] for each in hours]
    ways += [[each, sayings(minute)] for each in hours] + [
        [each, frozenset({("hundred",)})] for each in hours if minute == "00"
    ]
    past = {"30": "half", "15": "quarter", "45": "quarter"}.get(minute)
    if past:
        shown = str(int(hour) + 1) if minute == "45" else hour
        ways.append([frozenset({(past, "past"), (past, "to")}), _any(shown)])
    return ways
