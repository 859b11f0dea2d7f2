"""What digits are called: numbers, amounts of money and of units, dates, times, fractions, telephone numbers."""

import re
import threading
from collections.abc import Callable
from functools import lru_cache

from voxsmith.models.text.letters import EMPHASIS
from voxsmith.models.text.symbols import CURRENCIES, UNITS

_MONTHS = "January February March April May June July August September October November December".split
MONTH = rf"(?:{'|'.join(_MONTHS())}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+"
SCALE = "(?:[Tt]housand|[Mm]illion|[Bb]illion|[Tt]rillion|[kKmMbB]n?)"
UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_LONG_SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion"}
MONTHS = {month[:3].lower(): month for month in _MONTHS()}
MONTHS["sept"] = "September"
_AFTER_AMOUNT_WORDS = """
    a an and annually are as at because before but by each every for from had has have if in into is less monthly more
    of off on or over per since so spent than that then to toward under was were when which while with
    within worth yearly
"""
_AFTER_AMOUNT = frozenset(_AFTER_AMOUNT_WORDS.split())
_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _grammar() -> Callable[[str], str]:
    from kitten_text_processing import Normalizer

    normalise: Callable[[str], str] = Normalizer(lang="en").normalize
    return normalise


@lru_cache(maxsize=4096)
def say_number(digits: str) -> str:
    """What a fragment of digits is called: "1984", "3.5", "1,250", "5:30", "21st", "3/4"."""
    if re.fullmatch(r"0\d+|\d{16,}", digits):
        return " ".join(say_number(digit) for digit in digits)
    if digits.startswith("."):
        return "point " + " ".join(say_number(digit) for digit in digits[1:])
    if re.fullmatch(r"\d{5,}", digits):
        digits = f"{int(digits):,}"  # the grammar spells long ones digit by digit
    with _LOCK:
        said = _grammar()(digits)
    if said.startswith("thousand"):
        said = f"one {said}"
    return re.sub(r"\boh\b", "zero", said) if "." in digits else said


def number(match: re.Match[str]) -> str:
    return f" {say_number(match[0])} "


def date(match: re.Match[str]) -> str:
    """A day such as 2020-05-12 or 12/25/2020; what can't be one is said number by number."""
    first, second, third = re.findall(r"\d+", match[0])
    year, month, day = (first, second, third) if len(first) == 4 else (third, first, second)
    if int(month) > 12 and year is third:
        month, day = day, month
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31 and len(year) in (2, 4)):
        return f" {say_number(first)}, {say_number(second)}, {say_number(third)} "
    return f" the {say_number(ordinal(day))} of {_MONTHS()[int(month) - 1]} {say_number(year)} "


def _cardinal(digits: str) -> str:
    """A number that is certainly no year: 1984 dollars."""
    if re.fullmatch(r"\d{4}", digits):
        digits = f"{digits[0]},{digits[1:]}"
    return say_number(digits)


def _plural(unit: str, digits: str) -> str:
    if digits in ("1", "1.0") or unit.endswith("s") or unit in ("yen", "won", "lira", "naira"):
        return unit
    return "pence" if unit == "penny" else f"{unit}s"


def currency(match: re.Match[str]) -> str:
    sign, digits, scale = match["sign"], match["digits"].replace(",", ""), (match["scale"] or "").strip()
    unit, cent = CURRENCIES[sign]
    if scale:
        unit = _plural(unit, "1" if _before_noun(match, r"") else "2")
        return f" {_cardinal(digits)} {_LONG_SCALES.get(scale.lower(), scale.lower())} {unit} "
    whole, _, cents = digits.partition(".")
    if _before_noun(match, r"\b(?:a|an|another|each|every|this|that)\s+$"):
        return f" {_cardinal(digits)} {unit} "
    said = f"{_cardinal(whole)} {_plural(unit, whole)}"
    if len(cents) == 2 and int(cents):
        return f" {said} and {say_number(str(int(cents)))} {_plural(cent, str(int(cents)))} "
    return f" {_cardinal(digits)} {_plural(unit, digits)} " if cents and int(cents) else f" {said} "


