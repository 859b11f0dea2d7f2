"""Is all there that the instruction is about, and nothing more? Words may be others that mean the same."""

import re

from voxsmith.models.text.words import FILLERS, STOPWORDS, with_digits, words
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.parts import Parts
from voxsmith.stages.text.faithful.synonyms import alike, root, same_word
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.tasks import IMPERATIVES

# What only leads to what is asked: it may go or come.
_FRAME_WORDS = """
    following given below above provided input output follow provide need ask task required list term concept process word
    phrase definition description explanation example way step thing idea overview information detail reason answer
    question result value name topic subject text sentence passage paragraph statement item element option mean work happen
    use make thing kind type sort various different several certain specific particular some any many set series number
    instruction method fact case situation find tell please order person people point create using based include including
    contain someone somebody something there get have take go come put give know say call form piece
    do does example possible current each any phenomenon activity become
"""
_TALK_WORDS = """
    want help know wonder wondering think curious question please thank thanks love try trying look looking request task mean
    let stuff hear appreciate favor hope yeah lot bit great mind possible able ask asking together talk say interested
    quick sorry bother real really hello actually right sure remember figure understand explain exactly basically maybe perhaps
    chance stuck confused confuse forget forgot alright guess suppose would tonight today now hey nice good decent cool awesome
    idea ideas minute moment second real quickly problem struggle struggling trouble learn learned read reading heard saw see got
    new just still always never kept here here's listen
    buddy man friend walk through run break brush brain plan planning working plain kindly word go happy like
    start anything everything whole them first next bet pretty kinda thing come up with eat buy try could us me folks guys
    exist tend called considered count possibly likely probably happen bring turn out wrap head around fill shed light rundown
    nutshell gist recap
    handle pop hit share show send pull
"""
_QUALIFIERS = {
    "most": r"most|\w+est|top|best|main|mostly",
    "least": r"least|fewest|lowest|smallest|\w+est",
    "fewest": r"fewest|least|smallest",
    "less": r"less|fewer|lower|smaller|reduce\w*|cut|under",
    "fewer": r"fewer|less|under",
    "only": r"only|just|nothing but|solely|exclusively|nothing else|alone|no other|entirely|single",
    "all": r"all|every|everything|each|whole|entire|full|complete|any",
    "each": r"each|every|all|per|both|one by one",
    "every": r"every|each|all|everything|\w*ly",
    "both": r"both|two|each|and|2",
    "same": r"same|alike|identical|equal|like|similar|synonyms?",
    "other": r"other|others|another|else|different|besides|apart|aside|except|more|additional",
    "before": r"before|prior|earlier|ahead|until|preced\w+|previous|leading up|beforehand|pre",
    "after": r"after|following|once|since|later|afterwards?|post|follow\w*|next",
    "until": r"until|till|up to|before",
    "more": r"more|\w+er|additional|extra|another|further|greater|increase\w*|than|longer",
    "never": r"never|not|no|nobody|without",
    "unless": r"unless|except|not",
    "without": r"without|no|not|avoid\w*|free|except|lack\w*",
    "first": r"first|1|initial\w*|start\w*|begin\w*|earliest|original\w*",
    "last": r"last|final|latest|end|past|recent|previous",
}
_HELD = {word: re.compile(rf"\b(?:{forms})\b") for word, forms in _QUALIFIERS.items()}
# These narrow what is asked; the others may be said in passing.
_NARROWING = ("least", "fewest", "less", "fewer", "only", "before", "after", "until", "unless", "most")
FRAME = frozenset(root(word) for word in _FRAME_WORDS.split())
_TALK = frozenset(root(word) for word in _TALK_WORDS.split()) | FRAME
_ASKS_TO = frozenset(root(verb) for verb in IMPERATIVES)
_STOP = STOPWORDS | FILLERS | {"us", "me", "not", "no", "without", "never", "okay", "much", "many"}
# Where the material comes along, nobody need say what it is.
_MATERIAL_WORDS = """
    problem math calculation expression equation list data word string array dialogue conversation quote story poem article
    statement headline tweet paragraph excerpt scenario situation question fact item
"""
_MATERIAL = frozenset(root(word) for word in _MATERIAL_WORDS.split())
# What a name is the name of: "English, a difficult language". It may go where the name stays.
_CATEGORY_WORDS = """
    language company country city state river ocean mountain movie film book novel song band play actor author
    president programming software brand festival phrase abbreviation acronym website app
"""
_CATEGORY = frozenset(root(word) for word in _CATEGORY_WORDS.split())
# "To describe", "to ensure": they only join parts.
_JOINING_WORDS = "describe explain express represent ensure show illustrate"
_JOINING = frozenset(root(word) for word in _JOINING_WORDS.split())
# Before a verb of whoever speaks, or of people at large.
_BEFORE_VERB_WORDS = """
    i we you they people one it can could does do did will might may would
"""
_BEFORE_VERB = frozenset(_BEFORE_VERB_WORDS.split())
# What one is busy with, said before the request: "I'm opening a bakery, can you ..."
_BUSY = re.compile(
    r"(?:^|[.!] )(?:so,? |hey,? |hi,? |okay,? )*(?:i am|we are|i have been|i was"
    r"|my \w+ is) (?P<verb>\w+ing)\b[^,.!?]{0,60}[,.!]"
)
# Made by who speaks, and so no condition.
_AIMS = re.compile(
    r",? (?:for|in) (?:my|a|an|the|our) (?:\w+ )?(?:homework|class|project|presentation|essay|exam|test"
    r"|assignment|paper|report|quiz|school"
    r"|lesson|course)(?= \w+ing\b|[,.?!]|$)|,? because i (?:keep|always|can|am|have|do|never|need|want|forgot"
    r"|just)[^.?!]{0,60}(?=[.?!]|$)"
)


