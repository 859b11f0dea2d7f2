"""Talk about an answer in place of one: it is promised, or what was to be made is described, or the asker is told how."""

import re

from voxsmith.models.text.words import content_words, stem
from voxsmith.stages.text.evasions import SURE
from voxsmith.stages.text.sentences import sentences
from voxsmith.stages.text.speakable import Fault

_WORKS = (
    r"(?:stor(?:y|ies)|tales?|poems?|verses?|haikus?|limericks?|sonnets?|songs?|ballads?|lyrics|dialogues?|conversations?|jokes?|"
    r"riddles?|scenes?|slogans?|taglines?|mottos?|tweets?|posts?|captions?|letters?|e-?mails?|notes?|messages?|greetings?|cards?|"
    r"speech(?:es)?|toasts?|invitations?|scripts?|monologues?|lines?|sentences?|bios?|biograph(?:y|ies)|headlines?|adverts?|"
    r"advertisements?|ads?|metaphors?|similes?|puns?|prayers?|pitch(?:es)?|fables?|raps?)"
)
# Of these a description is the work itself, or a work may well begin so.
_TALK = (
    r"(?:descriptions?|summar(?:y|ies)|reviews?|essays?|articles?|paragraphs?|reports?|analys[ie]s|lists?|plans?|outlines?|guides?|"
    r"themes?|ideas?|tips?|plots?|instructions?|explanations?|definitions?|questions?|titles?|names?|steps|ways|prompts?|premises?)"
)
_MADE = re.compile(
    r"\b(?:write|compose|create|make(?: up)?|come up with|draft|generate|invent|craft|tell(?: me)?|give me|design|produce|"
    rf"construct|think (?:of|up)|do)\b(?:(?!\b{_TALK}\b)[^.?!:]){{0,40}}?\b(?P<work>{_WORKS})\b(?! ideas?\b| titles?\b| prompts?\b)",
    re.I,
)
_HOW = re.compile(r"\b(?:how|what|why|which|when|should|ways?|tips?|advice|steps?)\b", re.I)
_START = rf"^{SURE}*[\"“]?"
_SUBJECT = r"(?:the|an?|this|that|your|my|our|one|such an?|any|every|good|great|most)"
_TELLS = (
    r"(?:is about|was about|(?:could|should|would|might|can|must|may|will) (?:also )?\w+|needs? to|has to|ought to)\b"
)
_DEFINES = (
    rf"(?:{_TELLS}|(?:is|are) (?:usually |often |typically |generally )?(?:an?|the|one|written|meant)\b|"
    r"has\b|have\b|consists?\b|tells?\b|describes?\b|shows?\b|explores?\b|features?\b)"
)
_GENRE = re.compile(
    r"\bis an? (?:\w+ ){0,3}(?:tale|story|poem|song|ballad|fable) (?:of|about|that|which|in which|full)\b", re.I
)
_ADVISED = re.compile(
    rf"{_START}(?:you|one) (?:can|could|should|may|might|need to|want to|will want to|must)\s(?:also |always |try to |just )?"
    r"(?:write|describe|include|mention|compose|draft|talk about|focus on|think (?:about|of)|consider|make (?:up|sure)|come up|"
    r"(?:start|begin|end|open|close) (?:with|by) (?:an?|the|\w+ing|some|your)\b|keep it|use (?:a|an|the|words?|phrases?|rhym\w+|humou?r))",
    re.I,
)
_OFFER = re.compile(
    rf"{_START}(?:let me|allow me to|i(?:'ll| will| can| could| would|'d like to| would like to|'m going to| am going to))\s"
    r"(?:\w+ly )?(?:write|create|list|show|give|tell|share|provide|explain|describe|suggest|offer|walk|guide|summarize|recommend|compose|"
    r"draft|make|generate|name|introduce|present|outline|take you|talk you|break)\b[^.!?:]*[.!]?",
    re.I,
)
_STOCK = re.compile(
    rf"{_START}i(?:'ve got|'ve| have got| have| know| got) (?:just )?(?:an?|some|the|several|a few|many|plenty|lots|a lot|just|one|two|"
    r"three)\b[^.!?:]*[.!]?",
    re.I,
)
_TO_ME = re.compile(r"\b(?:you|your|i|my|me|myself|i'm)\b", re.I)


def talks_about(answer: str, query: str) -> Fault | None:
    """A fault where the answer promises, describes or advises, and what was asked for is not there."""
    parts = sentences(answer)
    wanted = _MADE.search(query.partition(": ")[0])
    if parts and all(_promises(part, query, wanted) for part in parts):
        return Fault("empty_promise", "the answer promises to answer, and does not")
    if not wanted or _HOW.search(query[: wanted.end()]):
        return None
    if _ADVISED.match(answer):
        return Fault("described", f"the answer tells how to make a {wanted['work']}, and doesn't make it")
    stem = re.escape(wanted["work"].lower()[:-1])
    before = r"\s+(?:[\w'-]+\s+){0,3}?"
    own = re.compile(
        rf"{_START}{_SUBJECT}{before}{stem}\w{{0,3}}\b(?: (?:about|of|for|to|on|by|between)\b[^.!?,]{{0,40}}?)? {_DEFINES}",
        re.I,
    )
    other = re.compile(
        rf"{_START}{_SUBJECT}{before}{_WORKS}(?: (?:about|of|for|to|on|by|between)\b[^.!?,]{{0,40}}?)? {_TELLS}", re.I
    )
    if own.match(answer) or other.match(answer) or (_GENRE.search(parts[0]) if parts else False):
        return Fault("described", f"the answer describes a {wanted['work']}, and doesn't make it")
    return None


def _promises(sentence: str, query: str, made: re.Match[str] | None) -> bool:
    """ "I can show you some ways of removing stains.", of a request for ways: it names what it doesn't give."""
    if not (_OFFER.fullmatch(sentence) or _STOCK.fullmatch(sentence)) or re.search(
        r"\bbecause\b|,[^,]*, and ", sentence
    ):
        return False
    if made:  # in a letter somebody may well have, know and tell things
        return made["work"].lower() in sentence.lower() or re.search(r"\bfor you\b", sentence) is not None
    asked = query.partition(": ")[0]
    frame = re.compile(
        r"\b(?:can|could|would|will) you\b|\b(?:tell|give|show) me\b|\bi(?:'d| would) like you to\b|\bdo i\b|\bfor me\b|\bi need you to\b",
        re.I,
    )
    if _TO_ME.search(frame.sub("", asked)) and re.search(r"\byou\b|\byour\b", frame.sub("", asked), re.I):
        return False  # "What would you do with a million dollars?"
    said = {stem(word) for word in content_words(sentence)}
    return bool(said & {stem(word) for word in content_words(asked)})
