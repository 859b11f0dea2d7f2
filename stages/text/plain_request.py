"""A written instruction as a spoken request, by rule: what a recipe falls back on when a model's rewriting fails.

A sentence is only turned into "Can you ..." where its first word is surely a verb; any other stays as it is.
"""

import random
import re

from voxsmith.models.text.verbalise import verbalise
from voxsmith.models.text.words import STOPWORDS
from voxsmith.stages.text.tasks import verb_of

_ASK = ("Can you", "Could you", "Can you please", "Could you please")
_TELL = ("I'd like you to", "I need you to", "Please", "I want you to")
_STATEMENT = (
    "I need some help with this.",
    "I've got a request.",
    "I've got a task for you.",
    "Can you help me with this?",
)
_MATERIAL = ("Here's what I have", "Here you go")
_MANY = re.compile(
    r"\b(?:these|(?:the )?(?:following|given|below|provided)|the)\s(?:two|three|four|five)\s\w+s\b"
    r"|\b(?:these|following|given|below|provided)\s(?!is\b|has\b|as\b|its\b|was\b|this\b)\w*[^s\W]s\b",
    re.I,
)
_QUESTION = re.compile(
    r"(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|will|would|should|shall|has|"
    r"have|had|may|might|am|(?:is|are|was|were|do|does|did|ca|could|wo|would|should|has|have|had)n't|"
    r"(?:what|who|how|where|when|why)'(?:s|re|d|ll)|"
    r"(?:in|on|at|to|for|by|from) (?:what|which))\b",
    re.I,
)
# "Do you", "have they": a question, though "do" and "have" are verbs that one can be told.
_HELPING = re.compile(
    r"(?:do|does|did|have|has|had)(?:n't)? (?:you|i|we|they|he|she|it|people|there|any(?:one|body)?)\b", re.I
)
# A question behind "can you": no one says that.
_ASKED_TO_ASK = re.compile(
    r"\b(?:(?:can|could|would|will) you(?: please)?|you to) (?:(?:do|have) (?:you|i|we|they|he|she)\b"
    r"|(?:is|are|was|were|does|did|has|can|could|would|should|will|what|why|who|where|when|how) "
    r"(?:you|i|we|they|he|she|it|there|the|this|that|a|an|is|are|was|were|do|does|did|can|could|would|should|to)\b)",
    re.I,
)
_ADVERB = re.compile(r"(?:\w+ly|then|also|next|now|first|in \w+ words)$", re.I)
_FILLERS = ("Um,", "Hey,", "So,", "Hi,", "Okay, so", "Uh,", "Alright,", "Hey, um,")
# Without a comma behind it only what nothing else can be: "Hello World" and "Well water" stay.
_LEADING_FILLER = re.compile(
    r"^(?:(?:um|uh|erm|so|hmm|okay so|hey um)\s+"
    r"|(?:um|uh|erm|hmm|hey there|hey|hi there|hi|hello there|hello|so|okay so|okay|ok|well|alright|all right|oh)"
    r"(?:,\s*|\.\s+|!\s*))+",
    re.I,
)
_LOWERED = (STOPWORDS | {"given", "using", "based", "due", "please", "imagine", "according"}) - {"i"}

_POLITE = re.compile(
    r"\b(?:can|could|would|will) you\b|\bplease\b|\b(?:help|tell|give|show|let) me\b"
    r"|\bi(?:'d| would)? (?:like|love|want|need|appreciate)(?: it)? "
    r"(?:you|if you|help|some|a|an|your|to (?:know|hear|see|learn|have|get|understand))\b"
    r"|\bi(?:'m| am| was) (?:looking|wondering|curious)|\bi(?: have|'ve got) a (?:question|request|task)\b",
    re.I,
)
_OFFER = re.compile(
    r"\bwould you (?:like|love|want) to\b|\bi(?:'d| would) love to (?!know|hear|see|learn|have|get)",
    re.I,
)


def plain_request(task: str, context: str, seed: int) -> str:
    """The request as one would say it; `seed` only picks among wordings. Unspeakable signs are put into words."""
    choose = random.Random(seed)
    task = re.sub(
        r"^(?:(?:in|for) this task,? )?you (?:need|have|are asked|are required) to (?=\w)",
        "",
        verbalise(task),
        flags=re.I,
    )
    sentences = re.split(r"(?<=[.?!])\s+(?=[\"'A-Z])|(?<=\?)\s+", task)
    sentences = [sentence for sentence in sentences if sentence]
    asked = next((i for i, sentence in enumerate(sentences) if _asks(sentence)), None)
    if asked is None:
        sentences.insert(0, choose.choice(_STATEMENT))
    elif not any(sentence.endswith("?") for sentence in sentences[asked:]):
        sentences[asked] = _request(sentences[asked], choose)
    spoken = [_ended(sentence) for sentence in sentences]
    request = " ".join(spoken)
    return with_context(request, context, choose.randrange(2**31)) if context else request


