"""Every sign of the text is answered by a word, and no sign is said that isn't written."""

import re
from collections.abc import Callable
from typing import NamedTuple

from voxsmith.stages.text.sayings.written import without_addresses

_N = r"[$€£¥₹]?\s?\.?\d"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?:mon|tues?|wed|thu(?:rs)?|fri|sat|sun)(?:[a-z]*day)?\.?"
_HALF = r"\d\s?[ap]\.?m\.?"
_RATED = r"(?:km|mi|mph|m|cm|ft|kg|g|mg|lbs?|oz|l|ml|gal|k?wh?|[kmg]b|%|usd|eur|calories|kcal|miles|dollars)"
_PER_UNITS = r"\b(?:mph|mpg|kmp?h|kph|rpm|bpm|fps|ppm|ppb|[dp]pi|psi|[kmg]?bps|wpm|cps|mps|knots?)\b|\d\s?(?:mph|mpg|kph|rpm|fps|[kmg]bps)"
_MATH = re.compile(
    r"[\w)\]]\s*[=^×÷≤≥≠]|√|sqrt|\)\s*[*/(]|[\w)]\s*[*]\s*[\w(]|\d\s*\+\s*\d|\b[a-z]\d?\s*[+]\s*[a-z\d]|\d[a-z]\s?[-+]\s?\d",
    re.I,
)
_ASKED = re.compile(
    r"\b(?:calculate|compute|solve|evaluate|simplify|subtract|equation|expression|difference|what is|find)\b", re.I
)
_NEGATIVE = re.compile(
    r"(?:^|(?<=[\s(\[{=<>,:;+*/^×÷≤≥≠√\"']))[-−](?=[$€£¥₹]?\.?\d)|(?<=UTC)[-−](?=\d)|(?<=GMT)[-−](?=\d)"
)
_COOKED = re.compile(
    r"\s?[\d/. ]+\s?(?:cups?|tea|table|tsp|tbsp|oz|ounces?|pounds?|lbs?|grams?|g|kg|ml|l|cloves?|slices?|minutes?|sets?|"
    r"cans?|eggs?|large|medium|small|reps?|pieces?)",
    re.I,
)
_SURE_RANGE = re.compile(
    rf"\d\s?[%°]\s?[CF]?\s?[-–—]\s?\d|{_HALF}\s?[-–—]\s?\d|\b{_MONTH}\s?[-–—]\s?{_MONTH}(?=\W|$)"
    rf"|\b{_DAY}\s?[-–—]\s?{_DAY}(?=\W|$)|\$[\d.,]+[kKmMbB]?\s?[-–—]\s?\$\d",
    re.I,
)
_SPACED = re.compile(r"(?<=[\w)\]])\s+[-−–]\s+(?=[\w(\[$])")
_CLOSE = re.compile(r"(?<=[\d)\]a-zA-Z])[-−](?=[\d(\[a-zA-Z])")
_BULLET = re.compile(r"^\s*[-*+•]\s+", re.M)
_TAG = re.compile(r"</?[a-zA-Z][^<>\s]*>")


class Rule(NamedTuple):
    """A sign, how many of it want a word, and the words that answer it."""

    name: str
    wanted: Callable[[str], int]
    answers: re.Pattern[str]


def _rule(name: str, wanted: str, answers: str) -> Rule:
    pattern = re.compile(wanted, re.I)
    return Rule(name, lambda text: len(pattern.findall(text)), re.compile(rf"\b(?:{answers})\b", re.I))


def _percents(text: str) -> int:
    return len(re.findall(r"\d\s?%(?!\s?\d)", text)) - len(
        re.findall(r"\d\s?%\s?(?:[-–—/]|to|and|or)\s?[\d.,]+\s?%", text)
    )


def _degrees(text: str) -> int:
    ranges = re.findall(r"°\s?[CF]?\s?(?:[-–—/]|to|and|or)\s?[-−]?[\d.,]+\s?°", text)
    return min(len(re.findall("°", text)), max(1, len(re.findall("°", text)) - len(ranges)))


def _money(sign: str, cents: str = "") -> Callable[[str], int]:
    def wanted(text: str) -> int:
        ranges = re.findall(rf"{sign}\s?[\d.,]+\s?[kKmMbB]?\w*\s?(?:[-–—/]|to|and|or)\s?{sign}\s?\d", text)
        small = re.findall(rf"{sign}\s?0?\.\d\d(?!\d)", text) if cents else []
        return len(re.findall(rf"{sign}\s?\.?\d", text)) - len(ranges) - len(small)

    return wanted


def _ranges(text: str) -> int:
    """Ranges that can be nothing else: 10%-20%, 9am-5pm, Jan-Mar, $5-$10, 5-10 years."""
    count = len(_SURE_RANGE.findall(text))
    if _MATH.search(text):
        return count
    plain = re.finditer(
        r"(?<![\w.,:/$%-])(?<!\) )(\d{1,4})\s?[-–—]\s?(\d{1,4})(?=\s?%|\s?°|\s[a-z]|\))(?![-\d./:])", text
    )
    return count + sum(int(match[1]) < int(match[2]) for match in plain)


