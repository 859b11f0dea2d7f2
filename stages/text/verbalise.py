"""Written text in words: numbers, symbols, units, addresses, lists and markup become what a person would say.

Signs and layout are rules of ours, which look at what stands beside a sign. What the digits themselves are called is
asked of WeTextProcessing's ready-made English grammars, fragment by fragment, because on whole sentences they take
"CO2" for Colorado and "1990s" for seconds.
"""

import logging
import re
import threading
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from stages.text.layout import flatten
from stages.text.symbols import ABBREVIATIONS, CURRENCIES, SIGNS, UNITS

_LOCK = threading.Lock()
_MONTHS = "January February March April May June July August September October November December".split
_MONTH = rf"(?:{'|'.join(_MONTHS())}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+"
_SCALE = "(?:thousand|million|billion|trillion|[kKmMbB]n?)"
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_LONG_SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion"}
_NAMED_MONTHS = {month[:3].lower(): month for month in _MONTHS()}
_NAMED_MONTHS["sept"] = "September"


def verbalise(text: str) -> str:
    """The text in words and plain punctuation, on one line. Words themselves are left alone, abbreviations aside."""
    text = flatten(unicodedata.normalize("NFC", text))
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return _tidy(text)


def has_leftovers(text: str) -> bool:
    """Whether `verbalise` would find something to put into words."""
    return bool(re.search(r"[^\w\s.,?!':;-]|[\d_\n]", text))


@lru_cache(maxsize=1)
def _grammar() -> Callable[[str], str]:
    logging.getLogger("wetext").setLevel(logging.WARNING)
    # The package resets its logger on import, and its grammars are found beside its code: nothing is built or written.
    from tn.english.normalizer import Normalizer  # type: ignore[import-untyped, unused-ignore]

    logging.getLogger("wetext").setLevel(logging.WARNING)
    return Normalizer(overwrite_cache=False).normalize  # type: ignore[no-any-return, unused-ignore]


@lru_cache(maxsize=4096)
def say_number(digits: str) -> str:
    """What a fragment of digits is called: "1984", "3.5", "1,250", "5:30", "21st", "3/4", "2020-05-12"."""
    if re.fullmatch(r"0\d+|\d{16,}", digits):
        return " ".join(say_number(digit) for digit in digits)
    if digits.startswith("."):
        return "point " + " ".join(say_number(digit) for digit in digits[1:])
    with _LOCK:
        said = _grammar()(digits)
    if said.startswith("thousand"):
        said = f"one {said}"
    if "." in digits:
        said = re.sub(r"\boh\b", "zero", said)
    for month in _MONTHS():
        said = said.replace(month.lower(), month)
    return said


def _number(match: re.Match[str]) -> str:
    return f" {say_number(match[0])} "


def _cardinal(digits: str) -> str:
    """A number that is certainly no year: 1984 dollars."""
    if re.fullmatch(r"\d{4}", digits):
        digits = f"{digits[0]},{digits[1:]}"
    return say_number(digits)


def _plural(unit: str, digits: str) -> str:
    return unit if digits in ("1", "1.0") or unit.endswith("s") else f"{unit}s"


def _currency(match: re.Match[str]) -> str:
    sign, digits, scale = match["sign"], match["digits"].replace(",", ""), (match["scale"] or "").strip()
    unit, cent = CURRENCIES[sign]
    if scale:
        return f" {_cardinal(digits)} {_LONG_SCALES.get(scale.lower(), scale)} {_plural(unit, '2')} "
    whole, _, cents = digits.partition(".")
    said = f"{_cardinal(whole)} {_plural(unit, whole)}"
    if len(cents) == 2 and int(cents):
        return f" {said} and {say_number(str(int(cents)))} {_plural(cent, str(int(cents)))} "
    return f" {_cardinal(digits)} {_plural(unit, digits)} " if cents and int(cents) else f" {said} "


def _unit(match: re.Match[str]) -> str:
    digits, unit = match["digits"], UNITS[match["unit"]]
    if " per " in unit:
        head, _, tail = unit.partition(" per")
        return f" {_cardinal(digits)} {_plural(head, digits)} per{tail} "
    return f" {_cardinal(digits)} {unit if unit == 'percent' else _unit_plural(unit, digits)} "


