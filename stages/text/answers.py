"""Is this a finished, honest answer to what was asked? Cheap checks that need no model, each with its reason code."""

import re
import unicodedata
from difflib import SequenceMatcher

from voxsmith.models.text.words import content_words, words
from voxsmith.stages.text import asked
from voxsmith.stages.text.enumerated import repeated_item, too_few
from voxsmith.stages.text.evasions import MODEL, PLACEHOLDER, SURE
from voxsmith.stages.text.in_words import in_words
from voxsmith.stages.text.language import few_foreign_words, is_english
from voxsmith.stages.text.offered import class_not_offered
from voxsmith.stages.text.overlap import copied, leaked
from voxsmith.stages.text.promises import talks_about
from voxsmith.stages.text.repetition import loop
from voxsmith.stages.text.sentences import is_whole, sentences
from voxsmith.stages.text.speakable import Fault, speakable
from voxsmith.stages.text.speakers import wrong_speaker
from voxsmith.stages.text.tasks import STEMS

_HELP = (
    r"(?:i'd|i would|i'll|i will|i can|i'm|i am|let me|we can|we'll|allow me)\b[^.!?,:]{0,30}"
    r"\b(?:help(?! (?:i|we|they|he|she)\b)|write|"
    r"create|provide|assist|generate|rewrite|rephrase|summarize|classify|compose|explain|describe|revise|"
    r"come up|do (?:that|it|this))\b(?:(?!\b(?:including|such as|because|like)\b)[^.!?:]){0,120}"
    r"|i(?:'d| would) (?:love to [^.!?:]{0,80}for you|(?:be happy|be glad) to [^.!?:]{0,80}|(?:love|be happy|be glad)(?: to)?)"
    r"|(?:if you\b[^.!?]{0,60}, )?i(?:'m| am) (?:always )?here to (?:help|assist)\b[^.!?]{0,60}"
    r"|(?:just |please |feel free to )+(?:let me know|go ahead|ask)\b[^.!?]{0,60}|i(?:'m| am) (?:sorry|glad)"
    r"(?: (?:for the (?:confusion|misunderstanding|inconvenience)|to (?:hear|help)\b[^.!?:]{0,20}|you asked))?"
)
_PROMISE = re.compile(
    rf"{SURE}*(?:{_HELP}|(?:here(?:'s| is| are| you go)|below is|the following)\b[^.!?:]*"
    r"|this is\b[^.!?:]*\b(?:i|you|your)\b[^.!?:]*"
    r"|you(?:'ve| have)? (?:already )?(?:asked|answered|got)\b[^.!?]*)?[.!?:]*",
    re.I,
)
_EVASION = re.compile(
    r"(?:yes|no|sure|okay)[,.]? (?:i|you|we|it|they|he|she|that)(?:'m|'re| am| are| is| can(?:not|'t)?| could| will| would|"
    r" do(?:n't)?| does(?:n't)?| did(?:n't)?| have| has)(?: not)?[.!]?(?: (?:i'll|i'm|but)\b.*)?",
    re.I,
)
_REFUSAL = re.compile(
    r"\bi(?:'m| am) (?:sorry|afraid)\b[^.!?]{0,20}\bi (?:can't|cannot|can not|don't|do not|am unable|am not)\b"
    r"|\bi(?:'m| am) (?:unable|not able) to\b|\bi(?:'m| am) not sure\b"
    r"|\bi (?:can't|cannot) (?:help|assist|provide|access|write|predict|answer|do (?:that|this)|give|classify|find|see|open)\b"
    r"|\bi don't (?:have (?:access|the ability|enough|personal|any (?:information|personal|memor))|know (?:what|how|if|whether|the answer))"
    r"|\bit(?:'s| is) not possible to\b|\b(?:text|question|request) is (?:unclear|not clear)\b",
    re.I,
)
_UNABLE = re.compile(
    r"\bi (?:can't|cannot|am (?:unable|not able) to|do not|don't)\b (?:\w+ ){0,2}(?:help|assist|provide|write|create|fulfil)"
    r"|\bi(?:'m| am) (?:unable to|not able to|not capable of|afraid i)\b|\bit(?:'s| is) not possible to\b"
    r"|\bi(?:'m| am) not sure what you\b"
    r"|\bi (?:won't|will not|must decline to|have to decline to|refuse to) (?:help|assist|answer|discuss|do)"
    r"(?: you)?(?: with)? (?:that|this|it)\b",
    re.I,
)
_BACK = re.compile(
    r"\b(?:could|can|would) you (?:please |kindly )?(?:provide|clarify|specify|elaborate|share|tell me more|give me more)\b"
    r"|\bplease (?:go ahead and )?(?:provide|share|specify|clarify|give me|tell me|let me know|send)\b|\bwould you like (?:me|to)\b"
    r"|\b(?:what|which|how)\b[^.!?]{0,20} (?:would|do|can) you (?:like|want|need)\b|\bhow (?:can|may) i (?:help|assist)\b",
    re.I,
)
_LIST = re.compile(
    r"^\s*(?:[-*•–]|\(?\d{1,2}[.):]|\(?[a-h]\)|#+\s)\s*\S|(?:^|[\s:,.])\(?(?:1|one)[.):] .*\s\(?(?:2|two)[.):] |;.*;.*;"
    r"|\b(?:step|option|tip|strategy|character|person|colleague|speaker|number) (?:\d|one)\s*[:,]"
    r"|(?:^|[.;]\s)first(?:ly)?,.*[.;]\s+second(?:ly)?,.*[.;]\s+third(?:ly)?,"
    r"|\b(?:first|second)(?: \w+)?\s*:|\|.*\||\n.*\n.*\n",
    re.I | re.S,
)
# What could be put into words, but would make no answer that anyone likes to hear.
_UNSAYABLE = re.compile(
    r"```|\b\w+\(['\"]|\w\w\(\)|</?[a-z]+>|`\w|https?:|www\.|[\w)] ?=|[\d)] ?[*/+^×÷] ?[\d(]|\\\w|_\w+_"
)
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50-\u2b59\ufe0f]")
_ABBREVIATED = re.compile(r"(?:\b[A-Z]|\b(?:Dr|Mr|Mrs|Ms|St|Prof|Gen|Sgt|Capt|Col|Rev|No|vs|e\.g|i\.e))\.$")
_LEFT_OPEN_WORDS = """
    a an the and or but of to in for with by at on from as is are was were be that which who because if than so into
    your my his her its their our this these those not can will would should could may such between
"""
_LEFT_OPEN = frozenset(_LEFT_OPEN_WORDS.split())
_SUMMED = re.compile(
    r"\bsummar|\bin (?:one|a) (?:single )?sentence\b|\b(?:main|key|central) (?:idea|point|message)|\b(?:topic|gist|subject)\b",
    re.I,
)
# Words that say nothing about a thing: "The benefits are numerous."
_VAGUE_WORDS = "numerous endless many various several great good important unique different certain"
_VAGUE = frozenset(_VAGUE_WORDS.split())
_LETTERS = ("LATIN", "MODIFIER", "FEMININE", "MASCULINE")  # Oʻahu has a letter that is none of Latin's own
_SHORT = {"m": "am", "re": "are", "ve": "have", "ll": "will"}
_ANNOUNCED = re.compile(rf"^{SURE}*here(?:'s| is| are| it is| you go| they are)\b[^:.!?]{{0,80}}:\s+(?=\w)", re.I)


