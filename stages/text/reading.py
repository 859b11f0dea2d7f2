"""Which written instructions can be spoken at all: decided before any model is asked."""

import re
import unicodedata
from collections import Counter

from voxsmith.models.text.words import words
from voxsmith.stages.text.speakable import Fault

_CODE = re.compile(
    r"""```|</?(?:html|body|head|div|p|span|a|script|table|tr|td|li|ul|h\d|img|br|title|style|form|input)\b[^>]*>|
    \b(?:def|function)[ ]+\w+[ ]*\([^)]*\)|
    \b(?:var|let|const|int|float|double|char|String)\s+\w+\s*=|[;{]\s*$\s*\w+.*[;{}]\s*$|
    ^\s*(?:import\s+[\w.]+|from\s+[\w.]+\s+import|\#include|public\s+(?:static|class)|class\s+\w+\s*[:({]|package\s+[\w.]+;)|
    \b(?:print|printf|println|console\.log|return)\s*\(.*\)|\b(?:for|if|while)\s*\([^)]*[;<>=][^)]*\)|
    ^\s*(?:for\s+\w+\s+in\s+.+|if\s+.+|while\s+.+|else|elif\s+.+):\s*$|=>\s*[{(\w]|\w+\.\w+\([^)]*\)|\w+\[\w*\]\s*=|
    \bSELECT\s+.+\bFROM\b|\b(?:INSERT\s+INTO|CREATE\s+TABLE|DELETE\s+FROM)\b|\w+\s*[+*-]?=\s*\w+\s*;|^\s*\$\s*\w+|
    \b(?:sudo|apt-get|npm|pip|git)\s+\w+|</\w+>|\{\s*["'][^"']+["']\s*:|&&|\|\||!=|\w\+\+[;)]|\w\(\)|:=""",
    re.M | re.X,
)
_TABLE = re.compile(r"^[^|\n]*\|[^|\n]*(?:\|[^|\n]*)+$|^\s*[-+]{3,}[-+|\s]*$|^[^\t\n]+\t[^\t\n]+(?:\t[^\t\n]+)+$"
                    r"|^[^\t\n]+\t[^\t\n]+\n[^\t\n]+\t", re.M)  # fmt: skip
_ARRAY = re.compile(r"\[\s*-?[\w.'\"]+(?:\s*,\s*-?[\w.'\"]+)*\s*\]\s*,?\s*\[|\[\s*[\[{(]|\{[^{}]*[:=][^{}]*\}")
_LATEX = re.compile(r"\\(?:frac|sqrt|sum|int|begin|left|cdot|times|alpha|beta|pi)\b|\$\$|\$[^$\d]*[\\^_=][^$]*\$|∫|∑|∂")
_LONG_URL = re.compile(r"(?:https?://|www\.)\S{30,}")
_OPERATOR = re.compile(r"(?<=[\w)])\s*[+*/^=×÷−<>]\s*(?=[\w(-])|(?<=[\d)])\s*-\s*(?=[\d(])|\^|√")
_STRANGE = re.compile(r"[^\w\s.,?!'\"’‘“”:;()–—-]")
_PLACEHOLDER = re.compile(r"<[^<>]{3,}>|\[(?:insert|your|name|link|image|url|text|article|photo|picture)\b[^\],]*\]"
                          r"|\b(?:image|photo|picture|audio|video|file|attachment)s?\.(?:jpe?g|png|gif|mp[34]|pdf|wav|csv|docx?|txt)\b"
                          r"|\S+\.(?:jpe?g|png|gif|mp[34]|pdf|wav|csv|docx?|xlsx?)\b", re.I)  # fmt: skip

_CHARACTERS = 50  # of a word, far more than any has


def unreadable(task: str, context: str, scripts: tuple[str, ...] = ("Latin",), max_words: int = 80) -> Fault | None:
    """Why nobody could say this instruction aloud, or None. Scripts are named as Unicode names them."""
    text = f"{task}\n{context}".strip()
    if fault := endless(text, max_words):
        return fault
    if not re.search(r"\w", task):
        return Fault("empty", "there is no instruction")
    if fault := _script(text, scripts):
        return fault
    for reason, pattern, name in (
        ("code", _CODE, "program code or a data structure"),
        ("table", _TABLE, "a table"),
        ("formula", _LATEX, "a formula in markup"),
        ("table", _ARRAY, "a nested list or record"),
        ("url", _LONG_URL, "a long web address"),
        ("placeholder", _PLACEHOLDER, "a placeholder or a file instead of the material"),
    ):
        if match := pattern.search(text):
            return Fault(reason, f"{name} can't be read aloud: {match[0].strip()[:60]!r}")
    count = len(words(text))
    if count > max_words:
        return Fault(
            "too_long", f"{count} words, more than a person says in one breath; at most {max_words} are allowed"
        )
    if (signs := len(_OPERATOR.findall(text))) > 7 or (signs > 4 and signs * 3 > count):
        return Fault("formula", f"{signs} operators in {count} words can't be followed by ear")
    return _garbled(text)


def endless(text: str, max_words: int) -> Fault | None:
    """Told by its length alone, before any pattern looks through it: some take time in the square of that."""
    most = _CHARACTERS * max_words
    if len(text) > most:
        return Fault("too_long", f"{len(text)} characters, more than {max_words} words can have; {most} are looked at")
    return None


def _script(text: str, scripts: tuple[str, ...]) -> Fault | None:
    accepted = tuple(script.upper() for script in scripts)
    foreign = Counter(
        name.split()[0].title()
        for char in text
        if char.isalpha() and not (name := unicodedata.name(char, "UNKNOWN")).startswith((*accepted, "MODIFIER"))
    )
    letters = sum(char.isalpha() for char in text)
    if sum(foreign.values()) > max(1, 0.02 * letters):
        script, count = foreign.most_common(1)[0]
        return Fault("script", f"{count} of {letters} letters are {script}; accepted is {', '.join(scripts)}")
    return None


def _garbled(text: str) -> Fault | None:
    letters = sum(char.isalpha() or char.isspace() for char in text)
    if len(text) > 40 and letters < 0.4 * len(text):
        return Fault("garbled", f"only {letters} of {len(text)} characters are letters: {text[:60]!r}")
    letters = sum(char.isalnum() or char.isspace() for char in text)
    if len(_STRANGE.findall(text)) > max(8, 0.1 * len(text)) or letters < 0.5 * len(text):
        return Fault("garbled", f"only {letters} of {len(text)} characters are letters or digits: {text[:60]!r}")
    if long := re.search(r"[^\W_]{35,}|([^\W\d_])\1{5,}", text):
        return Fault("garbled", f"no word: {long[0][:60]!r}")
    tokens = re.findall(r"[^\W\d_]+", text.lower())
    odd = [token for token in tokens if len(token) > 3 and not re.search(r"[aeiouyàâäáéèêëíîïóôöúûü]", token)]
    if len(odd) > 2 and len(odd) * 3 > len(tokens):
        return Fault("garbled", f"these are no words: {' '.join(odd[:5])!r}")
    return None
