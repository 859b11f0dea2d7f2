"""A written text as what can be said for it, one thing after the other: each a lattice of readings."""

import re
from collections.abc import Callable

from voxsmith.models.text import amount_readings as amounts
from voxsmith.models.text import word_readings as spelling
from voxsmith.models.text.digit_readings import NUMBER_WORDS
from voxsmith.models.text.lattice import Lattice, either, maybe, sequence
from voxsmith.models.text.sign_readings import sign
from voxsmith.models.text.symbols import CURRENCIES

_MONTH = rf"(?i:{amounts.MONTH})\b"
_SUFFIX = r"(?:st|nd|rd|th)"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+){0,5}|\.\d+"
_DOMAINS = "com|org|net|edu|gov|io|co|info|biz|tv|me|ai|app|dev|uk|us|ca|de|fr|es|it|nl|eu|au|in|jp|ch|at|be|se"
_LETTER = rf"[^\W\d_²³¹{amounts.VULGAR}]"
_SCALE = r"(?:thousand|million|billion|trillion)\b|(?:[kKmMbBtT]|bn|mn|Bn)\b"

_Reader = Callable[[re.Match[str]], Lattice]


def _month(name: str) -> str:
    return amounts.MONTHS[name[:3].lower()]


def _long_date(match: re.Match[str]) -> Lattice:
    first, second, third = re.findall(r"\d+", match[0])
    return amounts.date(first, second, third) if len(first) == 4 else amounts.date(third, first, second)


def _money(match: re.Match[str]) -> Lattice:
    before = [spelling.letters(match["land"])] if match["land"] else []
    return sequence(*before, amounts.money(match["currency"], match["sum"], match["scale"] or ""))


def _clock(match: re.Match[str]) -> Lattice:
    parts = re.findall(r"\d+", match[0])
    first = amounts.time(*parts[:2])
    return sequence(first, *(amounts.decimal(one) for one in parts[2:]))


def _amount(match: re.Match[str]) -> Lattice:
    text = match["figure"]
    if match["part"]:
        said = amounts.mixed(text, match["part"].strip())
    else:
        said = amounts.decimal(text)
    if match["unit"]:
        return sequence(said, amounts.unit(match["unit"]))
    return sequence(said, amounts.scaled(match["by"])) if match["by"] else said


# In order: the first that fits where the text goes on. None looks further than its own run of letters and digits.
_FORMS: tuple[tuple[str, str, _Reader], ...] = (
    ("mail", r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,6}", lambda match: spelling.address(match[0])),
    ("web", rf"https?://[^\s,;()<>]*[\w/]|(?<![\w.])[A-Za-z][\w-]{{0,62}}(?:\.[\w-]{{1,63}}){{0,6}}\.(?i:{_DOMAINS})(?!\w)"
     r"(?:/[\w./?=&#%~+-]*[\w/])?", lambda match: spelling.address(match[0])),
    ("file", r"(?<![\w.])(?:[A-Za-z][\w-]{1,62})?\.(?:[a-z]{2,4}\d?|[A-Z]{2,4})(?!\w|\.\w)", lambda match: either(
        spelling.address(match[0]), _halves(match[0]))),
    ("money", rf"(?P<land>US|U\.S\.|CA|AU)? ?(?P<currency>[{''.join(map(re.escape, CURRENCIES))}]) ?"
     rf"(?P<sum>{_NUMBER})(?: ?(?P<scale>{_SCALE}))?", _money),
    ("date", r"\d{4}-\d{1,2}-\d{1,2}(?!\w)|\d{4}/\d{1,2}/\d{1,2}(?!\w)|\d{1,2}/\d{1,2}/\d{2,4}(?!\w)", _long_date),
    ("clock", r"\d{1,2}:\d\d(?::\d\d)?(?!\d)|\d{1,2}\.\d\d(?= ?[ap]\.?m\b)", _clock),
    ("month_day", rf"(?P<m>{_MONTH})\.? (?P<d>\d{{1,2}}){_SUFFIX}?(?![\w:.,/]*\d)",
     lambda match: amounts.day_behind_month(_month(match["m"]), match["d"])),
    ("day_month", rf"(?P<d2>\d{{1,2}}){_SUFFIX}? (?:of )?(?P<m2>{_MONTH})",
     lambda match: amounts.day_before_month(match["d2"], _month(match["m2"]))),
    ("feet", r"(?P<foot>\d)['′] ?(?P<inches>\d{1,2})(?!\d)[\"″”]?",
     lambda match: amounts.feet(match["foot"], match["inches"])),
    ("decade", r"'?(?P<tens>\d{1,3}0|[1-9]0)'?s\b", lambda match: amounts.decade(match["tens"])),
    ("ordinal", rf"(?P<nth>\d[\d,]{{0,14}}){_SUFFIX}\b", lambda match: amounts.ordinal(match["nth"])),
    ("vulgar", rf"[{amounts.VULGAR}]", lambda match: amounts.fraction(match[0])),
    ("fraction", r"\d{1,4}/\d{1,4}(?![\d/])", lambda match: amounts.fraction(match[0])),
    ("amount", rf"(?P<figure>{_NUMBER})(?P<part> ?[{amounts.VULGAR}]| \d{{1,2}}/\d{{1,2}}(?!\d))?"
     rf"(?: ?(?P<unit>{amounts.UNIT_SIGN})(?!\w)|(?P<by>[kKmMbBtT]|bn)\b)?", _amount),
    ("power", r"\^ ?(?P<raised>\d{1,3})(?!\d)", lambda match: amounts.power(match["raised"])),
    ("letters", rf"(?<![\w.])(?:{_LETTER}\. ?)+{_LETTER}\.?(?!\w)|(?<!\w)[Pp][Hh]\.? ?[Dd]\b", lambda match: spelling.letters(match[0])),
    ("word", rf"'?{_LETTER}+(?:'{_LETTER}+)*'?", lambda match: _word(match)),
    ("sign", r"\S", sign),
)  # fmt: skip
_FORM = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in _FORMS))
_READERS = {name: reader for name, _, reader in _FORMS}
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'", "–": "-", "—": "-", "‐": "-", "‑": "-",
                         "−": "-", "\xad": "", "\u200b": "", "\ufeff": "", "º": "°", "\xa0": " ", "\u202f": " "})  # fmt: skip
