"""Where sentences end: the one place that knows. Initials, titles and abbreviations end none.

By sentencex (MIT, of Wikimedia), which knows abbreviations of some hundred languages.
"""

import re
from itertools import pairwise

_END = re.compile(r"(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bMrs)[.!?…。！？][\"'”’)]?$")
# Where the library errs: "vol.| 2", "lbs.| more"; "Wait... |I see", "no. |It is".
_GOES_ON = re.compile(r"\b[a-z]{1,4}\.\s+$")
_PARTED = re.compile(r"(?:\.\.\.|…|\b[Nn]o\.)[\"”’]?\s+(?=[A-Z])")


def sentences(text: str) -> list[str]:
    """The text in pieces that end where a sentence does; the last may be cut."""
    parts = [text[start:end].strip() for start, end in spans(text)]
    return [part for part in parts if part]


def spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, with the blanks behind it; together they are the text."""
    from sentencex import get_sentence_boundaries

    starts = {0, len(text)}
    for boundary in get_sentence_boundaries("en", text):
        start = int(boundary["start_index"])
        if not (_GOES_ON.search(text, 0, start) and re.match(r"[a-z\d]", text[start:])):
            starts.add(start)
    starts |= {match.end() for match in _PARTED.finditer(text)}
    return list(pairwise(sorted(starts)))


def is_whole(text: str) -> bool:
    """Whether the text ends as a sentence does."""
    return _END.search(text.rstrip()[-8:]) is not None
