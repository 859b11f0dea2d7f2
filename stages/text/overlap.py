"""How much of a text stands in another."""

import re
from difflib import SequenceMatcher

from voxsmith.models.text.words import words
from voxsmith.stages.text.speakable import Fault


def copied(said: list[str], source: list[str]) -> int:
    """How many of the words `said` stand in `source` too, in runs of three or more, in the same order."""
    blocks = SequenceMatcher(None, said, source, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size >= 3)


def leaked(reply: str, prompt: str) -> Fault | None:
    """A reply that repeats a line of the prompt, an example mostly."""
    said = words(reply)
    for line in prompt.splitlines():
        line = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<\|.*?\|>|^\s*\{?\"?\w+\"?:", " ", line)
        written = words(line)
        if len(written) < 4 or len(said) < 4:
            continue
        if copied(said, written) >= 0.75 * len(said):
            return Fault("leak", f"the reply is taken from the prompt: {line.strip()[:60]!r}")
    return None