def proposal(raw: str, finish: str, max_words: int, max_sentences: int) -> tuple[str, Fault | None]:
    """What a reply proposes to say, in words, and what is wrong with the reply before it is put into words.

    Mended where that is safe: an announcement before the answer goes, and so do a sentence that the token limit cut,
    those beyond `max_sentences` or `max_words` where they are a third of it at most, and those with which the reply starts
    to go round in circles; a last point is added where the reply ended by itself.
    """
    if not raw.strip():
        return "", Fault("empty", "the reply is empty")
    if _LIST.search(raw.strip()):
        return raw.strip(), Fault("list", "the answer is a list")
    if match := PLACEHOLDER.search(raw):
        return raw.strip(), Fault("placeholder", f"something is left to be filled in: {match[0]!r}")
    if match := _UNSAYABLE.search(raw):
        return raw.strip(), Fault("markup", f"code, markup, an address or a formula can't be spoken: {match[0]!r}")
    if match := _EMOJI.search(raw):
        return raw.strip(), Fault("emoji", f"a sign that isn't said: {match[0]!r}")
    text, misread = in_words(raw)
    text = _ANNOUNCED.sub("", text)
    if misread:
        return text, misread
    last = re.search(r"([\w'-]+)[\"'”’]?$", text)
    if finish == "stop" and last and raw.strip()[-1] not in ",;:-–—" and last[1].lower() not in _LEFT_OPEN:
        text += "."
    parts = [part for part in sentences(text) if is_whole(part)]
    if finish == "length" and parts and _ABBREVIATED.search(parts[-1]) and text.rstrip().endswith(parts[-1]):
        parts.pop()  # "It was written by F."
    while len(parts) > 1 and (_PROMISE.fullmatch(parts[0]) or re.fullmatch(SURE, parts[0], re.I)):
        parts.pop(0)
    while len(parts) > 1 and loop(" ".join(parts)):
        parts.pop()
    whole = len(words(" ".join(parts)))
    while len(parts) > 1 and (len(parts) > max_sentences or len(words(" ".join(parts))) > max_words):
        parts.pop()
    if 3 * (left := len(words(" ".join(parts)))) < 2 * whole:
        return text, Fault(
            "too_long",
            f"of {whole} words {left} would be left: an answer has {max_sentences} sentences and {max_words} words at most",
        )
    if not parts:
        return text, Fault("cut", "the answer stops in the middle of a sentence")
    said = re.sub(rf"^{SURE}(?=\w)", "", " ".join(parts), flags=re.I) if len(parts) > 1 else parts[0]
    return said[0].upper() + said[1:], None