def _compared(sign: str) -> str:
    """Between words ("File > Open") it compares nothing."""
    return rf"(?<![A-Za-z]{{3}})(?<=[\w)\]])\s*{sign}\s*(?=[\w(\[$-])|(?<=\w)\s*{sign}\s*(?=[\d$])"


_RULES = (
    _rule("±", "±", "plus or minus|plus minus|give or take"),
    _rule("+", r"(?<=[\w)\]%])\s*\+\s*(?=[\w(\[$-])|(?<=\d)\+(?=\s|$|[.,])",
          "plus|add(?:ed)?|positive|or (?:more|older|over|above)|more than|over|above|at least|and"),
    _rule("×", r"(?<=[\w)\]])\s*×\s*(?=[\w(\[-])|(?<=[\w)\]])(?:\s\*\s|\*)(?=[\w(\[-])(?!\*)(?<!\*\*)",
          "times|multipl(?:y|ied)(?: by)?|by|into|star|asterisk|cross"),
    _rule("x between measures", r"\d\s?(?:cm|mm|m|ft|in|inch|km|\"|')\s?[x×]\s?\d", "times|by"),
    _rule("÷", "÷", "divided|over|by"),
    _rule("/", r"[)\]]\s*/|/\s*[(\[]|(?<=\dpi)\s?/\s?\d|(?<=π)\s?/\s?\d|\b[a-z]\s?/\s?\d",
          "divided|over|slash|hal(?:f|ves)|thirds?|quarters?|fourths?|per|out of"),
    _rule("=", r"(?<=[\w)\]%°'\"])\s*(?<![=<>!])=(?![=>])\s*(?=\S)", "equals?|equal(?:ling|ing)?|is|are|was|were|makes?|gives?|means|be"),
    _rule("<", _compared("<"), "less|smaller|fewer|below|under|lower|before|lesser"),
    _rule(">", _compared("(?<![-=])>"), "greater|more|larger|above|over|bigger|higher|exceeds?|older|after|longer"),
    _rule("≤", "≤|<=(?!>)", "at most|less than or equal|up to|no more than|smaller or equal|less or equal|below or equal"),
    _rule("≥", "≥|>=", "at least|greater than or equal|no less than|more than or equal|greater or equal|or more"),
    _rule("≠", "≠|!=", "not equal|isn't|is not|unequal|differs?|not"),
    _rule("≈", r"≈|≅|(?<![\w~])~\s?(?=[$\d])", "about|approximately|around|roughly|nearly|almost|some|circa"),
    _rule("√", r"√|\bsqrt\b", "roots?"),
    _rule("∞", "∞", "infinity|infinite"),
    _rule("π", "π", "pi"),
    _rule("!", r"\d!(?=\s*[=+*/×÷^)-])|\d!(?=\?)", "factorials?"),
    _rule("^", r"(?<=[\w)\]])\s?\^", "power|squared?|cubed?|cubic|raised|exponent|caret|to the|superscript"),
    Rule("%", _percents, re.compile(r"\b(?:percent(?:age)?|per cent)\b", re.I)),
    Rule("°", _degrees, re.compile(r"\bdegrees?\b", re.I)),
    _rule("°C", r"°\s?C\b(?!\s?(?:[-–—/]|to|and|or)\s?[-−]?[\d.,]+\s?°)", "celsius|centigrade|c"),
    _rule("°F", r"°\s?F\b(?!\s?(?:[-–—/]|to|and|or)\s?[-−]?[\d.,]+\s?°)", "fahrenheit|f"),
    Rule("$", _money(r"\$", "cents"), re.compile(r"\b(?:dollars?|bucks|cents?|pesos?|reais)\b", re.I)),
    Rule("€", _money("€", "cents"), re.compile(r"\b(?:euros?|cents?)\b", re.I)),
    Rule("£", _money("£", "pence"), re.compile(r"\b(?:pounds?|quid|pence|penny|sterling)\b", re.I)),
    Rule("¥", _money("¥"), re.compile(r"\b(?:yens?|yuan)\b", re.I)),
    Rule("₹", _money("₹"), re.compile(r"\brupees?\b", re.I)),
    _rule("/", rf"[$€£¥₹]\s?[\d.,]+[kKmMbB]?\s?/\s?[a-z]{{2,}}|\d\s?{_RATED}\s?/\s?(?:\d|[a-z])|\bkm/h|\bm/s\b", "per|an?|each|every|mph"),
    Rule("-", _ranges, re.compile(r"\b(?:to|through|thru|till|until|and|or|minus)\b", re.I)),
    _rule("@", r"(?<=\w)\s@\s(?=\w)", "at"),
    _rule("#", r"\b[A-G]#", "sharp"),
    _rule("#", r"(?<!\w)#\d", "numbers?|hash(?:tag)?|pound|no"),
    _rule("&", r"(?<=\w)\s?&\s?(?=\w)", "and|ampersand|n"),
)  # fmt: skip


