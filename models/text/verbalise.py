"""Written text in words: numbers, symbols, units, addresses, lists and markup become what a person would say.

Signs and layout are rules of ours, which look at what stands beside a sign. What the digits themselves are called is
asked of kitten-text-processing's ready-made English grammars (NeMo's), fragment by fragment: on whole sentences they
read a closing quote behind a digit as inches, and AT&T as one word.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from voxsmith.models.text import letters, numerals, quantities
from voxsmith.models.text.arithmetic import arithmetic
from voxsmith.models.text.dialled import DIALLED
from voxsmith.models.text.formulas import formulas
from voxsmith.models.text.layout import flatten
from voxsmith.models.text.numerals import DIGITS, MONTH, SCALE, UNIT
from voxsmith.models.text.roman import CENTURY, ROMAN, century, roman
from voxsmith.models.text.symbols import ABBREVIATIONS, MONEY, SIGNS
from voxsmith.models.text.unsaid import restored, unsaid


@lru_cache(maxsize=1024)  # a row's texts are asked for by several checks, again and again
def verbalise(text: str) -> str:
    """The text in words and plain punctuation, on one line. Words themselves are left alone, abbreviations aside."""
    text, parts = unsaid(unicodedata.normalize("NFC", text))
    for pattern, say in _WHOLE:
        text = pattern.sub(say, text)
    text = formulas(text)
    for pattern, say in _BEFORE_LAYOUT:
        text = pattern.sub(say, text)
    text = flatten(text)
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return restored(_tidy(text), parts)


def _address(match: re.Match[str]) -> str:
    text = re.sub(r"^(https?://)?(www\.)?|[/?#]+$", "", match[0], flags=re.I)
    for sign, said in ((".", "dot"), ("@", "at"), ("/", "slash"), ("-", "dash"), ("_", "underscore"), (":", "colon"),
                       ("?", "question mark"), ("=", "equals"), ("&", "and"), ("#", "hash"), ("%", "percent"),
                       ("+", "plus"), ("~", "tilde")):  # fmt: skip
        text = text.replace(sign, f" {said} ")
    return " " + re.sub(r"[^\w\s]", " ", text) + " "


def _sub(pattern: str, say: str | Callable[[re.Match[str]], str], flags: int = 0) -> tuple[re.Pattern[str], Any]:
    return re.compile(pattern, flags), say


_WHOLE: list[tuple[re.Pattern[str], Any]] = [
    *DIALLED,
    _sub(r"!?\[([^\]\n]*)\]\(([^)\s]*)\)", r"\1"),  # a link's text
    _sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
    _sub(r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]", _address, re.I),
    _sub(r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|co\.uk|ai)\b(?:/[^\s<>\"')\]]*[\w/])?", _address),
]
# These need to see brackets, quotation marks, dashes and ends of lines.
_BEFORE_LAYOUT: list[tuple[re.Pattern[str], Any]] = [*letters.BEFORE_LAYOUT, *quantities.BEFORE_LAYOUT]
_RULES: list[tuple[re.Pattern[str], Any]] = [
    _sub(r"_{2,}", " blank "),
    _sub(r"[\[{(<](?:\s*(?:blank|\.\.\.)\s*|\s+)[\])}>]", " blank "),
    *[_sub(pattern, said) for pattern, said in ABBREVIATIONS],
    (CENTURY, century),
    (ROMAN, roman),
    _sub(rf"(?P<low>(?P<sign>[{MONEY}])\s?(?:{DIGITS})(?: ?{SCALE}\b)?)\s?-\s?(?:[{MONEY}]\s?)?(?=\d[\d,.]*+(?! ?%))",
         lambda m: f"{m['low']}{' minus ' if arithmetic(m) else ' to '}{m['sign']}"),
    _sub(rf"(?P<sign>[{MONEY}])\s?(?P<digits>{DIGITS})(?P<scale> ?{SCALE}\b)?", numerals.currency),
    _sub(rf"\b(?P<month>{MONTH}) (?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:|\.\d)(?:,? (?P<year>[12]\d{{3}}))?\b",
         numerals.month_day),
    _sub(rf"\b(?:the )?(?P<day>[0-3]?\d)(?:st|nd|rd|th)? (?:of )?(?P<month>{MONTH})\b",
         lambda m: "the " + numerals.day_month(m)),
    _sub(r"(?<![\d-])\+?(?:\d{1,2}[ -])?\(?\d{3}\)?[ -]\d{3}-\d{4}\b|\b\d{3}-\d{4}\b", numerals.phone),
    _sub(r"\b(?P<century>1\d|20)(?P<tens>\d)0'?s\b|(?<!\w)'?(?P<_c>)(?P<_t>\d)0'?s\b",
         lambda m: numerals.decade(m) if m["tens"] else numerals.late_decade(m["_t"])),
    _sub(r"\b24[/-]7\b", "twenty-four seven"),
    _sub(r"\b9/11\b", "nine eleven"),
    _sub(r"\b\d{4}-\d{1,2}-\d{1,2}\b", numerals.date),
    _sub(r"(?<![A-Za-z]{2})-(?=\d*[a-z]\b)", lambda match: " minus " if arithmetic(match) else "-"),
    _sub(r"(?<=\d)\s?-\s?(?=[$€£]?\d)", lambda match: " minus " if arithmetic(match) else " to "),
    _sub(r"(?<=\d) ?[xX×] ?(?=\d)", lambda match: " times " if arithmetic(match) else " by "),
    _sub(rf"(?<![\w./])(?P<whole>\d+ )?(?P<part>[1-9]/[1-9]\d?) ?(?P<unit>{UNIT})(?![\w°/])", numerals.part_of_unit),
    _sub(rf"(?<![\w.])(?P<digits>{DIGITS})(?: ?|-(?=[a-z]{{2}}))(?P<unit>{UNIT})(?![\w°])", numerals.unit),
    _sub(r"\b(?P<whole>\d+)\.(?P<part>\d+)(?=[A-Za-z])", r"\g<whole>.\g<part> "),
    _sub(r"(?<=[\d)]) - (?=\d)|(?<![\w.])-(?=\d)", " minus "),
    _sub(r"\b(?P<whole>\d+) (?P<part>[1-9]/[1-9]\d?)\b",
         lambda m: f"{numerals.say_number(m['whole'])} and {numerals.fraction(m['part'])}"),
    _sub(r"\b\d{1,4}(?P<sign>[-/])\d{1,2}(?P=sign)\d{1,4}\b", numerals.date),
    _sub(r"(?<![\w/])[1-9]\d?/[1-9]\d?(?![\w/])", lambda m: f" {numerals.fraction(m[0])} "),
    _sub(r"\b[012]?\d:[0-5]\d(?!\d) ?(?:[ap]\.m\.|[ap]m\b)?|\b1?\d ?(?:[ap]\.m\.|[ap]m\b)",
         lambda m: f" {numerals.time(m[0])} ", re.I),
    _sub(r"(?<=\d):(?=\d)", " to "),
    _sub(r"\b\d+(?:st|nd|rd|th)\b", numerals.number),
    _sub(r"\b(?=\w*\d)(?=\w*[^\W\d_])[\w]+(?:-\d+)?\b|\b[A-Za-z]+-\d+\b", numerals.mixed),
    _sub(r"#(?=[A-Za-z])(\w+)", lambda match: " hashtag " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", match[1])),
    _sub(r"\b[A-G]{4,8}\b", lambda match: " ".join(match[0])),  # rhyme schemes
    letters.SHOUTED,
    _sub(r"\b(?=[A-Z]*[AEIOU])[A-Z]{6,}\b", lambda match: match[0].capitalize()),  # no acronym, but emphasis
    *[_sub(pattern, say) for pattern, say in SIGNS],
    _sub(DIGITS, numerals.number),
    _sub(r"\d", numerals.number),
]  # fmt: skip


def _strongest(marks: re.Match[str]) -> str:
    return next(mark for mark in "?!.:;," if mark in marks[0])


def _tidy(text: str) -> str:
    """One space between words, none before a point, no punctuation mark after another."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([.,;:?!])", r"\1", text)
    text = re.sub(r"\b(equals|plus|minus|times),\s*", r"\1 ", text)
    text = re.sub(r",\s*(and|or),\s*", r" \1 ", text)
    text = re.sub(r"[.,;:?!](?:\s*[.,;:?!])+", _strongest, text)
    text = re.sub(r"(?<![\w])-+|-+(?![\w])", " ", text)
    text = re.sub(r"([,;:?!])(?=[^\W\d_])", r"\1 ", text)
    return re.sub(r"\s+", " ", text).strip(" ,;:-")
