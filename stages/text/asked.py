"""What sort of answer a request wants, as far as its words tell: it decides which checks make sense."""

import re

_MADE = re.compile(
    r"\b(?:write|compose|create|generate|invent|make up|come up|draft|craft|construct|produce|develop|design|imagine|"
    r"pretend|think of|brainstorm|propose|poems?|stor(?:y|ies)|titles?|slogans?|taglines?|mottos?|jokes?|riddles?|"
    r"dialogues?|conversations?|haikus?|limericks?|songs?|lyrics|captions?|headlines?|tweets?|posts?|letters?|emails?|"
    r"messages?|speech|advertisements?|adverts?|puns?|one-liners?|metaphors?|similes?|names?|invitations?|script)\b",
    re.I,
)
_TOLD = re.compile(
    r"\b(?:stor(?:y|ies)|tales?|poems?|haikus?|limericks?|songs?|lyrics|ballads?|dialogues?|conversations?|jokes?|riddles?|"
    r"scenes?|mottos?|slogans?|taglines?)\b",
    re.I,
)
_OPEN = re.compile(
    r"\b(?:suggest|recommend|advice|tips?|ideas?|examples?|list|name|find|give me|which|who|where|when|guess|predict|"
    r"synonyms?|antonyms?|strateg(?:y|ies)|ways|how (?:can|do|could|should|might|would) (?:i|we|you|one|people))\b",
    re.I,
)
_EDITED = re.compile(
    r"\b(?:correct|fix|edit|proofread|punctuat\w*|capitali[sz]e|spell\w*|grammar\w*|improve|rewrite|reword|rephrase|"
    r"paraphrase|revise|change|replace|remove|delete|insert|fill|complete|convert|transform|turn|put|arrange|rearrange|"
    r"reorder|order|sort|reverse|split|combine|join|format|unscramble|extend|add|passive|tense|plural|concise|shorten|shorter|simplify|simpler|formal|tone|style)\b",
    re.I,
)
_CORRECTED = re.compile(
    r"\b(?:correct|fix|edit|proofread|punctuat\w*|capitali[sz]e|spell\w*|grammar\w*|improve|mistakes?|errors?)\b", re.I
)
_PICKED = re.compile(
    r"\b(?:classify|categori[sz]e|identify|extract|find|choose|select|pick|underline|highlight|detect|retrieve|spot|"
    r"point out|determine|decide|which|who|what part|is (?:this|it)|or|whether|label)\b",
    re.I,
)
_FOREIGN = re.compile(
    r"\b(?:translat\w*|language|spanish|french|german|italian|latin|portuguese|dutch|swedish|turkish|polish|"
    r"indonesian|swahili|in other languages)\b",
    re.I,
)
_YES_OR_NO = re.compile(
    r"(?:^|[.,:?!] |\bso )(?:is|are|was|were|am|do|does|did|has|have|had|should|can (?!you)|could (?!you)|will (?!you)|"
    r"would (?!you)|may|might)\b|\bwhether\b",
    re.I,
)
_ADDRESSED = re.compile(
    r"\byour (?:own |perfect |ideal |favou?rite |dream )?\w+|\b(?:what|how|which|where|who) would you\b|\bask me\b",
    re.I,
)
_QUESTION_WANTED = re.compile(r"\b(?:questions?|quiz|ask\b|interview|survey|polls?|inquir\w*)", re.I)


def wants_made(query: str) -> bool:
    """Something new (a poem, a title, a post), in which somebody else than the assistant may speak."""
    return _MADE.search(query) is not None


def wants_told(query: str) -> bool:
    """A story, verse or talk: it shows what it is about, and need not name it."""
    return _TOLD.search(query) is not None


def is_open(query: str) -> bool:
    """Any fitting thing will do, and its name need not share a word with the request."""
    return wants_made(query) or _OPEN.search(query) is not None


def wants_edited(query: str) -> bool:
    """The request's own material, changed."""
    return _EDITED.search(query) is not None


def wants_corrected(query: str) -> bool:
    """The request's own material, of which perhaps not a word changes."""
    return _CORRECTED.search(query) is not None


def wants_picked(query: str) -> bool:
    """Something that the request itself names."""
    return _PICKED.search(query) is not None


def wants_foreign(query: str) -> bool:
    return _FOREIGN.search(query) is not None


def wants_question(query: str) -> bool:
    return _QUESTION_WANTED.search(query) is not None


def is_yes_or_no(query: str) -> bool:
    """ "Is it ...?", "Did they ...?", but not "Can you ...?"."""
    return _YES_OR_NO.search(query) is not None


def addresses_assistant(query: str) -> bool:
    """ "What would you do?", "Describe your perfect day.", but not "Can you tell me ...?"."""
    return _ADDRESSED.search(query) is not None
