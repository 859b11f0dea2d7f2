"""Capital letters, and signs, for a transcript that has none: from what a recogniser heard, else by rule.

Corpora of read books are written in capitals throughout, others in small letters. Where a recogniser heard the same
word, it says how that is written; a name is only known so. Nothing but case and signs is taken from it: the words stay the
corpus'.
"""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from voxsmith.models.text.words import stem
from voxsmith.stages.text.spoken import spoken

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ENDS = re.compile(r"[.?!…][\"”’)]*\s+$")
_BEGINS = re.compile(r"(?:^|[.?!…:—][\"”’)]*\s+)[\"“‘(]*\s*$")  # before a word that has its capital of the sentence
_SHORT = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Jr|vs|etc|[A-HJ-Z])\.\s*$")  # a point that ends no sentence
_I = re.compile(r"i(?:['’](?:m|ve|ll|d))?", re.I)
_TAKEN = re.compile(r"[,;:.?!…]")


class Way(NamedTuple):
    """How a word is written, and whether its capital may be no more than that of a sentence's first word."""

    word: str
    first: bool


class Token(NamedTuple):
    """A word of a text: where it stands, and how it is compared."""

    start: int
    end: int
    key: str


def lacks_case(text: str) -> bool:
    """Whether the text is in capitals throughout, or in small letters where a writer would have put a capital.

    A piece of a sentence that has signs but no capital ("in being comparatively modern.") is as it should be.
    """
    letters = [char for char in text if char.isupper() or char.islower()]
    if not letters:
        return False
    if all(char.isupper() for char in letters):
        return True
    if any(char.isupper() for char in letters):
        return False
    signs = re.search(r"[,;:.?!…]", text)
    return not signs or bool(re.search(r"[.?!…]\s+[^\W\d_]", text))


def with_case(text: str, heard: str, language: str, signs: bool) -> tuple[str, bool, bool]:
    """(the text, whether case was taken from `heard`, whether signs were). `signs`: signs that were heard between words that
    both texts have are put in where the text has none.
    """
    own = _tokens(text, language)
    ways: dict[int, Way] = {}  # how a word is written, where it was heard
    gaps: dict[int, str] = {}  # the signs behind a word, likewise
    for other in _hearings(heard, language):
        others = _tokens(other, language)
        names = _names(other, others)
        pairs = _pairs(own, others)
        for mine, yours in pairs.items():
            word, way = text[own[mine].start : own[mine].end], other[others[yours].start : others[yours].end]
            first = way[:1].isupper() and _begins(other, others[yours])
            ways.setdefault(mine, Way(_as_written(word, way, first and others[yours].key not in names), first))
            follows = pairs.get(mine + 1) == yours + 1 or (mine + 1 == len(own) and yours + 1 == len(others))
            if follows:
                end = others[yours + 1].start if yours + 1 < len(others) else len(other)
                gaps.setdefault(mine, "".join(_TAKEN.findall(other[others[yours].end : end])))
    return _joined(text, own, ways, gaps if signs else {}, language)


def _joined(
    text: str, own: list[Token], ways: dict[int, Way], gaps: dict[int, str], language: str
) -> tuple[str, bool, bool]:
    """The text with each word as it is written, else by rule, and with signs where it has none between two words."""
    parts: list[str] = []
    at, signed, before = 0, False, ""
    for number, token in enumerate(own):
        before += text[at : token.start]
        parts.append(text[at : token.start])
        word, first = ways.get(number) or Way(text[token.start : token.end].lower(), True)
        if language == "en" and _I.fullmatch(word):
            word = "I" + word[1:]
        elif not _WORD.search(before) or (first and _ENDS.search(before) and not _SHORT.search(before)):
            word = word[0].upper() + word[1:]
        gap = gaps.get(number, "")
        end = own[number + 1].start if number + 1 < len(own) else len(text)
        if gap and not text[token.end : end].strip():
            signed, word = True, word + gap
        parts.append(word)
        before += word
        at = token.end
    parts.append(text[at:])
    return "".join(parts), bool(ways), signed


def _hearings(heard: str, language: str) -> list[str]:
    """What was heard, and in English the same in words: "34" as "thirty-four", "Mr." as "Mister"."""
    if not heard.strip() or not any(char.isupper() for char in heard):
        return []  # a recogniser that writes no capitals tells nothing
    return [heard, spoken(heard)] if language == "en" else [heard]


def _tokens(text: str, language: str) -> list[Token]:
    return [Token(m.start(), m.end(), _key(m[0], language)) for m in _WORD.finditer(text)]


def _key(word: str, language: str) -> str:
    plain = word.casefold().replace("’", "'")
    return stem(plain) if language == "en" else plain


def _pairs(own: list[Token], others: list[Token]) -> dict[int, int]:
    """Which word of the one is which of the other, where they are the same in the same order."""
    matcher = SequenceMatcher(None, [one.key for one in own], [one.key for one in others], autojunk=False)
    return {block.a + n: block.b + n for block in matcher.get_matching_blocks() for n in range(block.size)}


def _begins(text: str, token: Token) -> bool:
    before = text[: token.start]
    return bool(_BEGINS.search(before)) and not _SHORT.search(before)


def _names(text: str, tokens: list[Token]) -> set[str]:
    """Words that have a capital in the middle of a sentence."""
    return {one.key for one in tokens if text[one.start].isupper() and not _begins(text, one)}


def _as_written(word: str, way: str, at_start: bool) -> str:
    """The word with the case of `way`, the same word as it was heard; at a sentence's start a capital says nothing."""
    same = word.casefold() == way.casefold().replace("’", "'") and len(word) == len(way)
    ordinary = way[:1].isupper() and not any(char.isupper() for char in way[1:])
    if at_start and ordinary:
        return word.lower()
    if same:
        return "".join(mine.upper() if yours.isupper() else mine.lower() for mine, yours in zip(word, way))
    return word[0].upper() + word[1:].lower() if way[:1].isupper() else word.lower()
