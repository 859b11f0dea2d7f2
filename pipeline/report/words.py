"""What was said against what was heard, word by word, for a person to see."""

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import cache
from typing import NamedTuple


class Span(NamedTuple):
    """`kind`: "same", "other" (heard something else), "missing" (said, not heard) or "extra" (heard, not said)."""

    kind: str
    said: str
    heard: str


def compare(said: str, heard: str) -> list[Span]:
    """The two texts as runs of words. What the WER's normaliser forgives ("10" heard for "ten") counts as the same."""
    left, right = said.split(), heard.split()
    matcher = SequenceMatcher(None, [_plain(word) for word in left], [_plain(word) for word in right], autojunk=False)
    kinds = {"equal": "same", "replace": "other", "delete": "missing", "insert": "extra"}
    spans = [Span(kinds[tag], " ".join(left[a:b]), " ".join(right[c:d])) for tag, a, b, c, d in matcher.get_opcodes()]
    return [span._replace(kind="same") if span.kind == "other" and _forgiven(span) else span for span in spans]


def _forgiven(span: Span) -> bool:
    normalise = _normaliser()
    return normalise(span.said).split() == normalise(span.heard).split()


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer  # late: it takes a second

    normaliser: Callable[[str], str] = EnglishTextNormalizer()
    return normaliser


def _plain(word: str) -> str:
    return re.sub(r"[^\w']+", "", word.lower().replace("’", "'")) or word
