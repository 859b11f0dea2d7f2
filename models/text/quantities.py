"""Signs, units, rates, ranges, magnitudes where the layout still shows what they are. Digits stay for later rules."""

import re

from voxsmith.models.text.arithmetic import arithmetic
from voxsmith.models.text.numerals import MONTH, MONTHS
from voxsmith.models.text.symbols import MATHS, MONEY, PER, UNITS

_N = r"\d+(?:,\d{3})*(?:\.\d+)?"
_UNITS = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_PERS = "|".join(sorted(map(re.escape, PER), key=len, reverse=True))
_BARE = r"km|cm|mm|mi|kg|mg|µg|μg|ft|mL|ml|kJ|kW|kWh|lb|g|m|L|J|W|N|mol"
_GOES_ON = r"(?:is|are|was|and|or|to|degrees?|in|from|times|plus|minus|as|by|divided|multiplied|percent|equals)\b"
_DAYS = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DAY_NAMES = {"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday",
              "Sun": "Sunday"}  # fmt: skip
_SHORT_DAYS = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"
_CLOCK = r"\d{1,2}(?::\d\d)? ?(?:[ap]\.m\.|[ap]m\b)"
_PART = r"(?:Chapter|Part|Day|Week|Step|Lesson|Unit|Section|Level|Question|Book|Task|Item|Page|Year|Exam|Round|Room)"


_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion", "T": "trillion"}
_LANDS = {"US": "U S", "AU": "Australian", "A": "Australian", "CA": "Canadian", "C": "Canadian", "NZ": "New Zealand",
          "HK": "Hong Kong"}  # fmt: skip


def _plural(unit: str) -> str:
    if unit.startswith(("percent", "foot", "inch", "hertz")):
        return {"foot": "feet", "inch": "inches"}.get(unit, unit)
    head, *tail = unit.split(" ")
    if head == "degree":
        return " ".join([f"{head}s", *tail])
    return unit if unit.endswith("s") else f"{unit}s"


def _rate(match: re.Match[str]) -> str:
    unit = UNITS[match["unit"]]
    said = unit if match["amount"] in ("1", "1.0") else _plural(unit)
    return f"{match['amount']} {said} per {match['hundred'] or ''} {_per(match['per'], bool(match['hundred']))}"


def _per(unit: str, several: bool = False) -> str:
    said = PER.get(unit) or UNITS[unit]
    return _plural(said) if several else said


def _range(match: re.Match[str]) -> str:
    return f"{match['low']} to "


def _months(match: re.Match[str]) -> str:
    return " to ".join(MONTHS[name.rstrip(".")[:3].lower()] for name in (match["low"], match["high"]))


def _negative(match: re.Match[str]) -> str:
    """A dash right before a number: minus; at a line's begin before "3 eggs" the mark of a list item."""
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    after = match.string[match.end() :]
    if not line.strip() and re.match(rf"[\d./]+(?:\s\d/\d)?\s+(?!{_GOES_ON})(?!°)[A-Za-z]{{2,}}", after):
        return "- "
    return " minus "


def _dash(match: re.Match[str]) -> str:
    """A dash between blanks before a number: only in a sum is it a minus; between two numbers a later rule decides."""
    if match["word"] in ("thousand", "million", "billion", "trillion") and match.string[match.end()] in MONEY:
        return " to "
    text, end = match.string, match.end()
    letter = len(match["word"]) == 1 and (match["word"].islower() or "=" in text)
    return " minus " if arithmetic(match) or (letter and not re.match(r"\d+(?:st|nd|rd|th)\b", text[end:])) else ", "


def _half_range(match: re.Match[str]) -> str:
    return match[0] if arithmetic(match) else f"{match['part']}, "


def _compared(match: re.Match[str]) -> str:
    sign = {"<": "less than", ">": "greater than"}[match["sign"]]
    asked = re.search(
        r"(?:\b(?:is|are|whether|Is|Are)\s|\b(?:is|are|Is|Are)\s.*\band\s)$", match.string[: match.start()]
    )
    return f"{match['left']} {'' if asked else 'is '}{sign} "


