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

# Chinese has no blanks: each of its signs counts as a word.
_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_HAN}]|(?:(?![{_HAN}])[^\W_])+(?:['’](?:(?![{_HAN}])[^\W_])+)*")
_OPEN = r"[\"“‘(«»„¿¡]*"
_ENDS = re.compile(rf"[.?!…][\"”’)»]*\s+{_OPEN}$")
_BEGINS = re.compile(rf"(?:^|[.?!…:—][\"”’)»]*\s+){_OPEN}\s*$")  # before a word that has its capital of the sentence
# A point that ends no sentence.
_SHORT = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|Jr|vs|etc|[A-HJ-Z])\.|\b(?:[A-Za-z]\.){2,})\s*$")
_I = re.compile(r"i(?:['’](?:m|ve|ll|d))?", re.I)
_TAKEN = re.compile(r"[,;:.?!…，。？！、；：]")
_SIGNED = re.compile(r"[,;:.?!…，。？！]")
_OPENER = re.compile(r"[¿¡]+$")
_SPELLED = frozenset("bcefghjklmnpqruvwxyz")  # letters that stand alone in English as their own names only


class Way(NamedTuple):
    """How a word is written, and whether its capital may be no more than that of a sentence's first word."""

    word: str
    first: bool


class Token(NamedTuple):
    """A word of a text: where it stands, and how it is compared."""

    start: int
    end: int
    key: str


def lacks_case(text: str, language: str = "") -> bool:
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
    if language == "en" and re.search(r"(?<![\w.'’])i(?=$|[\s,;:?!]|['’](?:m|ve|ll|d)\b)", text):
        return True
    text = re.sub(r"\b(?:[a-z]\.){2,}", "", text)
    return not _SIGNED.search(text) or bool(re.search(r"(?:[.?!…]\s+|^)[¿¡]|[.?!…]\s+[^\W\d_]", text))


def lacks_signs(text: str) -> bool:
    """Whether the text is in letters that have no case, and has no signs: as corpora of Chinese and Japanese write."""
    return not any(char.isupper() or char.islower() or char in ",.?!，。？！、" for char in text)


def with_case(text: str, heard: str, language: str, signs: bool) -> tuple[str, bool, bool]:
    """(the text, whether case was taken from `heard`, whether signs were). `signs`: signs that were heard between words that
    both texts have are put in where the text has none.
    """
    own = _tokens(text, language)
    ways: dict[int, Way] = {}  # how a word is written, where it was heard
    gaps: dict[int, str] = {}  # the signs behind a word, likewise
    opens: dict[int, str] = {}  # and Spanish ones before it
    for other in _hearings(heard, language):
        others = _tokens(other, language)
        names = _names(other, others)
        pairs = _pairs(own, others)
        for mine, yours in pairs.items():
            word, way = text[own[mine].start : own[mine].end], other[others[yours].start : others[yours].end]
            first = way[:1].isupper() and _begins(other, others[yours])
            small = first and others[yours].key not in names
            ways.setdefault(mine, Way(_as_written(word, way, small, language), first))
            if opener := _OPENER.search(other[: others[yours].start]):
                opens.setdefault(mine, opener[0])
            follows = pairs.get(mine + 1) == yours + 1 or (mine + 1 == len(own) and yours + 1 == len(others))
            if follows:
                end = others[yours + 1].start if yours + 1 < len(others) else len(other)
                gaps.setdefault(mine, "".join(_TAKEN.findall(other[others[yours].end : end])))
    closed = [mine for mine, gap in gaps.items() if re.search(r"[?!]", gap)]
    opens = {mine: sign for mine, sign in opens.items() if any(end >= mine for end in closed)}
    return _joined(text, own, ways, gaps if signs else {}, opens if signs else {}, language)


def _joined(
    text: str, own: list[Token], ways: dict[int, Way], gaps: dict[int, str], opens: dict[int, str], language: str
) -> tuple[str, bool, bool]:
    """The text with each word as it is written, else by rule, and with signs where it has none between two words."""
    parts: list[str] = []
    at, signed, before = 0, False, ""
    letters = _letters(text, own) if language == "en" else set()
    for number, token in enumerate(own):
        before += text[at : token.start]
        parts.append(text[at : token.start])
        word, first = ways.get(number) or Way(_small(text[token.start : token.end], language), True)
        if language == "en" and _I.fullmatch(word) and not re.match(r"\.\w", text[token.end :]):
            word = "I" + word[1:]
        elif number in letters and number not in ways:
            word = word.upper()
        elif not _WORD.search(before) or (first and _ENDS.search(before) and not _SHORT.search(before)):
            word = _capital(word, language)
        gap = gaps.get(number, "")
        end = own[number + 1].start if number + 1 < len(own) else len(text)
        if gap and not text[token.end : end].strip():
            signed, word = True, word + gap
        if number in opens and (number == 0 or re.search(r"[.?!…,]\s*$", before)) and not _OPENER.search(before):
            signed, word = True, opens[number] + word
        parts.append(word)
        before += word
        at = token.end
    parts.append(text[at:])
    return "".join(parts), bool(ways), signed


def _hearings(heard: str, language: str) -> list[str]:
    """What was heard, and in English the same in words: "34" as "thirty-four", "Mr." as "Mister"."""
    if not heard.strip() or heard.islower():
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


def _letters(text: str, tokens: list[Token]) -> set[int]:
    """Which words are letters that are spelled: "U S A", "X ray"; in English a, I, o, and the s of "it s" are words too."""
    alone = [
        one.end - one.start == 1
        and text[one.start].isalpha()
        and not re.match(r"\.\w", text[one.end : one.end + 2])  # a.m.
        and text[one.start - 1 : one.start] != "."
        for one in tokens
    ]
    spelled: set[int] = set()
    start = 0
    while start < len(tokens):
        end = start
        while end < len(tokens) and alone[end]:
            end += 1
        said = {text[one.start].lower() for one in tokens[start:end]}
        if said & _SPELLED or (end - start > 1 and said - set("aio") and said - set("std")):
            own = [n for n in range(start, end) if end - start > 1 or text[tokens[n].start].lower() in _SPELLED]
            spelled |= set(own)
        start = max(end, start + 1)
    return spelled


def _as_written(word: str, way: str, at_start: bool, language: str) -> str:
    """The word with the case of `way`, the same word as it was heard; at a sentence's start a capital says nothing."""
    heard = way.replace("’", "'") if "'" in word else way
    same = word.casefold() == heard.casefold() and len(word) == len(way)
    ordinary = way[:1].isupper() and not any(char.isupper() for char in way[1:])
    if word.isupper() and heard.upper() == word:  # "STRASSE" of "Straße": capitals don't say which it was
        return heard.lower() if at_start and ordinary else heard
    if at_start and ordinary:
        return _small(word, language)
    if same:
        return "".join(mine.upper() if yours.isupper() else mine.lower() for mine, yours in zip(word, way))
    return _capital(_small(word, language), language) if way[:1].isupper() else _small(word, language)


def _small(word: str, language: str) -> str:
    """In small letters. Turkish has an i with a dot and one without."""
    return (word.replace("İ", "i").replace("I", "ı") if language in ("tr", "az") else word).lower()


def _capital(word: str, language: str) -> str:
    """With a capital. Dutch has one for ij."""
    if language in ("tr", "az") and word.startswith("i"):
        return "İ" + word[1:]
    size = 2 if language == "nl" and word.startswith("ij") else 1
    return word[:size].upper() + word[size:]
