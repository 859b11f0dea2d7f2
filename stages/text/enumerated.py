"""What a list in an answer says twice, or too few of."""

import re

from voxsmith.models.text.words import STOPWORDS, words
from voxsmith.stages.text.asked import wants_edited, wants_told
from voxsmith.stages.text.sentences import sentences
from voxsmith.stages.text.speakable import Fault

_COUNTS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_ASKED = re.compile(
    r"\b(?:name|list|give|suggest|find|generate|tell|provide|come up with|identify|what are|recommend|create|state|mention|think of|"
    rf"propose|offer|brainstorm)\s+(?:me\s+|us\s+|the\s+|a list of\s+|at least\s+|some\s+)*(?P<count>{'|'.join(_COUNTS[1:])}|[2-9]|10)"
    r"\s+(?:[\w'-]+\s+){0,3}?(?P<what>[a-z'-]+s|people|children|men|women|animals)\b",
    re.I,
)
# Of these so many may stand in one piece.
_MEASURE_WORDS = """
    words sentences lines syllables letters minutes hours days weeks months years dollars times digits numbers paragraphs
"""
_MEASURES = frozenset(_MEASURE_WORDS.split())
_NUMBER_WORDS = """
    zero eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy
    eighty ninety hundred thousand million billion percent dollars
"""
_NUMBERS = frozenset((*_COUNTS, *_NUMBER_WORDS.split()))
_LEADING = re.compile(r"^(?:(?:an?|the|some|to|and|or|by|with|then|also)\s+)+", re.I)
_PLENTY = re.compile(r"\b(?:all|any|both|none|every|each|many|various)\b", re.I)


def repeated_item(answer: str, query: str) -> str | None:
    """An item that a list in the answer has twice; None where there is none, and of verse and edited material."""
    if wants_told(query) or wants_edited(query):
        return None
    for sentence in sentences(answer):
        if "(" in sentence:
            continue
        pieces = re.split(r"(,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+)", sentence.strip(" .!?\"'”"))
        items = [_LEADING.sub("", piece.lower()).strip() for piece in pieces[::2]]
        joins = pieces[1::2]
        if len(items) < 3 or not any("," in join for join in joins):
            continue
        for place, item in enumerate(items[1:], 1):
            said = words(item)
            if (
                not 1 <= len(said) <= 4
                or not set(said) - STOPWORDS
                or any(word in _NUMBERS or len(word) < 2 for word in said)
            ):
                continue
            for earlier in range(place):
                before = words(items[earlier])
                same = before[-len(said) :] == said if earlier == 0 else before == said
                if any(len(words(between)) > 4 for between in items[max(earlier, 1) : place]):
                    continue  # two lists in one sentence
                # "Location, location, location."
                if (
                    same
                    and len({*items[earlier : place + 1], *(join.strip() for join in joins[earlier:place])} - {","}) > 1
                ):
                    return item
    return None


def too_few(answer: str, query: str) -> Fault | None:
    """A fault where fewer things are named than the request asks for, however the answer is taken apart."""
    match = _ASKED.search(query.partition(": ")[0])
    if not match or match["what"].lower() in _MEASURES or _PLENTY.search(answer):
        return None
    count = match["count"].lower()
    wanted = int(count) if count.isdigit() else _COUNTS.index(count) + 1
    pieces = [
        piece for piece in re.split(r"[,;:.!?–—]\s*|\s(?:and|or|while|but|as well as|plus)\s", answer) if words(piece)
    ]
    # A long explanation may have them in clauses that nothing parts.
    if len(pieces) < wanted and len(words(answer)) < 8 * wanted:
        return Fault("too_few", f"{wanted} {match['what']} were asked for, {len(pieces)} at most are named")
    return None