_SOUNDS = re.compile(r"music|laugh|applause|cough|sigh|inaudible|silence", re.I)
_NOTE = re.compile(r"\[[A-Za-z][^\]\n]{0,80}\]|<[A-Za-z|_][^>\n]{0,80}>|\([A-Za-z][^)\n]{0,80}\)")


def readings(text: str, heard: bool = False) -> list[Lattice]:
    """What can be said for each thing in the text, in order; O(len(text)).

    `heard`: a recogniser wrote it, so what stands in brackets may be its note. Otherwise it is what should be said: a
    recogniser may have left out a call such as "hey".
    """
    text = text.translate(_QUOTES)
    said: list[Lattice] = []
    start = 0
    for match in _NOTE.finditer(text) if heard else ():
        if match[0][0] != "(" or _SOUNDS.search(match[0]):
            said += _things(text[start : match.start()], heard)
            if note := _things(match[0][1:-1], heard):
                said.append(either("", sequence(*note)))
            start = match.end()
    return _joints([*said, *_things(text[start:], heard)])


def _things(text: str, heard: bool) -> list[Lattice]:
    said: list[Lattice] = []
    for match in _FORM.finditer(text):
        name = match.lastgroup or "sign"  # the outermost group is the last to close
        lattice = _READERS[name](match)
        if not heard and name == "word" and match[0].lower() in spelling.CALLS:
            lattice = either(match[0].lower(), "")
        said.append(lattice)
    return said


def _halves(written: str) -> Lattice:
    """What lacks a blank between two sentences, or a name that is said without its dot."""
    return sequence(*(spelling.word(part) for part in re.findall(rf"{_LETTER}+", written)))


def _word(match: re.Match[str]) -> Lattice:
    text, start, end = match.string, match.start(), match.end()
    written = match[0] if match[0].lower() in ("'tis", "'twas") else match[0].removeprefix("'")
    low = written.lower().rstrip("'")
    if low == "x" and re.search(r"\d ?$", text[max(0, start - 3) : start]):
        return either("x", "times", "by")
    if low == "negative" and re.match(rf" (?:\d|(?:{'|'.join(NUMBER_WORDS)})\b)", text[end : end + 12], re.I):
        return either("negative", "minus")
    if low == "no" and re.match(r"\.? ?#?\d", text[end : end + 4]):
        return either("number", "no")
    behind_name = bool(re.search(r"[A-Za-z] $", text[max(0, start - 2) : start]))
    return spelling.word(written if written.endswith("in'") else written.rstrip("'"), len(written) == 1 and behind_name)


def _joints(said: list[Lattice]) -> list[Lattice]:
    """ "two hundred and five" is said with "and" or without it, between words as in digits."""
    words = [one.usual[0] if len(one.usual) == 1 == one.end else "" for one in said]
    joint = {place for place in range(1, len(words) - 1) if words[place] == "and"
             and words[place - 1] in ("hundred", "thousand", "million") and words[place + 1] in NUMBER_WORDS
             and not any(word in ("hundred", "thousand") for word in words[place + 2 : place + 4])}  # fmt: skip
    return [maybe("and") if place in joint else one for place, one in enumerate(said)]