def _unit_plural(unit: str, digits: str) -> str:
    if unit.startswith("degree"):
        return unit if digits == "1" else unit.replace("degree", "degrees", 1)
    return {"foot": "feet", "inch": "inches"}.get(unit, f"{unit}s") if digits not in ("1", "1.0") else unit


def _decade(match: re.Match[str]) -> str:
    tens = say_number(match["tens"] + "0")
    said = f"{tens[:-1]}ies" if match["tens"] != "0" and match["tens"] != "1" else "hundreds"
    return f" {say_number(match['century'])} {said} " if match["century"] else f" {said} "


def _month_day(match: re.Match[str]) -> str:
    year = f", {say_number(match['year'])}" if match["year"] else ""
    return f"{_month(match['month'])} {say_number(_ordinal(match['day']))}{year}"


def _day_month(match: re.Match[str]) -> str:
    return f"{say_number(_ordinal(match['day']))} of {_month(match['month'])}"


def _month(name: str) -> str:
    return _NAMED_MONTHS.get(name.rstrip(".").lower(), _NAMED_MONTHS.get(name[:3].lower(), name))


def _ordinal(day: str) -> str:
    value = int(day)
    ending = "th" if 10 <= value % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def _mixed(match: re.Match[str]) -> str:
    """Letters and digits in one token, such as H2O, COVID-19, MP3, A4."""
    return " " + re.sub(r"\d+", lambda digits: f" {say_number(digits[0])} ", match[0].replace("-", " ")) + " "


def _phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    return " " + ", ".join(" ".join(say_number(digit) for digit in group) for group in groups) + " "


def _address(match: re.Match[str]) -> str:
    text = re.sub(r"^(https?://)?(www\.)?|[/?#]+$", "", match[0])
    for sign, said in ((".", "dot"), ("@", "at"), ("/", "slash"), ("-", "dash"), ("_", "underscore"), (":", "colon"),
                       ("?", "question mark"), ("=", "equals"), ("&", "and"), ("#", "hash"), ("%", "percent"),
                       ("+", "plus"), ("~", "tilde")):  # fmt: skip
        text = text.replace(sign, f" {said} ")
    return " " + re.sub(r"[^\w\s]", " ", text) + " "


def _sub(pattern: str, say: str | Callable[[re.Match[str]], str], flags: int = 0) -> tuple[re.Pattern[str], Any]:
    return re.compile(pattern, flags), say


