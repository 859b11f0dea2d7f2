"""What numbers with something to them can be called: decimals, fractions, money, units, times, dates, decades, ordinals."""

import re

from voxsmith.models.text.digit_readings import below_hundred, cardinals, number, ordinals, plural, spelled, years
from voxsmith.models.text.lattice import Lattice, either, maybe, phrase, sequence
from voxsmith.models.text.numerals import UNIT
from voxsmith.models.text.symbols import CURRENCIES, UNITS

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTHS = {month[:3]: month for month in _MONTHS}
MONTH = "|".join([*_MONTHS, "sept", *MONTHS])
_CENTS = {"cent": ("cents", "cent"), "penny": ("pence", "p", "penny", "pennies"), "sen": ("sen",), "paisa": ("paise",)}
_MORE_UNITS = {"in": "inch", "yd": "yard", "gal": "gallon", "h": "hour", "°c": "degree celsius", "°f": "degree fahrenheit",
               "rpm": "revolution per minute", "dB": "decibel", "cal": "calorie", "kcal": "kilocalorie", "¢": "cent",
               "K": "kelvin", "A": "ampere", "sq ft": "square foot", "km/hr": "kilometer per hour"}  # fmt: skip
_UNITS = UNITS | _MORE_UNITS
UNIT_SIGN = "|".join([*map(re.escape, sorted(_MORE_UNITS, key=len, reverse=True)), UNIT])
_IRREGULAR = {"foot": "feet", "inch": "inches", "percent": "percent", "hertz": "hertz", "kelvin": "kelvin"}
_LETTERS = {"k": ("thousand", "k"), "m": ("million", "m"), "mn": ("million", "m n"), "b": ("billion", "b"),
            "bn": ("billion", "b n"), "t": ("trillion", "t")}  # fmt: skip
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
VULGAR = "".join(_VULGAR)
_QUARTERS = {"25": ("a quarter", "one quarter"), "5": ("a half", "one half"), "50": ("a half", "one half"),
             "75": ("three quarters",)}  # fmt: skip


def decimal(text: str) -> Lattice:
    """ "12", "1,250", "3.5", ".5", "3.11.2"."""
    if "." not in text:
        return grouped(text)
    first, *others = text.replace(",", "").split(".")
    point = either("point", "dot")
    head = [number(first)] if first else []
    if len(others) > 1:
        return sequence(*head, *(part for one in others for part in (point, number(one))))
    whole, rest = first, others[0]
    if not whole:
        return either(sequence(either("point", "zero point", "oh point"), _behind_point(rest)), *_halves(rest))
    said = sequence(number(whole), point, _behind_point(rest))
    if int(whole) == 0:
        return either(said, sequence(point, _behind_point(rest)), *_halves(rest))
    if rest in _QUARTERS:
        return either(said, *(sequence(number(whole), phrase(f"and {name}")) for name in _QUARTERS[rest]))
    return said


def _behind_point(digits: str) -> Lattice:
    return either(spelled(digits), number(digits))


def _halves(digits: str) -> tuple[str, ...]:
    return (*_QUARTERS[digits], "half", "half a") if digits in ("5", "50") else _QUARTERS.get(digits, ())


def grouped(text: str) -> Lattice:
    """A whole number, with or without commas: with them it is no string of digits."""
    digits = text.replace(",", "")
    if "," not in text or len(digits) > 15:
        return number(digits)
    return either(*cardinals(int(digits)), *years(digits))


def money(sign: str, digits: str, scale: str) -> Lattice:
    unit, cent = CURRENCIES[sign]
    name = either(*{"yen": ("yen",)}.get(unit, (f"{unit}s", unit)))
    if scale:
        return sequence(decimal(digits), scaled(scale), either(name, ""))
    whole, _, cents = digits.replace(",", "").partition(".")
    if not cents:
        return sequence(decimal(digits), name)
    ways = [sequence(decimal(digits), name)]
    if len(cents) == 2:
        units, part = number(whole or "0"), number(str(int(cents)))
        if int(cents):
            bare = either(part, spelled(cents)) if cents[0] == "0" else part
            ways = [sequence(units, name, maybe("and"), part, either(*_CENTS[cent], "")), sequence(units, bare), *ways]
            if not int(whole or 0):
                ways.insert(0, sequence(part, either(*_CENTS[cent])))
        else:
            ways.insert(0, sequence(units, name))
    return either(*ways)


def scaled(scale: str) -> Lattice:
    return either(*_LETTERS.get(scale.lower(), (scale.lower(),)))


def unit(sign: str) -> Lattice:
    """One or many of it; or its letters as they are written."""
    name = _UNITS[sign].lower()
    first, _, rest = name.partition(" per ")
    ways = []
    for one in dict.fromkeys((_plural(first), first)):
        ways += [f"{one} per {rest}", f"{one} {'an' if rest == 'hour' else 'a'} {rest}"] if rest else [one]
    if sign.lower() in ("°c", "°f", "ºc", "ºf", "° c", "° f"):
        ways += [f"degrees {sign[-1].lower()}", f"{name.split()[-1]}"]
    elif letters := re.sub(r"[^a-z]", "", sign.lower()):
        ways.append(letters)
    return either(*ways)


