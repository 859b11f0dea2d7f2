"""Who speaks in an answer: not somebody else whom the request is about, and not the one who asked."""

import re

from voxsmith.stages.text.asked import wants_edited, wants_foreign, wants_made, wants_question
from voxsmith.stages.text.evasions import SURE
from voxsmith.stages.text.speakable import Fault

# How a request is framed: its "you" and "me" are of no interest.
_FRAME = re.compile(
    r"\b(?:can|could|would|will) you(?: please)?(?: help me (?:to )?)?\b|\b(?:tell|give|show|explain to|teach|help) me\b"
    r"|\bi(?:'d| would) (?:like|love)"
    r"(?: you)? to\b|\bi (?:want|need)(?: you)? to\b|\bfor me\b|\bto me\b|\bi(?:'m| am) (?:curious|wondering|interested)\b"
    r"|\bi wonder\b|"
    r"\bdo you (?:know|happen to know|think|remember)\b|\bplease\b",
    re.I,
)
_ADDRESSED = re.compile(r"\b(?:you|your|yours|yourself|i|i'm|i've|i'd|me|my|we|our|us)\b", re.I)
_PLAYED = re.compile(
    r"\b(?:pretend|imagine|act|role|persona|perspective|point of view|voice of|first person|"
    r"experience|nightmare|dream|memory|memories|moment|encounter|as if|suppose|monologue)\b",
    re.I,
)
_HIMSELF = re.compile(
    rf"^{SURE}*(?:i (?!(?:would|think|believe|recommend|suggest|guess|suppose|hope|can|could|will|prefer|like|love|know|don't|do not|"
    r"have to say|must|should|might|may|find|agree|feel|wish|understand|see|say|mean|"
    r"predict|expect|always recommend|usually|also|personally|imagine|"
    r"apologize|am (?:not )?(?:sure|sorry|afraid|happy|glad|certain|aware))\b)[a-z]+\b"
    r"|my (?!(?:guess|favou?rite|answer|advice|opinion|best|recommendation|"
    r"suggestion|choice|view|pick|first|top|understanding|apologies)\b)[a-z]+)",
    re.I,
)
_THANKS = re.compile(
    rf"^{SURE}*(?:thank you|thanks|i(?:'d| would) like to thank you)(?: so much| very much| a lot)?"
    r" for (?:help|show|tell|teach|giv|explain|mak|writ|find|fix)\w*ing (?:me|us)\b",
    re.I,
)


def wrong_speaker(answer: str, query: str) -> Fault | None:
    """A fault where the answer speaks as the one who asked, or as somebody whom the request asks about."""
    if wants_made(query):
        return None
    if _THANKS.match(answer):
        return Fault("wrong_person", "the answer thanks the asker for what was asked for")
    asked = _FRAME.sub(" ", query)
    if ": " in query or wants_edited(query) or wants_question(query) or wants_foreign(query) or _PLAYED.search(query):
        return None
    if _HIMSELF.match(answer) and not _ADDRESSED.search(asked) and '"' not in query:
        return Fault("wrong_person", "the answer speaks as somebody whom the request asks about")
    return None
