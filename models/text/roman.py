"""Roman numerals in words: "World War II" is World War Two, and "Henry VIII" is Henry the Eighth.

Only where what stands before leaves no doubt: "I" is a word, "X" an unknown, and "XX" a pair of chromosomes.
"""

import re

from voxsmith.models.text.numerals import ordinal, say_number
from voxsmith.models.text.words import STOPWORDS

# What is counted so, also in small letters. A lone letter is a number behind these only, and behind a ruler's title.
_PARTS = r"(?:war|ww|part|chapter|volume|act|section|book|article|canto|psalm|bowl|type|class|phase|stage)(?:s|es)?"
_RULERS = """
    Henry Louis George Elizabeth Edward Charles William Richard James Philip Napoleon Nicholas Alexander Frederick Ivan
    Catherine Peter Mary Paul Pius Benedict Leo Gregory Innocent Clement Urban Francis Ferdinand Leopold Wilhelm Otto
    Ramses Ramesses Thutmose Amenhotep Darius Xerxes Cyrus Mehmed Murad Selim Alfonso Felipe Carlos Juan Pedro Christian
    Gustav Haakon Harald Olav Margrethe Ptolemy Theodosius Constantine Justinian Victor Emmanuel Umberto Isabella Joseph
    Maximilian Gordian Leonidas Lama
"""
_NAMES = frozenset(_RULERS.split())
_NO_NAMES = STOPWORDS | {"dear", "hello", "hi", "mr", "mrs", "ms", "dr", "size"}
_TITLE = r"(?P<title>(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Sultan|Pharaoh|Kaiser) (?:[A-Z]\w+ )?)?"
_MORE = r"(?:(?:, and |, | and | or | to |-)[IVX]{2,}\b)*"
ROMAN = re.compile(rf"\b{_TITLE}(?P<lead>[A-Za-z]\w*) (?P<numerals>[IVXL]+\b{_MORE})(?!'[dlmv])")
CENTURY = re.compile(r"\b([IVXL]+)(?:th|st|nd|rd)?(?= [Cc]entur(?:y|ies)\b)")
_LETTERS = {"I": 1, "V": 5, "X": 10, "L": 50}
_VALID = re.compile(r"(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def roman(match: re.Match[str]) -> str:
    """The match of `ROMAN` with its numerals in words; as it stands where they may be none."""
    lead = match["lead"]
    part = re.fullmatch(_PARTS, lead, re.I)
    if not part and (lead[0].islower() or lead.lower() in _NO_NAMES):
        return match[0]
    ruler = bool(match["title"]) or lead in _NAMES

    def said(numeral: re.Match[str]) -> str:
        letters = numeral[0]
        alone = bool(match["title"]) or (part and lead[0].isupper() and letters != "L")
        alone = alone or (lead in _NAMES and letters in "VX" and not match.string[match.end() :].startswith("."))
        if not _VALID.fullmatch(letters) or (not alone if len(letters) == 1 else set(letters) == {"X"} and not part):
            return letters
        value = _value(letters)
        words = say_number(ordinal(str(value)) if ruler else str(value))
        words = words if lead[0].islower() else words.title()
        return f"the {words}" if ruler else words

    head = match[0][: match.start("numerals") - match.start()]
    return head + re.sub(r"[IVXL]+", said, match["numerals"])


def century(match: re.Match[str]) -> str:
    """The match of `CENTURY`: "XIX century" is nineteenth century."""
    return say_number(ordinal(str(_value(match[1])))) if _VALID.fullmatch(match[1]) else match[0]


def _value(letters: str) -> int:
    values = [_LETTERS[letter] for letter in letters]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