def other_sign(written: str, said: str) -> str:
    """Which sign isn't said, or which is said though it isn't written, as a sentence; "" where all agree."""
    plain = re.sub(r"°\s?[CF]\b", "°", written)
    text = _TAG.sub(" ", _BULLET.sub(" ", without_addresses(written)))
    wanted, allowed = _minuses(text)
    more = _more(r"minus|negative", written, said)
    if _more(r"minus|negative|less|subtract(?:ed|ing)?|take away|below", written, said) < wanted:
        return "a minus isn't said"
    if more > allowed:
        return "a minus is said, and isn't written"
    for rule in _RULES:
        count = rule.wanted(text)
        if count > 0 and len(rule.answers.findall(said)) - len(rule.answers.findall(plain)) < count:
            return f"the sign {rule.name!r} isn't said"
    return _unwritten(written, said)


def _unwritten(written: str, said: str) -> str:
    amounts = len(
        re.findall(
            r"\$(?=\s?\.?\d)|\$[\d.,]+[kKmMbB]?\s?[-–—](?=\d)|(?<=\d)\s?\$|\bUSD\b|\b(?:US|A|C|CA|AU|NZ|HK)\$", written
        )
    )
    chains = re.findall(r"(?<![\d-])\d(?:-\d){2,}(?![\d-])|\b[A-Z]\w+\s[5-9]\d\d-[1-4]\d\d\b", written)
    verses = re.findall(r"\b\d{1,3}:\d{1,3}[-–]\d{1,3}\b(?!:)", written)
    for word, most in (
        ("plus", len(re.findall(r"[+±]", written))),
        ("per(?! cent)", len(re.findall("/", written)) + len(re.findall(_PER_UNITS, written, re.I))),
        ("percent", 2 * len(re.findall("%", written))),
        ("degrees?", len(re.findall(r"°|\bdeg\b|\d\s?[CFK]\b", written))),
        ("dollars?", amounts),
        ("euros?", len(re.findall(r"€|\bEUR\b", written))),
        ("divided", len(re.findall(r"[/÷]", written))),
        ("point", len(re.findall(r"(?<!\d\.)\.\d|\d\.\d", written))),
    ):
        if _more(word, written, said) > most:
            return f"{word.split('(')[0].rstrip('s?')!r} is said, and isn't written"
    if chains and _more("to", written, said) > 0:
        return f"{chains[0]!r} is no range"
    if verses and _more("to", written, said) > len(verses) + _ranges(written):
        return f"{verses[0]!r} has one range"
    return ""


def _minuses(text: str) -> tuple[int, int]:
    """(how many minus signs must be said, how many may be)."""
    must, may = 0, text.count("±")
    maths, asked = _MATH.search(text) is not None, _ASKED.search(text) is not None

    def before(match: re.Match[str]) -> str:
        return text[max(0, match.start() - 30) : match.start()]

    def after(match: re.Match[str]) -> str:
        return text[match.end() : match.end() + 30]

    for match in _NEGATIVE.finditer(text):
        lead = before(match).rstrip(" ")
        if match[0] == "-" and _COOKED.match(after(match)):
            continue
        may += 1
        # A dash at the start of a line may be a bullet, and one behind a figure a range.
        bullet = match[0] == "-" and (not lead or lead[-1] == "\n") and "\n" in text
        # "-1 potato" is an item of a list, "-1 degrees" is none.
        bullet |= match[0] == "-" and not lead and bool(re.match(r"[\d/. ]+ (?!deg|perc)[a-z]", after(match)))
        must += not bullet and not (lead[-1:].isdigit() and not maths)
    for match in _SPACED.finditer(text):
        left = re.search(r"([A-Za-z]*)\s*([\w)\]]*)$", before(match))
        right = re.match(r"[\w(\[$]+", after(match))
        assert left and right
        operands = _operand(left[2] or left[1]) and _operand(right[0])
        if operands and (maths or asked):
            may, must = may + 1, must + (maths and not re.search(r"\d{4}\s*$", before(match)))
        elif maths and "=" in text and right[0].isdigit():
            may += 1  # "end = start - 1"
        elif operands and left[2][:1].isdigit() and not left[1][:1].isupper():
            may += 1
    if maths:
        may += len(re.findall(r"(?:^|(?<=[\s(=*/+-]))[-−](?=[A-Za-z]\b)", text))  # "-x"
        for match in _CLOSE.finditer(text):
            left, right = re.search(r"\w+$|[)\]]$", before(match)), re.match(r"\w+|[(\[]", after(match))
            if left and right and _operand(left[0]) and _operand(right[0]):
                may += 1
                must += match[0] == "−" or left[0] in ")]" or right[0] in "([" or len(left[0]) == 1
    return must, may


def _operand(token: str) -> bool:
    return bool(
        re.fullmatch(r"\$?[\d.,]+[a-z]{0,3}|[\d.,]+[A-Z]|[a-zA-Z]\d?|[A-Z][a-z]|[)\]].*|.*[)\]]|[(\[].*", token)
    )


def _more(words: str, written: str, said: str) -> int:
    pattern = re.compile(rf"\b(?:{words})\b", re.I)
    return len(pattern.findall(said)) - len(pattern.findall(written))