def kept_fault(said: str, parts: Parts) -> Fault | None:
    """Words of content that were dropped or came anew, conditions that did, and what is said twice."""
    source, task = evened(parts.source), evened(parts.task_said)
    heard = evened(said)
    all_got = {root(word) for word in words(heard)}
    dropped = FRAME | (_MATERIAL if parts.material_said else frozenset()) | _categories(parts.task_said)
    wanted = [word for word in _content(without_openers(task)) if word not in dropped]
    lost = [word for word in wanted if not any(alike(word, other) for other in all_got) and not _by_phrase(word, heard)]
    if lost:
        return Fault("content", f"words dropped: {', '.join(lost)}")
    if fault := _qualified(heard, task, source):
        return fault
    known = {root(word) for word in words(source)} | set(_content(source))
    bare = _AIMS.sub("", _BUSY.sub(". ", heard))
    new = [word for word in _content(bare) if word not in _TALK and not any(alike(word, other) for other in known)]
    new = [word for word in new if word not in _ASKS_TO and not _by_phrase_new(word, source)]
    free = [word for word in new if _as_verb(word, bare)]
    if len(new) > len(free) or len(free) > 1:
        return Fault("novel", f"words that the instruction doesn't have: {', '.join(new)}")
    if name := _new_name(said, parts.source):
        return Fault("novel", f"a name that the instruction doesn't have: {name}")
    if len(words(said)) > 1.6 * len(words(source)) + 22:
        return Fault("novel", f"{len(words(said))} words for the {len(words(source))} of the instruction")
    return None


def _categories(task: str) -> frozenset[str]:
    return _CATEGORY if re.search(r"[a-z,] [A-Z]\w+|\b[A-Z]{2,}\b|[\"“']", task) else frozenset()


def _content(text: str) -> list[str]:
    found_words = [word for word in with_digits(text) if word not in _STOP and not word[0].isdecimal()]
    return list(dict.fromkeys(root(word) for word in found_words))


def without_openers(task: str) -> str:
    """The task without the verb that asks for it, sentence by sentence."""
    task = re.sub(r"\bto (\w+)\b", lambda m: "" if root(m[1]) in _JOINING else m[0], task)
    sentences = re.split(r"(?<=[.?!:;]) ", task)
    return " ".join(
        re.sub(r"^(?:please |kindly )?(\w+)\b", lambda m: "" if m[1] in IMPERATIVES else m[0], sentence)
        for sentence in sentences
    )