def _before_noun(match: re.Match[str], before: str) -> bool:
    """Whether the amount describes what follows ("a five dollar bill") and is none by itself."""
    after = re.match(r" ([A-Za-z]+)\b", match.string[match.end() :])
    return bool(after and after[1] not in _AFTER_AMOUNT and re.search(before, match.string[: match.start()], re.I))


def unit(match: re.Match[str]) -> str:
    digits, unit = match["digits"], UNITS[match["unit"]]
    if _before_noun(match, r"\b(?:a|an)\s+$"):
        return f" {_cardinal(digits)} {unit} "
    if " per " in unit:
        head, _, tail = unit.partition(" per")
        return f" {_cardinal(digits)} {_unit_plural(head, digits)} per{tail} "
    return f" {_cardinal(digits)} {_unit_plural(unit, digits)} "


def part_of_unit(match: re.Match[str]) -> str:
    """The unit of "1/2 lb" in words; the fraction itself stays for the next rule."""
    unit = UNITS[match["unit"]]
    return f"{match['whole'] or ''}{match['part']} {_unit_plural(unit, '2') if match['whole'] else unit} "


def _unit_plural(unit: str, digits: str) -> str:
    if unit.startswith("degree"):
        return unit if digits == "1" else unit.replace("degree", "degrees", 1)
    if digits in ("1", "1.0") or unit in ("percent", "hertz", "yen") or unit.endswith("hertz"):
        return unit
    head, _, last = unit.rpartition(" ")
    return f"{head} {({'foot': 'feet', 'inch': 'inches'}).get(last, f'{last}s')}".strip()


def decade(match: re.Match[str]) -> str:
    tens = say_number(match["tens"] + "0")
    if match["century"] == "20" and match["tens"] == "0":
        return " two thousands "
    said = {"0": "hundreds", "1": "tens"}.get(match["tens"], f"{tens[:-1]}ies")
    return f" {say_number(match['century'])} {said} "


def month_day(match: re.Match[str]) -> str:
    year = f", {say_number(match['year'])}" if match["year"] else ""
    return f"{_month(match['month'])} {say_number(ordinal(match['day']))}{year}"


def day_month(match: re.Match[str]) -> str:
    return f"{say_number(ordinal(match['day']))} of {_month(match['month'])}"


def _month(name: str) -> str:
    return MONTHS.get(name.rstrip(".").lower(), MONTHS.get(name[:3].lower(), name))


def ordinal(day: str) -> str:
    value = int(day)
    ending = "th" if 10 <= value % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def mixed(match: re.Match[str]) -> str:
    """Letters and digits in one token, such as H2O, COVID-19, MP3, A4."""
    letters = re.sub(r"[A-Z]{2,}", lambda run: " ".join(run[0]) if run[0] in EMPHASIS else run[0], match[0])
    return " " + re.sub(r"\d+", lambda digits: f" {say_number(digits[0])} ", letters.replace("-", " ")) + " "


def phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    return " " + ", ".join(" ".join(say_number(digit) for digit in group) for group in groups) + " "


def late_decade(tens: str) -> str:
    return " hundreds " if tens in "01" else f" {say_number(tens + '0')[:-1]}ies "


def fraction(text: str) -> str:
    top, bottom = map(int, text.split("/"))
    if (top, bottom) in ((1, 4), (3, 4), (1, 2)):
        return {1: "a quarter", 3: "three quarters"}[top] if bottom == 4 else "a half"
    return say_number(text) if top < bottom <= 20 else f"{say_number(str(top))} over {say_number(str(bottom))}"


def time(text: str) -> str:
    half = re.search(r"([ap])\.?m\.?$", text, re.I)
    clock = re.match(r"(\d+)(?::(\d+))?", text)
    assert clock
    hour, minute = clock[1], clock[2]
    said = say_number(hour.lstrip("0") or "0")
    if minute == "00" and not half:
        said += " o'clock"
    elif minute and minute != "00":
        said += f" oh {say_number(minute[1])}" if minute[0] == "0" else f" {say_number(minute)}"
    return f"{said} {half[1].upper()}M" if half else said
