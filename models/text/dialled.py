"""Numbers that are said digit by digit: telephones, ISBN, social security numbers, postal codes, calls for help."""

import re

from voxsmith.models.text.numerals import say_number


def _digits(text: str) -> str:
    """Each digit's name, a pause where groups end."""
    groups = re.findall(r"[\dX]+", text)
    return ", ".join(" ".join("X" if char == "X" else say_number(char) for char in group) for group in groups)


def _group(match: re.Match[str]) -> str:
    plus = "plus " if match[0].startswith("+") else ""
    return f" {plus}{_digits(match[0])} "


DIALLED = [
    (re.compile(r"(?<=ISBN)(?P<kind>-1[03])?:?\s*(?P<code>\d[\dX -]{8,16}[\dX])\b"),
     lambda match: f" {_digits((match['kind'] or '').strip('-'))} {_digits(match['code'])} ".replace("  ", " ")),
    (re.compile(r"\b\d{3}-\d{2}-\d{4}\b"), _group),
    (re.compile(r"\+\d{1,3}(?:[ -]\(?\d{2,5}\)?){2,5}\b"), _group),
    (re.compile(r"(?:(?<!\w)\+?1[ -.])?\(\d{3}\)[ -]?\d{3}[ -.]\d{4}\b|\b\d{3}\.\d{3}\.\d{4}\b"), _group),
    (re.compile(r"(?<=\b[A-Z]{2} )\d{5}(?:-\d{4})?\b(?![,.]\d)"), _group),
    (re.compile(r"\b(?<=[Cc]all )\d{3}\b(?! \w+s\b|[-.,]\d)|(?<=[Dd]ial )\d{3}\b(?![-.]\d)|"
                r"\b(?:911|999|112)\b(?= (?:call|operator|dispatcher|emergency))"), _group),
    (re.compile(r"(?<![\d-])\d(?:-\d){2,}(?![\d-]|/)"),
     lambda match: " " + " ".join(say_number(digit) for digit in match[0].split("-")) + " "),
    (re.compile(r"\b(?P<maker>Boeing|Airbus) (?P<first>\d)(?P<rest>\d\d)-(?P<model>\d{3})\b"),
     lambda match: f"{match['maker']} {match['first']} {match['rest']} {match['model']}"),
]  # fmt: skip
