"""Every unit behind a figure has its word."""

import re

# Abbreviation: the words that may stand for it. Those of one letter must touch the figure.
_UNITS = {
    "km": "kilomet(?:er|re)s?", "cm": "centimet(?:er|re)s?", "mm": "millimet(?:er|re)s?|millimeters?", "µm": "micro.*|microns?",
    "nm": "nanomet(?:er|re)s?", "kg": "kilos?|kilograms?", "mg": "milligrams?", "lbs?": "pounds?", "oz": "ounces?",
    "mph": "miles? (?:per|an) hour", "mpg": "miles? (?:per|to the) gallon", "kph|kmph|kmh": "kilomet(?:er|re)s? (?:per|an) hour",
    "hrs?": "hours?", "mins?": "minutes?|min", "secs?": "seconds?|sec", "ft": "feet|foot|ft", "yds?": "yards?",
    "ml|mL": "millilit(?:er|re)s?", "tsp": "teaspoons?", "tbsp": "tablespoons?", "pcs?": "pieces?|p c'?s?|PCs?",
    "GB": "gigabytes?|gigs?|g b|gb", "MB": "megabytes?|megs?|m b|mb", "TB": "terabytes?|t b|tb", "KB|kB": "kilobytes?|k b|kb",
    "kWh": "kilowatt.hours?", "kW": "kilowatts?", "MW": "megawatts?", "GHz": "gigahertz", "MHz": "megahertz", "kHz": "kilohertz",
    "Hz": "hertz", "kcal": "kilocalories?|calories?", "dB": "decibels?", "g": "grams?|g", "m": "met(?:er|re)s?|minutes?|million|m|months?",
    "L": "lit(?:er|re)s?|l", "mi": "miles?",
}  # fmt: skip
_ONE_LETTER = {"h": "hours?|h", "W": "watts?|w", "V": "volts?|v", "A": "amps?|amperes?|a", "l": "lit(?:er|re)s?|l"}
_PATTERNS = [
    (unit, re.compile(rf"(?<=\d)(?:\s?|-)(?:{unit})(?=\s?[-–—]\s?\d|(?:\^?[23])?(?!['’\w]))"), re.compile(rf"\b(?:{words})\b", re.I))
    for unit, words in _UNITS.items()
] + [
    (unit, re.compile(rf"(?<=\d){unit}(?!['’\w])"), re.compile(rf"\b(?:{words})\b", re.I)) for unit, words in _ONE_LETTER.items()
]  # fmt: skip
_FEET = re.compile(r"(?<=\d)'\s?(?=\d{1,2}\b)|(?<=\d)'(?=\s?(?:x|tall|long|wide|high)\b)")
_INCHES = re.compile(r"(?<=\d)\"")
_HOURS = re.compile(r"\b\d{1,2}h\s?\d{1,2}m(?:in)?\b")
_AREA = re.compile(r"(?<=\d)\s?(?:[kcm]?m|ft|in|yd|mi)\^?([23])\b")
_SCALE = re.compile(r"[$€£]\s?[\d.,]+\s?([kKMB]|bn|mn)\b|(?<![$€£\w])\d+\.\d+([MB])\b")
_LONG = {"k": "thousand|k", "m": "million", "b": "billion", "mn": "million", "bn": "billion"}


def other_unit(written: str, said: str) -> str:
    """Which unit or scale isn't said, as a sentence; "" where all are."""
    for unit, pattern, words in _PATTERNS:
        count = len(pattern.findall(written))
        if count and len(words.findall(said)) - len(words.findall(pattern.sub("", written))) < max(
            1, count - _ranges(unit, written)
        ):
            return f"the unit {pattern.findall(written)[0].strip()!r} isn't said"
    for match in _SCALE.finditer(written):
        letter = match[1] or match[2]
        if not re.search(rf"\b(?:{_LONG[letter.lower()]})\b", said, re.I):
            return f"the {letter!r} of {match[0]!r} isn't said"
    for power in _AREA.findall(written):
        if not re.search(r"\bsquared?\b" if power == "2" else r"\bcub(?:ed|ic|e)\b", said, re.I):
            return f"the power {power} of a unit isn't said"
    if _HOURS.search(written) and not re.search(r"\bminutes?\b", said, re.I):
        return "minutes aren't said"
    return _feet_and_inches(written, said) or _squares(written, said)


def _ranges(unit: str, written: str) -> int:
    return len(re.findall(rf"\d\s?(?:{unit})\s?(?:[-–—/x]|to|and|or)\s?[\d.,]+\s?(?:{unit})\b", written))


def _feet_and_inches(written: str, said: str) -> str:
    if _FEET.search(written) and not re.search(r"\b(?:feet|foot|minutes?|arc)\b", said, re.I):
        return "the feet of a measure aren't said"
    opening = len(re.findall(r"(?<!\w)\"(?=\S)", written))
    if (
        len(_INCHES.findall(written)) > opening
        and not _FEET.search(written)
        and not re.search(r"\binch(?:es)?\b", said, re.I)
    ):
        return "the inches of a measure aren't said"
    return ""


def _squares(written: str, said: str) -> str:
    """3x2 + 5x is 3x^2 + 5x that has lost its sign: said as a product it is another thing."""
    lost = re.search(r"\b\d*x[23]\b(?=.*\b\d*x\b)", written)
    if lost and re.search(r"[+=-]", written) and not re.search(r"\b(?:squared|cubed)\b", said, re.I):
        return f"{lost[0]!r} is a power that isn't said"
    return ""