def _feet(match: re.Match[str]) -> str:
    return f"{match['feet']} foot {match['inches']}"


def _inches(match: re.Match[str]) -> str:
    """A mark of inches, unless a quotation that began before ends with it."""
    before = match.string[: match.start()]
    if before.count('"') % 2 or before.count("“") > before.count("”"):
        return match[0]
    return f"{match['amount']} inch"


def _feet_alone(match: re.Match[str]) -> str:
    before = match.string[: match.start()]
    if len(re.findall(r"(?<!\w)['‘]", before)) > len(re.findall(r"(?<=[^\w\s])['’]|(?<=\w)['’](?!\w)", before)):
        return match[0]
    return f"{match['feet']} feet"


def _grouped(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return f"{int(digits):,}"


def _scaled(match: re.Match[str]) -> str:
    return f"{match['amount']} {_SCALES[match['scale']]}"


def _clock_time(match: re.Match[str]) -> str:
    parts = ((match["h"], "hour"), (match["m"], "minute"), (match["s"], "second"))
    return " ".join(f"{count} {name if count == '1' else name + 's'}" for count, name in parts if count)


BEFORE_LAYOUT = [
    (re.compile(r"℃"), "°C"), (re.compile(r"℉"), "°F"), (re.compile(r"µ|μ(?=[mgLls]\b)"), "µ"),
    (re.compile(r"(?<=\d)[\u202f\u2009\u00a0](?=\d{3}\b)"), ","),
    (re.compile(r"(?<![\d.,+-])(?<!\d )\d{1,3}(?: \d{3})* \d00\b(?![ ,.-]?\d)"), _grouped),
    (re.compile(r"\b\d{1,3}(?:,\d{2})+,\d{3}\b"), _grouped),
    # feet and inches
    (re.compile(r"(?P<feet>\b\d{1,2}) ?['’′] ?(?P<inches>\d{1,2}(?:\.\d+)?)(?:\"|”|″|''|’’| ?in\b)?(?![\w'’])"), _feet),
    (re.compile(r"(?<![\w.])(?P<one>\d{1,3})['’′] ?[xX×] ?(?P<two>\d{1,3})['’′]"), r"\1 foot by \2 foot"),
    (re.compile(r"(?<![\w.])(?P<amount>\d+(?:\.\d+)?) ?[\"”″](?=[\s.,;:?!)x]|$)"), _inches),
    (re.compile(r"(?<![\w.'’‘])(?P<feet>\d{1,3})['’′](?=\s(?!s\b)\w)"), _feet_alone),
    # money of other countries
    (re.compile(rf"\b(?P<land>US|AU|CA|NZ|HK|A|C)\$ ?(?P<amount>{_N})"),
     lambda m: f"{m['amount']} {_LANDS[m['land']]} dollars"),
    (re.compile(rf"(?P<amount>{_N}) ?¢"), lambda m: f"{m['amount']} cent{'' if m['amount'] == '1' else 's'}"),
    (re.compile(r"\$0?\.(?P<cents>\d\d)(?!\d| ?(?:thousand|[mb]illion))"),
     lambda m: f"{int(m['cents'])} cent{'' if m['cents'] == '01' else 's'}" if int(m["cents"]) else m[0]),
    (re.compile(rf"\b(?P<code>USD|EUR|GBP|JPY|INR|CAD|AUD|CHF) ?(?P<amount>{_N})\b"), r"\g<amount> \g<code>"),
    # signs
    (re.compile(r"\+(?:[-=]{3,}\+)+|[-=*]{5,}|[█▓▒░■□▪]+"), " "),  # a frame drawn with signs
    (re.compile(r"(?<=[\w)\]]) \* (?=[\w(])"), " times "),
    (re.compile(r"(?<=[\d)])\*(?=[A-Za-z(])"), " times "),
    (re.compile(r"(?<![\w/])(?P<part>\d/\d)(?=[a-z]{1,2}2?\b)"), r"\g<part> "),
    (re.compile(r"(?P<left>\b\d*[xyzw]) [-–−] (?=\d*[xyzw]\b)"), r"\g<left> minus "),
    (re.compile(r"(?<=\d°[CF]) ?/ ?(?=\d)"), " or "),
    (re.compile(rf"\$US ?(?P<amount>{_N})"), r"\g<amount> U S dollars"),
    (re.compile(r"(?<=[)\]]) ?//? ?(?=[\d(])"), " divided by "),
    (re.compile(r"(?<=[\w)]) [-–−] (?=\(?[a-z]\b)|(?<=[a-z)]) [-–−] (?=\d)"),
     lambda m: " minus " if re.search(r"=[^,.;\n]*$", m.string[: m.start()]) else m[0]),
    (re.compile(r"(?:(?<=\bif )|(?<=\bwhile ))(?P<left>\w+) (?P<sign>[<>]) (?=\w)"), _compared),
    (re.compile(r"(?<=[\w)]) % (?=[\w(])"), " modulo "),
    (re.compile(r"(?<=\()(?P<high>\d+) [-–−] (?P<low>\d+)(?=\))"),
     lambda m: f"{m['high']} minus {m['low']}" if int(m["high"]) > int(m["low"]) else m[0]),
    (re.compile(r"±|\+/-"), " plus or minus "), (re.compile(r"∞"), " infinity "),
    (re.compile(r"(?<!\w)[~∼≈] ?(?=[$€£]?\d)"), " about "),
    (re.compile(r"(?P<left>\b(?:\d[\d.,]*[%a-zA-Z°]{0,2}|[A-Za-z]\d?)) ?(?P<sign>[<>])(?!=) ?"
                r"(?=-?[$€£]?\d|[A-Za-z]\d?\b(?!>))(?<!->)(?<!=>)"), _compared),
    (re.compile(r"(?P<amount>\b\d+)!(?=\s*[-=+*/?)÷×])|"
                r"(?:(?<=\b[Cc]ompute )|(?<=\b[Cc]alculate )|(?<=\bof ))(?P<alone>\d+)!|^(?P<all>\d+)!$"),
     lambda m: f"{m['amount'] or m['alone'] or m['all']} factorial"),
    (re.compile(r"\b(?P<a>[a-z])2 (?P<sign>[-+]) (?P<b>[a-z])2 = (?P<c>[a-z])2\b"), r"\g<a>² \g<sign> \g<b>² = \g<c>²"),
    (re.compile(r"\((?P<low>0|(?<=[A-Za-z]\()\d{1,3}),(?P<rest>\d{1,3}(?:,\d{1,3})+)\)"),
     lambda m: f"({m['low']}, {m['rest'].replace(',', ', ')})"),
    (re.compile(r"\b(?P<term>\d*[xyz])(?P<power>[23])(?=\s*[-+=])"),
     lambda m: f"{m['term']}^{m['power']}"),
    (re.compile(r"(?<== )(?P<top>\d*[a-zA-Z])/(?P<bottom>\d*[a-zA-Z])(?![\w/])"), r"\g<top> over \g<bottom>"),
    (re.compile(r"(?<![\w/])(?P<top>[a-z]|d[a-z])/(?P<bottom>[a-z]|d[a-z])(?= ?=)|\b(?P<dx>d[a-z])/(?P<dt>d[a-z])\b"),
     lambda m: f"{m['top'] or m['dx']} over {m['bottom'] or m['dt']}"),
    (re.compile(r"(?<![\w|])\|(?P<inside>-?\w{1,3}(?: ?[-+] ?\w{1,3})?)\|(?![\w|])(?= ?[-+=<>.,?!]|$)"),
     r"the absolute value of \g<inside>"),
    *[(re.compile(sign), f" {said} ") for sign, said in MATHS.items()],
    # ranges
    (re.compile(rf"\b(?P<low>{MONTH}) ?[-–—] ?(?P<high>{MONTH})(?!\w)"), _months),
    (re.compile(rf"\b(?P<low>{_DAYS}) ?[-–] ?(?={_DAYS})"), _range),
    (re.compile(rf"\b(?P<low>{_SHORT_DAYS})\.? ?[-–] ?(?P<high>{_SHORT_DAYS})\b\.?"),
     lambda m: f"{_DAY_NAMES[m['low'][:3]]} to {_DAY_NAMES[m['high'][:3]]}"),
    (re.compile(r"\b(?P<low>[Aa])[-–](?P<high>[Zz])\b"), r"\g<low> to \g<high>"),
    (re.compile(r"\b(?P<low>[Nn]oon|[Mm]idnight) ?[-–] ?(?=\d)"), _range),
    (re.compile(rf"(?P<sign>[{MONEY}])(?P<low>{_N}) ?[-–] ?(?P<high>{_N})(?= ?(?:[mbtMBT]r?illion|thousand|[kKMB])\b)"),
     r"\g<low> to \g<sign>\g<high>"),
    (re.compile(r"(?<![\d-])(?P<low>\d{3})[-–](?=\d\d00 [a-z])"), _range),  # no telephone
    (re.compile(r"\b(?P<low>(?:19|20)\d\d)/(?P<high>\d\d)\b(?!/)"), r"\g<low> \g<high>"),
    (re.compile(rf"(?P<low>\b{_CLOCK}) ?[-–—] ?(?=\d|noon\b|midnight\b)", re.I), _range),
    (re.compile(r"(?P<low>\d ?%) ?[-–—] ?(?=\d[\d.]*\s?%)"), _range),
    (re.compile(rf"(?P<low>\b{_N} ?(?:{_UNITS})) ?[-–—] ?(?=\d)"), _range),
    (re.compile(rf"(?P<low>\b{_N})[-–](?P<high>{_N})x\b(?! ?\d)"), r"\g<low> to \g<high> times"),
    (re.compile(r"(?<=\b)(?P<book>[A-Z][a-z]+) (?P<chapter>\d{1,3}):(?P<low>\d{1,3})[-–](?P<high>\d{1,3})\b(?!:)"),
     r"\g<book> \g<chapter>, \g<low> to \g<high>"),
    (re.compile(rf"(?P<part>\b{_PART} \d+) [-–—] (?=\d+ [a-z])"), _half_range),
    # dashes
    (re.compile(r"(?<=\d) ?− ?(?=\d)"), " minus "),
    (re.compile(rf"(?<![\w.)\]°%$€£{MONEY}-])(?:(?<=\w )|(?<!\w ))[-−](?=[{MONEY}]?\.?\d)(?!\d+(?:-\d+){{2}})"), _negative),
    (re.compile(rf"(?<=[A-Za-z]\.)−(?=\d)|−(?=[{MONEY}]?\d)"), " minus "),
    (re.compile(rf"(?P<word>[^\W\d_]+)(?:['’]s?)?(?:(?<=\w)[)\"”])? [-–—] (?=[{MONEY}]?\.?\d)"),
     lambda m: f"{m[0][:-3]}{_dash(m)}"),
    (re.compile(rf"(?P<word>[^\W\d_]{{2,}}\)?)- (?=[{MONEY}]?\d)"), r"\g<word>, "),
    # rates
    (re.compile(rf"(?<![\w.])(?P<amount>{_N}) ?(?P<unit>{_UNITS}) ?/ ?(?P<hundred>\d+)? ?(?P<per>{_PERS})(?![\w²³°^])"), _rate),
    (re.compile(rf"(?<![\w/])(?P<unit>{_BARE})/(?P<per>{_PERS})(?![\w²³/^])"),
     lambda m: f"{_plural(UNITS[m['unit']])} per {_per(m['per'])}"),
    (re.compile(rf"(?P<amount>[{MONEY}] ?{_N}(?: ?(?:k|K|M|thousand|million|billion)\b)?|{_N} cents?) ?/ ?"
                rf"(?P<per>{_PERS}|[a-z]{{2,}})\b(?!/)"),
     lambda m: f"{m['amount']} per {PER.get(m['per'], m['per'])}"),
    (re.compile(rf"(?P<amount>\b{_N} [a-z]{{3,}}) ?/ ?(?P<per>hr|hour|min|minute|sec|second|day|week|wk|month|mo|year|yr|kg)\b"),
     lambda m: f"{m['amount']} per {PER.get(m['per'], m['per'])}"),
    (re.compile(r"\b(?P<h>\d{1,2}) ?h(?:rs?)?\.? ?(?P<m>\d{1,2}) ?m(?:ins?)?\b(?: ?(?P<s>\d{1,2}) ?s(?:ec)?\b)?"), _clock_time),
    # magnitudes
    (re.compile(r"(?<![\w.$€£₹¥])(?P<amount>\d+\.\d+) ?(?P<scale>[kMBT]|(?<=\.\d)K)\b(?!\w)"), _scaled),
    (re.compile(r"(?<![\w.$€£₹¥])(?P<amount>\d{3})(?P<scale>K)\b"), _scaled),
    (re.compile(r"(?<![\w.])(?P<amount>\d+(?:\.\d+)?)x(?= (?:\w+er|more|less|as)\b)"), r"\g<amount> times"),
    (re.compile(r"\b(?P<amount>\d+) ?(?:ft|feet)\.? (?P<inches>\d{1,2}) ?in\b\.?(?! \w+s\b)"),
     r"\g<amount> feet \g<inches> inches"),
    (re.compile(r"(?P<unit>inch|foot) [xX×] (?=\d)"), r"\g<unit> by "),
    (re.compile(r"\b(?P<clock>\d{1,2}:\d\d):(?P<s>\d\d)\b(?!:)"), r"\g<clock> and \g<s> seconds"),
    (re.compile(r"€ ?(?P<whole>\d+),(?P<part>\d\d)\b(?![,\d])"), r"€\g<whole>.\g<part>"),
    (re.compile(r"(?<![\w.$€£₹¥])(?P<amount>\d+)(?P<scale>[kM])\b(?= (?!run\b|race\b)[a-z]+)|"
                r"(?<![\w.$€£₹¥])(?P<_a>\d+)(?P<_s>B)\b(?= (?:people|users|views|downloads|years|dollars)\b)"),
     lambda m: f"{m['amount'] or m['_a']} {_SCALES[m['scale'] or m['_s']]}"),
    # fractions, dates and ratios
    (re.compile(r"\b(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)\b(?!/)(?<!\d/\d\d\d\d\d\d\d)"),
     lambda m: m[0] if m.string[: m.start()].endswith("/") else f"{list(MONTHS.values())[int(m['month']) - 1]} {m['year']}"),
    (re.compile(r"(?<![\w/.])(?P<one>\d{1,2})/(?P<two>\d{1,2})(?![\w/])"),
     lambda m: f"{m['one']} {m['two']}" if int(m["one"]) + int(m["two"]) == 100 or m["one"] == m["two"] else m[0]),
    (re.compile(r"(?<![\w/.])1/(?P<bottom>1000000|1000|100)(?![\w/.,]\d|\w|/)"),
     lambda m: {"100": "one hundredth", "1000": "one thousandth", "1000000": "one millionth"}[m["bottom"]]),
    (re.compile(r"(?P<top>\b\d*(?:π|pi\b|[xyz]\b)|π) ?/ ?(?=\d|[xyz]\b)"), r"\g<top> over "),
    (re.compile(r"(?<=\d) ?(?:cm|mm|m|km|ft|in) ?[xX×] ?(?=\d)"), lambda m: f"{re.sub('[xX×]', 'by', m[0])}"),
    (re.compile(r"(?P<a>\b\d+)\.(?P<b>\d+)\.(?P<c>\d+)(?:\.(?P<d>\d+))?\b(?!\.?\d)"),
     lambda m: " point ".join(part for part in m.groups() if part)),
]  # fmt: skip
