"""What was said against what was heard, word by word, for a person to see."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple


class Span(NamedTuple):
    """`kind`: "same", "other" (heard something else), "missing" (said, not heard) or "extra" (heard, not said)."""

    kind: str
    said: str
    heard: str


def compare(said: str, heard: str) -> list[Span]:
    """The two texts as runs of words. Case and punctuation don't count; the WER's own normaliser forgives more."""
    left, right = said.split(), heard.split()
    matcher = SequenceMatcher(None, [_plain(word) for word in left], [_plain(word) for word in right], autojunk=False)
    kinds = {"equal": "same", "replace": "other", "delete": "missing", "insert": "extra"}
    return [Span(kinds[tag], " ".join(left[a:b]), " ".join(right[c:d])) for tag, a, b, c, d in matcher.get_opcodes()]


def _plain(word: str) -> str:
    return re.sub(r"[^\w']+", "", word.lower().replace("’", "'")) or word