_PHRASES = (
    ("heavy weight", r"how heavy"),
    ("tall height high", r"how (?:tall|high)"),
    ("long length durat", r"how long"),
    ("old age", r"how old"),
    ("far distanc", r"how far"),
    ("fast speed", r"how fast"),
    ("number count amount quantiti total popul", r"how (?:many|much)"),
    ("price cost charg", r"how much"),
    ("time date year day", r"when"),
    ("locat place site", r"where"),
    ("step process instruct method techniqu strategi way procedur guid recip", r"how"),
    ("reason caus purpos import", r"why|what makes|how come"),
    ("author writer inventor founder person", r"who|whose"),
    ("definit mean", r"what (?:is|are|does|do)"),
    ("point temperatur", r"at what|how hot|when"),
    ("pro advantag benefit", r"good|upside|why|help"),
    ("con disadvantag drawback", r"bad|downside|against"),
    ("effect impact influenc consequ", r"affect|do to|does to|what happens|changes?|shape"),
    ("use applic function", r"for|used"),
    ("abbrevi acronym expand", r"stands? for|short for"),
    ("temperatur", r"points?|hot|cold|warm|heat"),
    ("anoth", r"synonyms?|alternativ\w+|other"),
    ("stand short", r"abbreviat\w+|acronym|initials"),
    ("synonym", r"(?:another|other|different) (?:word|term|way to say)s?|same(?: thing)? as"),
    ("antonym", r"opposite"),
    ("rough approxim", r"estimat\w+|about"),
    ("role", r"do|does|play"),
    ("summari", r"about|gist|nutshell"),
    ("similar", r"compar\w*"),
    ("contrast", r"differ\w*|compar\w*|versus"),
    ("common similar", r"compar\w*|alike|similar\w*"),
    ("compar", r"differ\w*|versus|similar\w*|better|than"),
    ("differ", r"apart|compar\w*|versus|than|differ\w*|distinguish\w*"),
    ("given given", r"this|the|if|with"),
    ("common", r"often|usual\w*"),
    ("frequenc", r"how often"),
    ("author", r"wr(?:ote|itten|ites)"),
)
_SAID_BY = [(frozenset(stems.split()), re.compile(rf"\b(?:{phrase})\b")) for stems, phrase in _PHRASES]


def _by_phrase(word: str, heard: str) -> bool:
    return any(same_word(word, stem) and phrase.search(heard) for stems, phrase in _SAID_BY for stem in stems)


def _by_phrase_new(word: str, source: str) -> bool:
    """A noun for what the instruction has as a question word."""
    return _by_phrase(word, source)


def _qualified(heard: str, task: str, source: str) -> Fault | None:
    there, got = set(words(task)), set(words(heard))
    for word, forms in _HELD.items():
        if word in there and word not in got and not forms.search(heard):
            return Fault("content", f"it no longer says {word!r}")
    for word in _NARROWING:
        if word in got and not _HELD[word].search(source) and not re.search(r"\bat (?:least|most)\b", heard):
            return Fault("novel", f"it says {word!r}, the instruction doesn't")
    return None


def _as_verb(word: str, heard: str) -> bool:
    """Whether the new word stands where a verb does, behind who does it: "snacks that I could carry"."""
    said = words(heard)
    places = [i for i, one in enumerate(said) if root(one) == word]
    return word not in ("against", "about") and all(i and said[i - 1] in _BEFORE_VERB for i in places)


def _new_name(said: str, source: str) -> str | None:
    there = {root(word) for word in words(source)} | _TALK | _ASKS_TO
    for match in re.finditer(r"(?<![.?!:\"“] )(?<!^)\b[A-Z][a-z]{2,}\b", said):
        name = match[0].lower()
        if name not in _STOP | FILLERS and not any(alike(root(name), other) for other in there):
            return match[0]
    return None
