"""Phrases with signs, units, figures and names, said as a person would say them: expected wordings are a person's."""

import json
import re
from collections import Counter

from tests.helpers.paths import ROOT
from voxsmith.stages.text.speakable import speakable
from voxsmith.stages.text.spoken import spoken

PHRASES = [json.loads(line) for line in (ROOT / "tests/data/phrases.jsonl").read_text().splitlines()]
_COUNTED = re.compile(
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|\w+ties|tens|hundreds?"
    r"|thousands?|thousandth|[mb]illion|\w+th|first|second|third|half|quarters?|point|minus|plus|times|percent|per"
    r"|over|divided|equals|less|greater|squared|cubed|power|root|degrees?|dollars?|cents?|euros?|pounds?|pence|yen"
    r"|rupees?|\w*meters?|\w*grams?|\w*liters?|\w*bytes?|hours?|minutes?|seconds?|feet|foot|inch|inches|to|or|about)"
)


def bare(text: str) -> str:
    """As phrases are compared: case, hyphens, commas, an `and` inside numbers and marks at the end don't count."""
    text = re.sub(r"[-,:;.?!\"]", " ", text.lower().replace("negative", "minus").replace("'s ", "s "))
    text = re.sub(r"\b(hundred|thousand|million|dollars?|pounds) and\b", r"\1", text)
    return " ".join(re.sub(r"\boh\b", "zero", text + " ").replace("'", "").split())


def judged(said: str, wordings: list[str]) -> str:
    if not wordings:
        return "right" if speakable(said, 1, 1000) else "wrong"
    if bare(said) in map(bare, wordings):
        return "right"
    if speakable(said, 1, 1000):
        return "wrong"
    return "poor" if any(_numbers(said) == _numbers(wording) for wording in wordings) else "wrong"


def _numbers(text: str) -> Counter[str]:
    return Counter(word for word in bare(text).split() if _COUNTED.fullmatch(word))


def test_phrases_are_said_as_a_person_says_them() -> None:
    verdicts = [(judged(spoken(one["written"]), one["said"]), one["written"]) for one in PHRASES]
    counts = Counter(verdict for verdict, _ in verdicts)
    print(dict(counts), *[one for one in verdicts if one[0] != "right"], sep="\n")
    assert counts["wrong"] == 0
    assert counts["right"] >= 0.9 * len(PHRASES)
