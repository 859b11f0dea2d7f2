"""Words of a text, in a form in which two texts can be compared: "25 summaries" and "twenty-five summaries" are one.

Numbers become digits wherever they stand in words, British spelling becomes American, and content words are stemmed
(Snowball's English stemmer, Porter 2001, through the package snowballstemmer).
"""

import re
import threading
from decimal import Decimal
from functools import lru_cache

import snowballstemmer
from whisper_normalizer.english import EnglishSpellingNormalizer

_FILLERS = "um uh er erm hmm mm hey hi hello ok okay well so oh please just like actually kindly"
_STOPWORDS = """
    a about above after again all also am an and any are as at be because been being below between both but by can
    could did do does doing down during each either else ever for from further get had has have having he her here hers
    herself him himself his how i if in into is it its itself let may me might more most must my myself nor of
    off on once only or other our ours ourselves out over own per quite rather really same shall she should some
    such than that the their theirs them themselves then there these they this those through to too under until up upon
    us very was we were what when where whether which while who whom whose why will with would you your yours yourself
    yourselves i'm i'd i'll i've it's that's there's here's let's what's who's how's where's you're you'd you'll you've
    we're we'd we'll we've they're they'd they'll they've he's he'd he'll she's she'd she'll one ones
"""
FILLERS, STOPWORDS = frozenset(_FILLERS.split()), frozenset(_STOPWORDS.split())

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""".split
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety".split
_UNITS = dict(zip(_SMALL()[:10], range(10), strict=True))
_TEENS = dict(zip(_SMALL()[10:], range(10, 20), strict=True))
_TENS = dict(zip(_ROUND(), range(20, 100, 10), strict=True))
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, **{f"{word}th": value for word, value in _TEENS.items() if value > 12},
    **{f"{word[:-1]}ieth": value for word, value in _TENS.items()},
}  # fmt: skip
_DECADES = {f"{word[:-1]}ies": value for word, value in _TENS.items()}

_SIGNS = ((re.compile(r"([$€£])\s?(\d[\d,]*(?:\.\d+)?)( (?:thousand|million|billion|trillion)\b)?"), r"\2\3 \1"),
          (re.compile(r"\$"), " dollars "), (re.compile("€"), " euros "), (re.compile("£"), " pounds "),
          (re.compile("%"), " percent "), (re.compile("&"), " and "), (re.compile("[’‘]"), "'"),
          (re.compile(r"\b(e|re|co)-(?=[a-z])"), r"\1"))  # fmt: skip
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?(?:s\b|(?:st|nd|rd|th)\b)?|[^\W\d_]+(?:'[^\W\d_]+)*|[.,;:!?\n]")
_BREAK = frozenset(".,;:!?\n")


class _Stemmers(threading.local):
    """Snowball's stemmer keeps the word that it works on: one for each thread."""

    def __init__(self) -> None:
        self.stem = snowballstemmer.stemmer("english").stemWord


_stemmers = _Stemmers()
_american = EnglishSpellingNormalizer()


def words(text: str) -> list[str]:
    """Lower-case words in order, hyphens split, punctuation dropped; numbers stay as they are written."""
    return [token for token in _tokens(text) if token not in _BREAK]


def content_words(text: str) -> list[str]:
    """What a text is about, in order: stems without stopwords and fillers; numbers as digits ("twenty five": "25")."""
    return [stem(word) for word in with_digits(text) if word not in STOPWORDS and word not in FILLERS]


def numbers(text: str) -> list[str]:
    """The numbers of a text in order, in digits, whether they stand in digits or in words ("third": "3")."""
    return [word for word in with_digits(text) if word[0].isdecimal()]


def with_digits(text: str) -> list[str]:
    """Like `words`, with every number as one item in digits: "1250", "3.5", "1990s"."""
    return list(_with_digits(text))


