"""Acronyms and chemical formulas are spelled, not read as words."""

import re

_KNOWN_LETTERS = """
    USA UK UAE EU UN CPU GPU API URL USB IBM FBI CIA AI IQ ATM CEO CFO CTO COO DNA RNA UI UX IRS IMF ESA IOT EKG EEG
    EPA USSR UCLA NBA NFL IDE AWS SEO GDP UFO IPO ROI AR IE CIO FAQ
"""
_SPELLED = frozenset(_KNOWN_LETTERS.split())
_ACRONYM = re.compile(r"(?<![\w&'])([A-Z]{2,5})(?![\w&])")
_PAIR = re.compile(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b")
_FORMULA = re.compile(r"\b(?=[A-Za-z]*\d)[A-Z](?:[A-Za-z]|\d)*\b")


def other_letters(written: str, said: str) -> str:
    """Which acronym or formula is said as a word, as a sentence; "" where none is."""
    capitals, small = len(re.findall("[A-Z]", written)), len(re.findall("[a-z]", written))
    if capitals <= 2 * small or re.search(r"[A-Z]{2,5}(?:,\s*| (?:and|or) )[A-Z]{2,5}", written):
        for acronym in set(_ACRONYM.findall(written)):
            letters = acronym in _SPELLED or not re.search("[AEIOUY]", acronym)
            if letters and _as_word(acronym, written, said):
                return f"the letters of {acronym!r} are said as a word"
    for left, right in _PAIR.findall(written):
        match = re.search(rf"\b{left} and {right}\b", said, re.I)
        if match and match[0] != f"{left} and {right}":
            return f"the letters of '{left}&{right}' are said as words"
    for formula in _FORMULA.findall(written):
        for part in re.findall(r"[A-Z]{2,}", formula):
            if _as_word(part, written, said):
                return f"the letters of {formula!r} are said as a word"
    return ""


def _as_word(letters: str, written: str, said: str) -> bool:
    """Whether the letters are one word in what is said, more often than in the text."""
    word = re.compile(rf"\b(?:{letters.lower()}|{letters.title()})\b")
    return len(word.findall(said)) > len(word.findall(written))
