"""Is this how the text goes on? What an LLM says instead, mended where that is safe, else a fault with its reason code."""

import re
from itertools import islice

from voxsmith.models.text.verbalise import verbalise
from voxsmith.models.text.words import content_words, words
from voxsmith.stages.text.evasions import MODEL, PLACEHOLDER, SURE
from voxsmith.stages.text.identify import another_language, long_sentences
from voxsmith.stages.text.in_words import in_words
from voxsmith.stages.text.overlap import copied, leaked
from voxsmith.stages.text.repetition import endless, latin_loop
from voxsmith.stages.text.replies import free_text
from voxsmith.stages.text.sentences import is_whole, sentences, spans
from voxsmith.stages.text.speakable import Fault, speakable
from voxsmith.stages.text.task_talk import declines, task_talk

# Before the text itself: "Sure, here's a possible continuation in under 50 words:", "The text continues:", "Continuation:"
_LEAD = re.compile(
    rf"{SURE}*(?:(?:here(?:'s|’s| is| are)|this is|below is|the following is)\b[^:.!?\n]{{0,80}}"
    r"\b(?:continu\w+|text|story|passage|words|rest|next)\b[^:.!?\n]{0,60}|(?:the|your) (?:text|story|passage|sentence) "
    r"(?:continues|could continue|might continue|goes on)\b[^:.!?\n]{0,40}|(?:(?:a|one|possible) ){0,2}continu(?:ation|ed|ing)"
    r"\b[^:.!?\n]{0,60}):\s*",
    re.I,
)
_ASSISTANT = re.compile(
    r"\bi(?:'m|’m| am) (?:not |just |only )?an? (?:\w+ )?(?:ai|assistant|chatbot|language model)\b"
    r"|\bas an? (?:[\w-]+ ){0,2}(?:assistant|chatbot|language model|ai)\b,? i\b"
    r"|^i(?:'m|’m| am) (?:so |very |truly )?sorry (?:for|about) (?:the|your|any) (?:misunderstanding|confusion|inconvenience|loss)\b",
    re.I,
)
_MARKUP = re.compile(
    r"```|</?[a-z]+>|\*\*|^\s*#{1,6}\s|<\||^\s*(?:-{3,}|\*{3,}|_{3,})\s*$|^\s*>\s|\|.*\|.*\||\]\(http|\\[(\[]"
    r"|(?<![\w*])\*[^\s*][^*\n]{0,80}\*(?![\w*])|\b__\w",
    re.M | re.I,
)
_LISTED = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s.*\n\s*(?:[-*•]|\d{1,2}[.)])\s", re.M)
# An assistant's first word, to somebody who asked nothing.
_EAGER = re.compile(r"^(?:sure(?: thing)?|certainly|of course|absolutely|great|okay|ok)!\s+(?=\S)", re.I)
_ASKS = re.compile(
    r"\?|\b(?:you|your|please|let's)\b|^(?:who|what|when|where|why|how|is|are|can|could|would|will|do|does|may)\b", re.I
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def proposed(reply: str, finish: str, transcript: str, max_words: int, spoken: bool) -> tuple[str, bool, Fault | None]:
    """(the continuation that a reply holds, whether it was mended, what is wrong with the reply).

    Mended: an announcement or a label before it goes, so does the transcript where the reply says it first, and so do a
    sentence that the token limit cut and sentences beyond `max_words`. `spoken`: signs and numbers are put into words.
    """
    raw = free_text(reply)
    text = free_text(_LEAD.sub("", raw, count=1) if _LEAD.match(raw) else raw)
    text = _without(text, transcript)
    if not _ASKS.search(transcript):
        text = _EAGER.sub("", text)
    if not words(text):
        said = words(raw)
        return (
            raw,
            False,
            Fault("echo", "the reply is no more than the transcript") if said else Fault("empty", "the reply is empty"),
        )
    if match := PLACEHOLDER.search(text):
        return text, False, Fault("placeholder", f"something is left to be filled in: {match[0]!r}")
    if _MARKUP.search(text) or _LISTED.search(text):
        return text, False, Fault("markup", "the continuation is a list, or has markup")
    misread = None
    if spoken:
        text, misread = in_words(text)
    if misread:
        return text, False, misread
    whole, parts = text, sentences(text)
    if finish == "length" and parts and not is_whole(parts[-1]):
        parts.pop()
    while len(parts) > 1 and len(words(" ".join(parts))) > max_words:
        parts.pop()
    if not parts:
        return whole, False, Fault("cut", "the reply was cut before its first sentence ended")
    if parts != sentences(whole):
        text = whole[: _end_of(whole, len(parts))].rstrip()
    if spoken and not is_whole(text):
        text += "."
    return text, text != (verbalise(raw) if spoken else raw), None


def continuation_fault(
    text: str, transcript: str, prompt: str, language: str, min_words: int, max_words: int, spoken: bool
) -> Fault | None:
    """The first thing wrong with a continuation of `transcript`, or None. `prompt`: text whose lines must not come back."""
    said = words(text)
    if MODEL.search(text) or _ASSISTANT.search(text) or declines(text):
        return Fault("refusal", "the reply refuses, or speaks as a model")
    if talk := task_talk(text, transcript):
        return Fault("about_task", f"the reply talks about the task: {talk!r}")
    if len(said) < min_words:
        return Fault("too_short", f"{len(said)} words, at least {min_words} are asked for")
    if len(said) > max_words:
        return Fault("too_long", f"{len(said)} words, at most {max_words} are allowed")
    for part in (text, *long_sentences(text)):  # it may begin in one language and go on in another
        if fault := another_language(part, language):
            return fault
    before = words(transcript)
    if said == before[-len(said) :] or (len(said) >= 6 and copied(said, before) >= 0.6 * len(said)):
        return Fault("echo", "the continuation says the transcript again")
    if len(before) >= 8 and copied(before, said) >= 0.8 * len(before):
        return Fault("echo", "the transcript stands in the continuation")
    own = set(content_words(text))
    # People ask about what they heard in the same words: "how much can you spend?"
    if len(own) >= (4 if text.rstrip().endswith("?") else 3) and not own - set(content_words(transcript)):
        return Fault("echo", "the continuation says nothing that the transcript doesn't")
    if repeated := latin_loop(text):
        return Fault("loop", f"the continuation repeats itself: {repeated!r}")
    if fault := leaked(text, prompt):
        return fault
    if spoken and (fault := speakable(text, min_words, max_words)):
        return fault
    return Fault("loop", f"the continuation repeats itself: {repeated!r}") if (repeated := endless(text)) else None


def _without(text: str, transcript: str) -> str:
    """The text without the transcript at its start, in whichever case and with whichever signs it is said there."""
    said = [match[0].casefold().replace("’", "'") for match in _WORD.finditer(transcript)]
    first = list(islice(_WORD.finditer(text), len(said)))
    if said and [match[0].casefold().replace("’", "'") for match in first] == said:
        text = re.sub(r"^[\"”’)]*[\s.,;:…—-]*", "", text[first[-1].end() :])
    return re.sub(r"^(?:\.\.\.|…)\s*", "", text)


def _end_of(text: str, count: int) -> int:
    """Where the text's first `count` sentences end."""
    return [end for start, end in spans(text) if text[start:end].strip()][count - 1]