def answer_fault(
    answer: str, query: str, prompt: str, min_words: int, max_words: int, min_on_topic: float
) -> Fault | None:
    """The first thing wrong with an answer to `query`, or None. `prompt`: text whose lines must not come back."""
    if not words(answer):
        return Fault("empty", "the reply is empty")
    if _LIST.search(answer):
        return Fault("list", "the answer is a list")
    if fault := speakable(answer, min_words, max_words):
        return fault
    if not is_whole(answer):
        return Fault("cut", "the answer stops in the middle of a sentence")
    if not content_words(answer) and words(answer)[0] not in ("yes", "no", "one"):
        return Fault("too_short", "the answer has no word that means anything")
    if repeated := loop(answer):
        return Fault("loop", f"the answer repeats itself: {repeated!r}")
    if item := repeated_item(answer, query):
        return Fault("loop", f"a list has the same item twice: {item!r}")
    return (
        _language(answer, query)
        or _evades(answer, query)
        or talks_about(answer, query)
        or wrong_speaker(answer, query)
        or too_few(answer, query)
        or class_not_offered(answer, query)
        or leaked(answer, prompt)
        or _echoes(answer, query)
        or _off_topic(answer, query, min_on_topic)
    )


def said_before(answer: str, earlier: tuple[str, ...]) -> Fault | None:
    """An answer most of which was given before in this conversation is none to the next question."""
    said = words(answer)
    for text in earlier:
        if answer == text or (len(said) >= 6 and copied(said, words(text)) >= 0.7 * len(said)):
            return Fault("echo", "the answer is one that was given before")
    return None


def _language(answer: str, query: str) -> Fault | None:
    strange = [char for char in answer if char.isalpha() and not unicodedata.name(char, "").startswith(_LETTERS)]
    if strange:
        return Fault("script", f"letters that are not Latin: {''.join(strange[:10])!r}")
    said = words(answer)
    if len(said) >= 8 and not asked.wants_foreign(query) and not is_english(said):
        return Fault("language", "the answer's common words are not English ones")
    if 3 <= len(said) < 8 and not asked.wants_foreign(query) and few_foreign_words(answer):
        return Fault("language", "the answer's words are not English ones")
    return None


