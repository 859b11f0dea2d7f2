"""What a question is after (who, why, how many ...), and how sure of it one must be (should, can, may)."""

import re

from voxsmith.models.text.words import words
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.synonyms import root
from voxsmith.stages.text.speakable import Fault

# What a question word stands for may be a noun in the other text.
_AFTER = {
    "why": r"why|reasons?|causes?|caused?|how come|what makes|what made|what (?:is|was) behind|lead(?:s|ing)? to|led to"
    r"|importan(?:t|ce)|signifi\w+|purpose|rationale|because|explain\w*|benefits?|advantages?|good (?:about|for|thing)",
    "how": r"how|ways?|methods?|steps?|instructions?|process\w*|directions?|recipes?|guide|walk (?:me"
    r"|us) through|mechanism|strateg\w+"
    r"|tips?|techniques?|advice|explain\w*|approach\w*|plan|proced\w+|works?|show me|teach|manner"
    r"|what (?:should|can|could|do|would)"
    r"|what (?:is|are) the best|effects?|impacts?|roles?|influences?|differences?|differs?|similarit\w+"
    r"|evolution|history|develop\w*|compar\w+"
    r"|through what|translat\w+|describ\w+|help me|solutions?|solv\w+",
    "who": r"who|whose|whom|which|by what|person|people|names?|authors?|writers?|invent\w+|founders?|artists?"
    r"|actors?|leaders?"
    r"|presidents?|kings?|queens?|characters?|directors?|someone|somebody|identity",
    "where": r"where|places?|locations?|locat\w+|country|countries|city|cities|which|in what|sites?|spots?"
    r"|homes?|origins?|region|part of",
    "when": r"when|dates?|years?|time|day|how long ago|what century|century|month|decade|era|period|at what",
    "how many": r"how many|numbers?|how much|count\w*|population|amounts?|totals?|quantity",
    "how much": r"how much|costs?|prices?|amounts?|how many|quantity|total|what (?:does|do|is|would|percentage)",
    "how long": r"how long|durations?|length|time|age|lifespan",
    "how old": r"how old|age|born|birth\w*",
    "how far": r"how far|distances?|how many",
    "how tall": r"how (?:tall|high)|heights?",
    "how fast": r"how fast|speeds?",
    "how often": r"how often|frequen\w+|how many times|how regularly",
}
_PATTERNS = {word: re.compile(rf"\b(?:{forms})\b") for word, forms in _AFTER.items()}
# As a question, not as in "a time when".
_ASKS = re.compile(
    r"(?:^|[.?!:;,] |\b(?:and|or|but|explain|describe|know|tell (?:me|us)|wonder(?:ing)?|say|discuss|identify"
    r"|determine|out|about|of"
    r"|me|curious|remember|understand|because) )"
    r"(?:exactly |precisely )?(?P<word>how (?:many|much|long|old|far|tall|fast|often)|why|how|who|whose|whom"
    r"|where|when)\b"
    # "How hard it is" asks for no way.
    r"(?! (?:about|come|(?!(?:do|does|did|is|are|was|were|can|could|would|should|will|to|has|have|had|many|much|long"
    r"|old|far|tall"
    r"|fast|often)\b)\w+ (?:it|they|he|she|this|that|[a-z]+ing)\b|would you (?:describe|define|explain|summarize"
    r"|classify|rate|rank)"
    r"|(?:do|would|can|could|might|should) (?:you|i|we|one) (?:say|put|phrase|rewrite|rephrase|translate"
    r"|describe|define|classify)))"
)
_ASKS_TO = re.compile(
    r"(?:please )?(?:explain|describe|discuss|outline|compare|contrast|differenti|distinguish|analy|calculate|compute"
    r"|find|determine|estimate"
    r"|convert|solve|instruct|teach|define|state|give|what|is|are|does|do|classify|rate|evaluate)"
)
_HOW_ONE_DOES = re.compile(r"\bhow (?:would|do|can|could|might|should) (?:you|i|we|one) (?P<verb>\w+)")
# These clauses belong to a sentence of another kind: "when I get home, ..." asks for no time.
_CLAUSE = re.compile(
    r"(?:when|where) (?:i|we|you|it|they|he|she|someone|people|a|an|the|my|one|there|not|[a-z]+ing)\b(?! [^,?]*\?$)"
)
_OUGHT = {
    "should": r"should|ought|good idea|better|best|recommend\w*|advis\w+|worth|wise|supposed|sensible"
    r"|suggest\w*|need|good|right",
    "can": r"can|could|able|possible|capable|possib\w+|manage|way|doable",
    "may": r"may|might|could|allowed|permitted|okay|legal|can",
    "must": r"must|have to|has to|need|needs|required|necessary|obliged|mandatory|got to",
    "will": r"will|going to|shall|would|about to",
    "would": r"would|will|could|if",
}
_OUGHT_SOURCE = re.compile(
    r"(?:^|[.?!,:] )(?P<word>should|can|could|may|might|must|will|would)(?: not)? (?!you\b)(?=\w)"
)
_SHOULD = re.compile(r"\bshould\b")
_WHAT_SHOULD = re.compile(r"\b(?:what|which|how|when|where|who|whether) .{0,30}\bshould\b")
_YES_OR_NO = re.compile(
    r"(?:hey,? |so,? |hi,? |okay,? |um,? )*(?:should|is|are|does|did|was|were|has|will|do|have)(?: not)? (?!there\b"
    r"|you\b|it (?:possible|okay|okay)\b)"
    r"(?!.*\b(?:what|which|who|where|when|why|how)\b)"
)
_DECIDE = re.compile(
    r"\b(?:whether|if|or|is|are|do|does|did|was|were|should|can|could|will|would|classify|determine|check|verify"
    r"|decide|evaluate"
    r"|identify|true|false|categori[sz]e|label|assess|judge|detect|predict|confirm|state)\b"
)
_WHAT_TO = re.compile(rf"\b(?:{_OUGHT['should']}|must|have to|can|could|do)\b")