def _plural(name: str) -> str:
    head, _, last = name.rpartition(" ")
    if name.startswith("degree"):
        return name.replace("degree", "degrees", 1)
    return f"{head} {_IRREGULAR.get(last, f'{last}s')}".strip()


def fraction(text: str) -> Lattice:
    """ "3/4", "½": parts, "over", and what the same signs mean as a date or a pair ("9/11", "24/7")."""
    top, _, bottom = _VULGAR.get(text, text).replace(" ", "").partition("/")
    above, below = int(top), int(bottom)
    ways: list[Lattice | str] = []
    if 1 < below <= 100 and above < 100:
        for part in {2: ["half"], 4: ["quarter", "fourth"]}.get(below) or ordinals(below)[:1]:
            many = "halves" if part == "half" else plural(part)
            ways += [f"{one} {part}" for one in ("one", "a")] if above == 1 else [f"{below_hundred(above)} {many}"]
        if below == 2 and above == 1:
            ways += ["half", "half a"]
    between = either("over", "slash", "out of", "divided by", "") if text not in _VULGAR else either("over")
    ways.append(sequence(number(top), between, number(bottom)))
    if text not in _VULGAR:
        ways += [_day(_MONTHS[month - 1], day) for month, day in ((above, below), (below, above))
                 if 0 < month <= 12 and 0 < day <= 31]  # fmt: skip
    return either(*ways)


def mixed(whole: str, part: str) -> Lattice:
    """ "2 1/2": two and a half."""
    return sequence(decimal(whole), either("and", ""), fraction(part))


def ordinal(text: str) -> Lattice:
    return either(*ordinals(int(text.replace(",", ""))))


def decade(digits: str) -> Lattice:
    """The digits of "1960s", "80s"."""
    return either(*(plural(name) for name in [*years(digits), *cardinals(int(digits))]))


def time(hour: str, minute: str) -> Lattice:
    """ "7:15", "6:05", "5:00"; and what the same signs mean between two numbers ("3:1")."""
    hours, minutes = number(str(int(hour))), int(minute)
    if not minutes:
        ways = [sequence(hours, either("", "oclock", "hundred"))]
        ways += [phrase("noon"), phrase("midnight")] if int(hour) == 12 else []
    else:
        ways = [sequence(hours, number(str(minutes)) if minutes > 9 else spelled(minute))]
        following = number(str(int(hour) % 12 + 1))
        past = either("past", "after")
        if minutes in (15, 30):
            ways.append(sequence(either(*(("half",) if minutes == 30 else ("quarter", "a quarter"))), past, hours))
        if minutes < 30:
            ways.append(sequence(number(str(minutes)), maybe("minutes"), past, hours))
        if minutes == 45:
            ways.append(sequence(either("quarter", "a quarter"), either("to", "of"), following))
        if minutes > 30 and minutes < 60:
            ways.append(sequence(number(str(60 - minutes)), maybe("minutes"), either("to", "of"), following))
    return either(*ways, sequence(hours, phrase("to"), number(str(minutes))))


def day_behind_month(month: str, day: str) -> Lattice:
    """ "May 10", "May 10th"."""
    return sequence(phrase(month), either(*cardinals(int(day)), *(_the_ordinal(day))))


def day_before_month(day: str, month: str) -> Lattice:
    return sequence(either(*ordinals(int(day)), *cardinals(int(day)), f"the {ordinals(int(day))[0]}"), maybe("of"),
                    phrase(month))  # fmt: skip


def date(year: str, month: str, day: str) -> Lattice:
    """Of digits alone; each of them as a number where the month is none."""
    when = number(year) if len(year) > 2 else either(number(year), sequence(phrase("twenty"), number(year)))
    ways = [sequence(number(part.lstrip("0") or "0"), maybe("slash")) for part in (month, day)]
    plain = sequence(*ways, when)
    named = [sequence(_day(_MONTHS[int(one) - 1], int(other)), when)
             for one, other in ((month, day), (day, month)) if 0 < int(one) <= 12 and 0 < int(other) <= 31]  # fmt: skip
    return either(*named, plain)


def _day(month: str, day: int) -> Lattice:
    return either(sequence(phrase(month), either(*_the_ordinal(str(day)), *cardinals(day))),
                  f"the {ordinals(day)[0]} of {month}")  # fmt: skip


def _the_ordinal(day: str) -> tuple[str, ...]:
    name = ordinals(int(day))[0]
    return name, f"the {name}"


def feet(whole: str, inches: str) -> Lattice:
    """ "5'11": feet and inches."""
    return sequence(number(whole), either("foot", "feet", ""), number(inches), either("inches", "inch", ""))


def power(digits: str) -> Lattice:
    """ "^2": squared, to the power of two, to the second."""
    named = {"2": ("squared",), "3": ("cubed",)}.get(digits, ())
    lead = either("to the power of", "to the", "caret", "")
    return either(*named, sequence(lead, number(digits)), *(f"to the {one}" for one in ordinals(int(digits))))
