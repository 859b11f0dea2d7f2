"""Can a voice say this text as it stands, and is it as long as asked?"""

import re
import unicodedata
from typing import NamedTuple

from voxsmith.models.text.words import words


class Fault(NamedTuple):
    """Why a text fails a check: a short code, and a sentence for people."""

    reason: str
    message: str


# ², ½, ₂, ① and the like: letters to a pattern, and yet a voice passes over them.
_FIGURES = "".join(char for char in map(chr, range(0x80, 0x3400)) if unicodedata.category(char) == "No")
_FAULTS = (
    ("markup", re.compile(r"```|`|\*\*|</?[a-z]+\s*/?>|^\s*#{1,6}\s|\[[^\]]*\]\(", re.M | re.I), "markup"),
    ("list", re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s", re.M), "a list item"),
    ("url", re.compile(r"https?:|www\.|\b[\w-]+\.(?:com|org|net|edu|gov|io)\b|\S@\S", re.I), "an address"),
    ("newline", re.compile(r"[\n\r\t]"), "a line break"),
    ("digits", re.compile(rf"[\d{_FIGURES}]"), "digits"),
    ("brackets", re.compile(r"[\[\](){}<>]"), "a bracket"),
    ("symbols", re.compile(r"[&%$€£/\\_#*^=+~|@°§©®™]"), "a symbol"),
    ("emoji", re.compile(r"[^\w\s.,?!'’:;\"“”…–—-]"), "a sign that isn't said"),
    ("endless", re.compile(r"[^\W\d_]{46}"), "a word of more letters than any has"),
    ("capitals", re.compile(r"\b[A-Z]{2,}(?: +[A-Z]{2,}){3,}\b|\b[A-Z]{9,}\b"), "words in capitals"),
)  # fmt: skip
_LATIN = re.compile(r"[^\W\d_]")


def speakable(text: str, min_words: int, max_words: int) -> Fault | None:
    """The first thing in the text that can't be said, or that it is too short or too long; None where all is well."""
    for reason, pattern, name in _FAULTS:
        if match := pattern.search(text):
            return Fault(reason, f"{name} can't be spoken: {_around(text, match)!r}")
    count = len(words(text))
    if not _LATIN.search(text) or count < min_words:
        return Fault("too_short", f"{count} words, at least {min_words} are asked for")
    if count > max_words:
        return Fault("too_long", f"{count} words, at most {max_words} are allowed")
    return None


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 15) : match.end() + 15]