def opener(task: str, seed: int) -> str:
    """How a request for this task may begin: "Could you", "Given a word, can you", or a question's own two words."""
    said = verbalise(task)
    at = _verb_at(said)
    if at is None:
        return " ".join(said.split()[:2]) if _QUESTION.match(said) else ""
    before = re.sub(r"^(?:please|kindly),?\s*", "", said[:at], flags=re.I)
    ask = random.Random(seed).choice(_ASK if before else (*_ASK, *_TELL))
    return before + (ask[0].lower() + ask[1:] if before else ask)


def with_context(request: str, context: str, seed: int) -> str:
    """The request followed by its material, word by word."""
    material = verbalise(context)
    request = verbalise(request).rstrip(":, ")
    leads = (*_MATERIAL, "Here they are") if _MANY.search(request) else (*_MATERIAL, "Here it is", "This is it")
    if re.match(r"[A-Z][\w ]{1,24}:\s", material):  # "Country: Canada" leads itself in
        return _ended(f"{_ended(request)} {material}")
    joint = f"{request if request[-1:] in '.?!' else request + '.'} {random.Random(seed).choice(leads)}:"
    return _ended(f"{joint} {material}") if material else request


def with_filler(text: str, seed: int, rate: float) -> str:
    """The text with "um" or the like in front in `rate` of all seeds, and without one in the others."""
    bare = without_filler(text)
    choose = random.Random(seed)
    if choose.random() >= rate:
        return bare
    word = bare.split()[0].lower().rstrip(",")
    lowered = (word in _LOWERED and not word.startswith("i'")) or verb_of(word)
    first = bare[0].lower() + bare[1:] if lowered else bare
    return f"{choose.choice(_FILLERS)} {first}"


def without_filler(text: str) -> str:
    """The text without "um", "hey" and the like in front."""
    bare = _LEADING_FILLER.sub("", text)
    return bare[0].upper() + bare[1:] if bare else text


def is_request(text: str) -> bool:
    """Whether some sentence of the text asks or tells someone to do something."""
    if _OFFER.search(text) or _ASKED_TO_ASK.search(text):
        return False
    if _POLITE.search(text):
        return True
    return any(_asks(sentence) for sentence in re.split(r"(?<=[.?!:])\s+", without_filler(text)))


def is_question(text: str) -> bool:
    """Whether the text starts as a question does."""
    return _QUESTION.match(text) is not None and not re.match(r"(?:can|could|would|will) you\b", text, re.I)


def _asks(sentence: str) -> bool:
    return bool(sentence.rstrip().endswith("?") or _QUESTION.match(sentence) or _verb_at(sentence) is not None)


def _verb_at(sentence: str) -> int | None:
    """Where the imperative starts: 0, or behind an adverb, "please", or a clause such as "Given a word, ..."."""
    if _HELPING.match(sentence):
        return None
    bare = re.match(r"(?:please|kindly|now|then|next|also|and)?,?\s*", sentence, re.I)
    start = bare.end() if bare else 0
    first, _, rest = sentence[start:].partition(" ")
    if verb_of(first) and not re.match(r"(?:is|are|was|were|has|have|had|can|will|would|should)\b", rest):
        return start
    if _ADVERB.match(first) and rest and verb_of(rest.split()[0]):
        return start
    if re.match(
        r"(?:given|using|based|for|from|in|on|with|considering|if|after|as|by|to|suppose|without|when|at)\b",
        sentence,
        re.I,
    ):
        for comma in re.finditer(r"[,:] ", sentence):
            head = sentence[comma.end() :].split(" ", 1)
            if verb_of(head[0]) and len(head) > 1:
                return comma.end()
    return None


def _request(sentence: str, choose: random.Random) -> str:
    at = _verb_at(sentence)
    if sentence.endswith("?") or at is None:
        return sentence.rstrip(".") + "?" if _QUESTION.match(sentence) and not sentence.endswith("?") else sentence
    before, order = re.sub(r"^(?:please|kindly),?\s*", "", sentence[:at], flags=re.I), sentence[at:].rstrip(".!:, ")
    order = order[0].lower() + order[1:]
    asking = choose.random() < 0.7
    opener = choose.choice(_ASK if asking else _TELL)
    if before:
        opener = opener if opener.startswith("I") else opener.lower()
    return f"{before}{opener} {order}{'?' if asking else '.'}"


def _ended(sentence: str) -> str:
    sentence = sentence.strip().rstrip(",;:-")
    return sentence if sentence[-1:] in ".?!" else f"{sentence}."
