"""A text with its wording evened out, so that two ways to say the same become one.

Contractions in full, hesitation and what a speaker took back left out, times and quantities in digits.
"""

import re
from functools import lru_cache

_FULL = tuple(
    (re.compile(pattern), full)
    for pattern, full in (
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\bshan't\b", "shall not"),
        (r"\bain't\b", "is not"),
        (r"\b(\w+)n't\b", r"\1 not"),
        (r"\blet's\b", "let us"),
        (r"\b(what|who|where|when|why|how|that|there|here|it|he|she)'s\b", r"\1 is"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (r"\bi'm\b", "i am"),
        (r"'d\b", " would"),
        (r"\bgonna\b", "going to"),
        (r"\bwanna\b", "want to"),
        (r"\bgotta\b", "have to"),
        (r"\bgimme\b", "give me"),
        (r"\blemme\b", "let me"),
        (r"\bkinda\b|\bsorta\b", ""),
        (r"\bmaths\b", "math"),
        (r"\bok\b", "okay"),
        (r"\b([ap])\.? ?m\b\.?", r"\1m"),
    )
)
_HESITATIONS = re.compile(
    r"\b(?:um+|uh+|er|erm|hm+|mm+|ah|oh)\b[,.]*|(?<=[,.]) *(?:you know|like|let me (?:think|see)|let us see"
    r"|what was it|or whatever|if you like|sort of|kind of)(?=[,.?]) *,?"
)
# After these a speaker says better what stands before them.
_TAKEN_BACK = re.compile(
    r"(?:[,.;–—-]+\s+|\s+(?=(?:no|oh) (?:wait|sorry)|or rather|make that|scratch that|i meant? ))"
    r"(?:(?:oh |uh |um )?(?:no(?=,| wait| sorry| actually| i mean| make)|sorry|wait|oops)(?:,? (?:no|sorry|wait"
    r"|actually|i mean(?:t)?|make that))*"
    r"|i meant?(?: to say)?|or rather|rather|make that|scratch that|well actually|actually no)[,.]? +(?=\w)"
)
_UNITS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_HOURS = {word: hour for hour, word in enumerate(_UNITS, 1)} | {str(hour): hour for hour in range(1, 13)}
_HOUR = "|".join(_HOURS)
_PAST = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25, "twenty five": 25}
_TIME = re.compile(
    rf"\b(?:a )?(?P<minutes>{'|'.join(sorted(_PAST, key=len, reverse=True))})(?: minutes)? (?P<side>past|to|after|till)"
    rf" (?P<hour>{_HOUR})\b(?! \w*(?:een|ty|hundred)\b)"
)
_QUANTITIES = tuple(
    (re.compile(pattern), digits)
    for pattern, digits in (
        (r"\bo'? ?clock\b", ""),
        (r"\bhalf (?:a |an )?(?:dozen)\b", "6"),
        (r"\b(?:two|2) dozen\b", "24"),
        (r"\b(?:three|3) dozen\b", "36"),
        (r"\b(?:a|one|1) dozen\b", "12"),
        (r"\b(?:a )?(?:couple|pair) of\b", "2"),
        (r"\b(?:a|an) hundred\b", "one hundred"),
        (r"\b(?:a|an) thousand\b", "one thousand"),
        (r"\b(?:a|an) million\b", "one million"),
        (r"\bhalf (?:a |one )million\b", "500000"),
        (r"\b(?:a|one) and a half\b|\bone and one half\b", "1.5"),
        (r"\btwo and (?:a|one) half\b", "2.5"),
        (r"\bthree and (?:a|one) half\b", "3.5"),
        (r"\b(?:zero )?point five of\b", "0.5"),
        (r"\b(?:one|a) half\b|\bhalf(?: of)?(?: an?)?\b", "0.5"),
        (r"\b(?:three|3) quarters?\b|\b(?:three|3) fourths\b", "0.75"),
        (r"\b(?:a|one) quarter\b|\b(?:a|one) fourth\b", "0.25"),
        (r"(?<=\d )(words|lines|sentences|minutes|pages|characters|letters) long\b", r"\1"),
        (r"(?<=hundred )(words|lines|sentences|minutes|pages|characters|letters) long\b", r"\1"),
        (r"\b([a-z]+)-free\b", r"without \1,"),
        (r"\btwice\b", "2 times"),
        (r"\bthrice\b", "3 times"),
    )
)


@lru_cache(maxsize=1024)  # each check asks for a row's texts
def evened(text: str) -> str:
    """In lower case, with punctuation."""
    text = re.sub("[’‘]", "'", text).lower()
    for pattern, full in _FULL:
        text = pattern.sub(full, text)
    text = re.sub(r"\s+([,.?!])", r"\1", _HESITATIONS.sub(" ", text))
    text = _TIME.sub(_time, _without_repairs(re.sub(r"\s+", " ", text)))
    for pattern, digits in _QUANTITIES:
        text = pattern.sub(digits, text)
    return re.sub(r"\s+", " ", text).strip()


def _time(match: re.Match[str]) -> str:
    hour, minutes = _HOURS[match["hour"]], _PAST[match["minutes"]]
    if match["side"] in ("to", "till"):
        hour, minutes = (hour - 2) % 12 + 1, 60 - minutes
    return f"{hour}{minutes:02}" if hour > 9 else f"{hour} {minutes}"  # as "twelve thirty" and "seven thirty" are read


def _without_repairs(text: str) -> str:
    """ "Four, no wait, three rivers": "three rivers". A speaker begins again at the same word, or mends the last one."""
    while match := _TAKEN_BACK.search(text):
        before, after = text[: match.start()].split(), text[match.end() :]
        first = re.sub(r"\W", "", after.split()[0])
        last = [re.sub(r"\W", "", word) for word in before[-6:]]
        back = 1
        if first in last:
            back = len(last) - max(i for i, word in enumerate(last) if word == first)
        kept = before[: len(before) - back] if before else []
        if not before or text[: match.start()].rstrip()[-1:] in "?!":
            kept = before  # nothing is taken back
        text = f"{' '.join(kept)} {after}".strip()
    return text