@lru_cache(maxsize=1024)  # a row's texts are asked for by several checks, again and again
def _with_digits(text: str) -> tuple[str, ...]:
    tokens, at = _tokens(text), 0
    numbers: list[str] = []
    while at < len(tokens):
        number, after = _number(tokens, at)
        if number is not None:
            numbers.append(number)
        elif tokens[at] not in _BREAK:
            numbers.append(tokens[at])
        at = after
    return tuple(numbers)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of a lower-case word, one for British and American spelling."""
    if word[0].isdecimal():
        return word
    return str(_stemmers.stem(_american(word).removesuffix("'s")))


def _tokens(text: str) -> list[str]:
    text = text.lower()
    for pattern, plain in _SIGNS:
        text = pattern.sub(plain, text)
    return _TOKEN.findall(text)


def _number(tokens: list[str], at: int) -> tuple[str | None, int]:
    """The number that starts at a token and the index after it; (None, at + 1) where none starts there."""
    value, after = _cardinal(tokens, at)
    token = tokens[after] if after < len(tokens) else ""
    if token in _DECADES and (value is None or 10 <= value <= 29):
        return f"{int(value or 0) * 100 + _DECADES[token]}s", after + 1
    if token in _ORDINALS and (value is None or (value % 10 == 0 and token != "second")):  # "a thirty second clip"
        return _plain((value or Decimal(0)) + _ORDINALS[token]), after + 1
    if value is None:
        if token[:1].isdecimal():
            return _digits(token), after + 1
        return None, at + 1
    if token == "point" and after + 1 < len(tokens) and tokens[after + 1] in _UNITS:
        places = ""
        while after + 1 < len(tokens) and tokens[after + 1] in _UNITS:
            places, after = places + str(_UNITS[tokens[after + 1]]), after + 1
        value, after = value + Decimal(f"0.{places}"), after + 1
        if after < len(tokens) and tokens[after] in _SCALES:
            value, after = value * _SCALES[tokens[after]], after + 1
    return _plain(value), after


def _cardinal(tokens: list[str], at: int) -> tuple[Decimal | None, int]:
    """A cardinal in words, or digits before a scale word ("3 million"); years go in pairs ("nineteen eighty four")."""
    if re.fullmatch(r"\d[\d,]*(\.\d+)?", tokens[at]):
        if at + 1 < len(tokens) and tokens[at + 1] in _SCALES:
            return Decimal(tokens[at].replace(",", "")) * _SCALES[tokens[at + 1]], at + 2
        return None, at
    total, group, low = Decimal(0), Decimal(0), 1000  # `low`: the next part must be below it
    start, year = at, False
    while at < len(tokens):
        token = tokens[at]
        if token == "and" and at > start and tokens[at - 1] in {"hundred", *_SCALES}:
            if at + 1 < len(tokens) and tokens[at + 1] in {*_UNITS, *_TEENS, *_TENS, *_ORDINALS}:
                at += 1
                continue
            break
        if token in _SCALES:
            total, group, low = total + max(group, Decimal(1)) * _SCALES[token], Decimal(0), 1000
        elif token == "hundred" and group < 100:
            group, low = max(group, Decimal(1)) * 100, 100
        elif token in _TENS and low > 10:
            group, low = group + _TENS[token], 10
        elif token in _TEENS and low > 10:
            group, low = group + _TEENS[token], 1
        elif token in _UNITS and low > 1 and not (token == "zero" and at > start):
            group, low = group + _UNITS[token], 1
        elif not year and not total and 10 <= group < 100 and (token in _TEENS or token in _TENS):
            group, low, year = group * 100 + _TEENS.get(token, _TENS.get(token, 0)), 10 if token in _TENS else 1, True
        elif not year and not total and 10 <= group < 30 and token in ("oh", "o") and tokens[at + 1 : at + 2] != []:
            if tokens[at + 1] not in _UNITS:
                break
            group, low, year, at = group * 100 + _UNITS[tokens[at + 1]], 1, True, at + 1
        else:
            break
        at += 1
    return (total + group if at > start else None), at


def _digits(token: str) -> str:
    if token.endswith("s"):
        return token.replace(",", "")
    return _plain(Decimal(re.sub(r"[^\d.]", "", token)))


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