def asked_fault(said: str, task: str) -> Fault | None:
    """A question word that was lost or came anew, or a "should" that became a "can"."""
    heard, source = evened(said), evened(task)
    wanted, got = _question_words(source), _question_words(heard)
    for word in wanted:
        if not _PATTERNS[word].search(heard):
            return Fault("task", f"it no longer asks {word!r}")
    for word in got:
        if word not in wanted and not _PATTERNS[word].search(source) and not _told_how(word, source, heard):
            return Fault("task", f"it asks {word!r}, the instruction doesn't")
    if _YES_OR_NO.match(heard) and not _YES_OR_NO.match(source) and not _DECIDE.search(source):
        return Fault("task", "it asks for a yes or no, the instruction doesn't")
    if match := _OUGHT_SOURCE.search(source):
        word = {"could": "can", "might": "may"}.get(match["word"], match["word"])
        if not re.search(rf"\b(?:{_OUGHT[word]})\b", _without_polite(heard)):
            return Fault("task", f"it no longer asks whether one {word}")
        if word != "should" and _SHOULD.search(heard) and not _SHOULD.search(source):
            return Fault("task", f"it asks whether one should, the instruction whether one {word}")
    elif _WHAT_SHOULD.search(source) and not _WHAT_TO.search(_without_polite(heard)):
        return Fault("task", "it no longer asks what one should do")
    return None


def _question_words(text: str) -> list[str]:
    return [match["word"] for match in _ASKS.finditer(text) if not _CLAUSE.match(text, match.start("word"))]


def _told_how(word: str, source: str, heard: str) -> bool:
    """ "Describe photosynthesis": "how does photosynthesis work?" """
    if not word.startswith("how"):
        return False
    done = {root(match["verb"]) for match in _HOW_ONE_DOES.finditer(heard)}
    return bool(_ASKS_TO.match(source)) or bool(done & {root(one) for one in words(source)})


def _without_polite(text: str) -> str:
    return re.sub(
        r"\b(?:can|could|would|will) you\b|\bi would (?:like|love)\b|\bwould (?:be|like)\b|\bcan i (?:ask|get|have)\b",
        " ",
        text,
    )