_RULES: list[tuple[re.Pattern[str], Any]] = [
    _sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
    _sub(r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]", _address),
    _sub(r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|co\.uk|ai)\b(?:/[^\s<>\"')\]]*[\w/])?", _address),
    _sub(r"_{2,}", " blank "),
    _sub(r"[\[{(<]\s*(?:blank|\.\.\.|\s)?\s*[\])}>]", " blank "),
    *[_sub(pattern, said) for pattern, said in ABBREVIATIONS],
    _sub(rf"(?P<sign>[$€£¥₹])\s?(?P<digits>{_DIGITS})(?P<scale> ?{_SCALE}\b)?", _currency),
    _sub(rf"\b(?P<month>{_MONTH}) (?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:|\.\d)(?:,? (?P<year>[12]\d{{3}}))?\b",
         _month_day),
    _sub(rf"\b(?:the )?(?P<day>[0-3]?\d)(?:st|nd|rd|th)? (?:of )?(?P<month>{_MONTH})\b",
         lambda m: "the " + _day_month(m)),
    _sub(r"(?<![\d-])\+?(?:\d{1,2}[ -])?\(?\d{3}\)?[ -]\d{3}-\d{4}\b|\b\d{3}-\d{4}\b", _phone),
    _sub(r"\b(?P<century>1\d|20)(?P<tens>\d)0'?s\b|(?<!\w)'?(?P<_c>)(?P<_t>\d)0'?s\b",
         lambda m: _decade(m) if m["tens"] else _late_decade(m["_t"])),
    _sub(r"\b24/7\b", "twenty-four seven"),
    _sub(r"\b9/11\b", "nine eleven"),
    _sub(r"\b\d{4}-\d{1,2}-\d{1,2}\b", _number),
    _sub(r"(?<=\d)\s?-\s?(?=[$€£]?\d)", lambda match: " minus " if _arithmetic(match) else " to "),
    _sub(r"(?<=\d) ?[xX×] ?(?=\d)", lambda match: " times " if _arithmetic(match) else " by "),
    _sub(rf"(?<![\w.])(?P<digits>{_DIGITS})(?: ?|-(?=[a-z]{{2}}))(?P<unit>{_UNIT})(?![\w°])", _unit),
    _sub(r"(?<=[A-Za-z\d)]) - (?=\d)|(?<![\w.])- ?(?=\d)", " minus "),
    _sub(r"\b(?P<whole>\d+) (?P<part>[1-9]/[1-9]\d?)\b",
         lambda m: f"{say_number(m['whole'])} and {_fraction(m['part'])}"),
    _sub(r"\b\d{1,4}[-/]\d{1,2}[-/]\d{1,4}\b", _number),
    _sub(r"(?<![\w/])[1-9]\d?/[1-9]\d?(?![\w/])", lambda m: f" {_fraction(m[0])} "),
    _sub(r"\b[01]?\d:[0-5]\d ?(?:[ap]\.?m\b\.?)?|\b1?\d ?(?:[ap]\.?m\b\.?)", lambda m: f" {_time(m[0])} ", re.I),
    _sub(r"(?<=\d):(?=\d)", " to "),
    _sub(r"\b\d+(?:st|nd|rd|th)\b", _number),
    _sub(r"\b(?=\w*\d)(?=\w*[^\W\d_])[\w]+(?:-\d+)?\b|\b[A-Za-z]+-\d+\b", _mixed),
    _sub(r"#(?=[A-Za-z])(\w+)", lambda match: " hashtag " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", match[1])),
    _sub(r"\b[A-G]{4,8}\b", lambda match: " ".join(match[0])),  # rhyme schemes
    _sub(r"\b[A-Z']{2,}(?:[ ,]+[A-Z']{2,}){3,}\b", lambda match: match[0].capitalize()),
    _sub(r"\b(?=[A-Z]*[AEIOU])[A-Z]{6,}\b", lambda match: match[0].capitalize()),  # no acronym, but emphasis
    *[_sub(pattern, say) for pattern, say in SIGNS],
    _sub(_DIGITS, _number),
    _sub(r"\d", _number),
]  # fmt: skip


def _arithmetic(match: re.Match[str]) -> bool:
    """Whether the dash at the match stands in a sum and not in a range."""
    return bool(re.search(r"[+=*×÷]", match.string[max(0, match.start() - 12) : match.end() + 12]))


def _late_decade(tens: str) -> str:
    return " hundreds " if tens in "01" else f" {say_number(tens + '0')[:-1]}ies "


def _fraction(text: str) -> str:
    top, bottom = map(int, text.split("/"))
    if (top, bottom) in ((1, 4), (3, 4), (1, 2)):
        return {1: "a quarter", 3: "three quarters"}[top] if bottom == 4 else "a half"
    return say_number(text) if top < bottom <= 20 else f"{say_number(str(top))} over {say_number(str(bottom))}"


def _time(text: str) -> str:
    half = re.search(r"([ap])\.?m\.?$", text, re.I)
    clock = re.match(r"(\d+)(?::(\d+))?", text)
    assert clock
    hour, minute = clock[1], clock[2]
    said = say_number(hour.lstrip("0") or "0")
    if minute == "00" and not half:
        said += " o'clock"
    elif minute and minute != "00":
        said += f" oh {say_number(minute[1])}" if minute[0] == "0" else f" {say_number(minute)}"
    return f"{said} {half[1].upper()} M" if half else said


def _tidy(text: str) -> str:
    """One space between words, none before a point, no punctuation mark after another."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([.,;:?!])", r"\1", text)
    text = re.sub(r"[,;:]+(?=[.,;:?!])|(?<=[.?!])[.,;:]+", "", text)
    text = re.sub(r"([?!])[?!.]+", r"\1", text)
    text = re.sub(r"(?<![\w])-+|-+(?![\w])", " ", text)
    text = re.sub(r"([,;:?!])(?=[^\W\d_])", r"\1 ", text)
    return re.sub(r"\s+", " ", text).strip(" ,;:-")
