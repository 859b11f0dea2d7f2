"""Where sentences end."""

import re

SENTENCE_END = re.compile(r"(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bMrs)[.!?…][\"'”’]?(?=\s|$)")


def sentences(text: str) -> list[str]:
    """The text in pieces that end where a sentence does; the last may be cut."""
    ends = [0, *(match.end() for match in SENTENCE_END.finditer(text))]
    parts = [text[start:end].strip() for start, end in zip(ends, [*ends[1:], len(text)], strict=True)]
    return [part for part in parts if part]