def _evades(answer: str, query: str) -> Fault | None:
    """No answer, but talk about answering. In a letter or a dialogue somebody else may well be sorry, or ask."""
    made = asked.wants_made(query)
    parts = sentences(answer)
    if MODEL.search(answer) or (not made and (_REFUSAL.search(answer) or re.match(r"i'm sorry\b", answer, re.I))):
        return Fault("refusal", "the answer refuses or talks about being a model")
    if _UNABLE.search(answer):
        return Fault("refusal", "the answer refuses")
    # What was asked to be changed may ask.
    edited = asked.wants_edited(query) and re.search(r": .*\?|\binterrogative\b", query)
    back = _BACK.match(answer) if made or edited or asked.wants_question(query) else _BACK.search(answer)
    if back and not (asked.wants_question(query) and len(words(answer)) > 8):
        return Fault("question_back", "the answer asks back")
    free = made or edited or asked.wants_question(query) or re.match(r"(?:how|what) about\b|why not\b", parts[-1], re.I)
    if answer.rstrip("\"'”’").endswith("?") and not free:
        return Fault("question_back", "the answer asks back")
    promised = all(_PROMISE.fullmatch(part) for part in parts)
    if (promised and not asked.is_yes_or_no(query)) or re.match(
        r"(?:sure, )?here(?:'s| is| are)\b[^:]*[.!]$", answer, re.I
    ):
        return Fault("empty_promise", "the answer promises to answer, and does not")
    if _EVASION.fullmatch(answer) and re.search(r"\b(?:can|could|would|will) you\b", query, re.I):
        return Fault("empty_promise", "the answer says whether it will answer, and no more")
    return None


def _echoes(answer: str, query: str) -> Fault | None:
    """The request's own words for an answer: all of it, a long piece of it, or with nothing added that means anything."""
    said, heard = _in_full(answer), _in_full(query)
    material = _in_full(query.rpartition(": ")[2])
    blocks = SequenceMatcher(None, said, heard, autojunk=False).get_matching_blocks()
    same = sum(block.size for block in blocks if block.size >= 3)
    # A summary is a piece of the material, or joins some.
    joined = _SUMMED.search(query) and len(said) < 0.8 * len(material)
    edited, picked = asked.wants_edited(query), asked.wants_picked(query)
    if same >= 0.85 * len(said) and len(said) >= 0.75 * len(heard):
        return Fault("echo", "the answer repeats the request")
    if said == material and not asked.wants_corrected(query):
        return Fault("echo", "the answer is the material that the request brings")
    if len(said) >= 6 and same == len(said) and len(blocks) == 2 and not asked.wants_corrected(query) and not joined:
        return Fault("echo", "the answer is a piece of the request")
    if len(said) >= 6 and same >= 0.85 * len(said) and not edited and not joined:
        return Fault("echo", "the answer copies a piece of the request")
    frame, colon, _ = query.partition(": ")  # what is made of the material may well have its words alone
    there = set(content_words(frame if colon else query))
    new = [word for word in content_words(answer) if word not in there and word not in _VAGUE]
    if new or edited or joined or said[0] in ("yes", "no"):
        return None
    if not picked or (len(said) >= 6 and same >= 0.6 * len(said)):
        return Fault("echo", "the answer says nothing that the request doesn't")
    return None


def _in_full(text: str) -> list[str]:
    """The words, "I'm" as "I am" and the like."""
    full = re.sub(r"\b(\w+)'(m|re|ve|ll)\b", lambda match: f"{match[1]} {_SHORT[match[2].lower()]}", text, flags=re.I)
    return words(full)


def _off_topic(answer: str, query: str, least: float) -> Fault | None:
    """An explanation takes up some of the request's content words; a short fact or a new thing need not."""
    heard, said = set(content_words(query)), set(content_words(answer))
    wanted = heard - STEMS
    if len(words(answer)) <= 8 or len(wanted) < 2 or asked.wants_edited(query) or asked.wants_foreign(query):
        return None
    about = re.search(r"\babout\b", query) and len(words(answer)) >= 12 and not asked.wants_told(query)
    named = re.search(r"(?<=[a-z,] )(?!I\b)[A-Z]\w+ [A-Z]\w+|\bwho\b", query)
    refers = re.match(
        r"(?:(?:yes|no|well),? )?(?:it|its|they|their|this|that|these|nobody|no one)\b", answer, re.I
    ) or (named and re.match(r"(?:he|his|she|her)\b", answer, re.I))
    if (asked.is_open(query) and not about) or refers or asked.addresses_assistant(query):
        return None
    taken = {word for word in heard if word in said or any(_akin(word, other) for other in said)}
    if len(taken) < max(1, least * len(wanted)) and not (asked.wants_picked(query) and taken):
        return Fault("off_topic", f"of the request's {len(wanted)} content words the answer takes up {len(taken)}")
    return None


def _akin(one: str, other: str) -> bool:
    """ "Japan" and "Japanese": five letters in common at the start."""
    return len(one) >= 5 and one[:5] == other[:5]
