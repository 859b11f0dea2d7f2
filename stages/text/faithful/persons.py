"""Whose is it? "My" stays "my": who speaks is the same in the instruction and in what is said."""

import re

from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.speakable import Fault

_I_ASK = re.compile(r"\b(?:can|could|should|do|would|may|must|will|am|have|did|was|if|that|when) i\b")
_MINE = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b")
# "Your" in passing.
_POLITE = re.compile(
    r"\byour (?:help|opinion|thoughts|take|view|own words|best|advice|mind|time|ideas?|suggestions?|guess|favou?rite)\b"
)
_POSSESSED = re.compile(r"\b(?:my|mine|our) (?!apolog|question|mind|request)")
_PASSING = re.compile(
    r"\b(?:i|we) (?:am|would|want|need|have|was|will|can|could|do|wonder|just|really|guess|think|think|keep|had|saw|heard|read|always|love"
    r"|forgot|got)\b|\b(?:tell|give|show|help|teach|remind|let|write|make|walk|find|get|send|to|for|with) (?:me|us)\b"
)


def person_fault(said: str, task: str, source: str) -> Fault | None:
    """ "My" that became "your", or "I" that became "you"."""
    heard, task, source = evened(said), evened(task), evened(source)
    yours = len(re.findall(r"\byours?\b", _POLITE.sub(" ", heard)))
    if yours > len(re.findall(r"\byours?\b", source)) and not re.search(r"\byour(?:self|selves)?\b", task):
        return Fault("person", "it asks about what is yours, the instruction doesn't")
    if _POSSESSED.search(task) and not _MINE.search(heard):
        return Fault("person", "what is mine in the instruction is nobody's any more")
    if _I_ASK.search(task) and not _MINE.search(heard):
        return Fault("person", "the instruction asks about me, the request doesn't")
    if re.search(r"\byour\b", task) and not re.search(r"\byou", heard) and re.search(r"\bmy\b", heard):
        return Fault("person", "what is yours in the instruction is mine in the request")
    if re.search(r"\b(?:he|she|they|his|her|their)\b", task):
        for one, other in (("he", "she"), ("his", "her"), ("she", "he"), ("her", "his")):
            if (
                re.search(rf"\b{one}\b", task)
                and re.search(rf"\b{other}\b", heard)
                and not re.search(rf"\b{other}\b", task)
            ):
                return Fault("person", f"{one!r} became {other!r}")
    return None
