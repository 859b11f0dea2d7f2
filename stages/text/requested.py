"""Is what somebody says in a clip a request that an assistant could answer by itself? English alone is decided by rule."""

import re

from voxsmith.models.text.words import words
from voxsmith.stages.text.plain_request import without_filler
from voxsmith.stages.text.sentences import sentences

_POLITE = re.compile(
    r"(?:please,? )?(?:(?:can|could|would|will) you (?:please |kindly |also |just )?[a-z]+|do you know (?:what|who|when|where"
    r"|why|how|if|whether)\b|(?:i'd like|i would like|i need|i want) you to\b|please,? [a-z]+ (?:the|an?|my|these)\b)",
    re.I,
)
_ORDER = re.compile(
    r"(?:please,? )?(?:(?:tell|give|show|teach|help) (?:me|us)\b|(?:explain|describe|define|summari[sz]e|translate|calculate|"
    r"convert|recommend|suggest|list|name|compare|spell|write|compose|invent|remind me|set (?:a|an|the) (?:timer|alarm))\b"
    r"(?! (?:is|was|are|were|has|had|said|he|she|they)\b))",
    re.I,
)
_HELPING = (
    r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|many|much|long|far|old|big|often)\b"
)
_QUESTION = re.compile(
    rf"(?:(?:in|on|at|to|for|by|from|of) )?(?:what|who|whose|which|when|where|why|how)(?:'s|'re|’s|\b)|{_HELPING}", re.I
)
# Without a sign at the end "what joy there is in living" is none, and "how is glass made" is one.
_UNSIGNED = re.compile(rf"(?:what|who|when|where|why|how)(?:'s|'re|’s| {_HELPING})", re.I)
# Whoever these are, and whatever happened there, stands before the clip: nobody can answer that.
_OTHERS_WORDS = "he she they him her them his hers their theirs you your yours thou thee thy this that these those"
_OTHERS = frozenset(_OTHERS_WORDS.split())
_POINTING = frozenset(("this", "that", "these", "those"))  # to material that comes along
_TOLD = re.compile(r"[\"“”]|\b(?:said|says|quoth|asked|cried|replied|exclaimed|answered)\b", re.I)
_WORDS = 60  # of a request; more is a story that ends in a question


def is_requested(text: str) -> bool:
    """Whether the text asks or tells an assistant something that can be answered by itself: "What is a comet?", "Could you
    explain tides?", and not "Why did you tell her?", which goes on as a story does. A request may come with material
    behind it, a question stands at the end.
    """
    parts = sentences(text)
    if not parts or _TOLD.search(text) or len(words(text)) > _WORDS:
        return False
    return any(_orders(part) for part in parts) or _asks(without_filler(parts[-1]).strip())


def _orders(sentence: str) -> bool:
    sentence = without_filler(sentence).strip()
    match = _POLITE.match(sentence) or _ORDER.match(sentence)
    if not match or sentence.endswith("!"):
        return False
    rest = words(sentence[match.end() :])
    return bool(rest) and not (_OTHERS - _POINTING) & set(rest)


def _asks(sentence: str) -> bool:
    said = [word.lower() for word in re.findall(r"[^\W_]+", sentence)]
    asks = _QUESTION.match(sentence) if sentence.endswith("?") else _UNSIGNED.match(sentence)
    return asks is not None and not sentence.endswith((".", "!")) and len(said) >= 3 and not _OTHERS & set(said)
