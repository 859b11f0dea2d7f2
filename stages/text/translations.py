"""Is this a translation, and nothing but that? Cheap checks that need no model; whether it is a good one they don't say."""

import re
import unicodedata
from difflib import SequenceMatcher

from voxsmith.models.text.words import numbers, words
from voxsmith.schemas.checks import TranslationText
from voxsmith.stages.text.abroad import REFUSES, TALKS
from voxsmith.stages.text.evasions import DECLINES, MODEL, SURE
from voxsmith.stages.text.identify import another_language, long_sentences
from voxsmith.stages.text.overlap import copied, leaked
from voxsmith.stages.text.repetition import endless, latin_loop
from voxsmith.stages.text.replies import free_text
from voxsmith.stages.text.speakable import Fault

# "Here is the translation into German:", "The German translation is:", "Translation (German):"
_LEAD = re.compile(
    rf"{SURE}*(?:(?:here(?:'s|’s| is)|this is|below is)[^:\n]{{0,60}}|the (?:\w+ )?translation[^:\n]{{0,60}}|"
    r"(?:\w+ )?translation(?: \(\w+\))?)\s*:\s*",
    re.I,
)
_TASK = re.compile(
    r"\b(?:translat(?:ion|es|ed|e|ing) (?:of|to|into|from|is|the text)|literal(?:ly)? translat|i(?:'d| would) translate"
    r"|let me know if you|would you like me to|i hope this helps|please note|note that this)\b|\(?\bnote:",
    re.I,
)
_RUN = 6  # words in a row that are in both: more is no name
_DENSE_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DIGITS = re.compile(r"\d(?:[\d.,' \u00a0\u202f](?=\d)|\d)*")
_UNABLE = re.compile(r"\b(?:unable to|not able to|cannot|can't|can’t) translate\b", re.I)
_FEW = 4  # words of a text that may be the same in both languages: names, numbers


def proposed(reply: str, finish: str, language: str) -> tuple[str, Fault | None]:
    """What a reply proposes as the translation, on one line, without an announcement, a label and quotation marks around it."""
    raw = free_text(reply, language)
    if _LEAD.match(raw):
        raw = free_text(_LEAD.sub("", raw, count=1))
    # Behind a blank line a model explains what it did.
    text = " ".join(free_text(re.split(r"\n\s*\n", raw.strip(), maxsplit=1)[0]).split())
    if not re.search(r"\w", text):
        return text, Fault("empty", "the reply is empty")
    if finish == "length":
        return text, Fault("cut", "the reply was cut: the text is longer than `max_tokens` of it")
    return text, None


def _length(text: str) -> int:
    """Characters, of which those of Chinese, Japanese and Korean count twice: each says more."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def translation_fault(text: str, transcript: str, prompt: str, to: str, checks: TranslationText) -> Fault | None:
    """The first thing wrong with a translation of `transcript` into `to`, or None. `prompt`: text that must not come back."""
    declining = [way for way in (DECLINES, REFUSES, _UNABLE) if way.search(text)]
    if MODEL.search(text) or (declining and not any(way.search(transcript) for way in (DECLINES, REFUSES))):
        return Fault("refusal", "the reply refuses, or speaks as a model")
    for about in (_TASK, TALKS):
        if (match := about.search(text)) and not about.search(transcript):
            return Fault("about_task", f"the reply talks about the task: {match[0]!r}")
    said, given = words(text), words(transcript)
    if (len(given) >= _FEW or _dense(transcript)) and (said == given or copied(said, given) >= 0.7 * len(said) > 0):
        return Fault("echo", "the reply is the transcript itself")
    if (len(given) >= _FEW or _dense(transcript)) and (fault := _in_another(text, given, to)):
        return fault
    if other := _other_number(text, transcript):
        return Fault("number", f"the number {other} is not in the text that was to be translated")
    ratio = _length(text) / max(1, _length(transcript))
    if _length(transcript) >= 20 and not checks.min_ratio <= ratio <= checks.max_ratio:
        return Fault(
            "length",
            f"{len(text)} characters for {len(transcript)}: {checks.min_ratio:g} to {checks.max_ratio:g} times are allowed",
        )
    if repeated := latin_loop(text) or endless(text):
        return Fault("loop", f"the translation repeats itself: {repeated!r}")
    return leaked(text, prompt)


def _in_another(text: str, given: list[str], to: str) -> Fault | None:
    """A fault where the text or a sentence of it is in another language than `to`, or where many words of it in a row are the
    source's own.
    """
    for part in (text, *long_sentences(text)):
        if fault := another_language(part, to):
            return fault
    said = words(text)
    if SequenceMatcher(None, said, given, autojunk=False).find_longest_match().size >= _RUN:
        return Fault("language", f"{_RUN} words in a row or more are those of the text itself: it is half translated")
    return None


def _other_number(text: str, transcript: str) -> str | None:
    """A number in digits in the translation that the text has neither in digits nor in English words, None where all is well.

    Signs between digits and zeros at the end don't count ("1.5 million", "1,500,000", "150万"), five may be seventeen (pm).
    """
    given = [_plain(number) for number in (*_DIGITS.findall(transcript), *numbers(transcript))]
    known = {*given, *(_plain(str(int(number) + 12)) for number in given if number.isdecimal() and int(number) <= 12)}
    own = _DIGITS.findall(text)
    of_digits = len(_DIGITS.findall(transcript)) == len(own)
    return next((one for one in own if given and _plain(one) not in known and (of_digits or len(one) > 1)), None)


def _plain(number: str) -> str:
    return re.sub(r"\D", "", number).lstrip("0").rstrip("0")


def _dense(text: str) -> bool:
    """Whether most letters of the text are Chinese, Japanese or Korean, which have no blanks between words."""
    letters = [char for char in text if char.isalpha()]
    return 2 * sum(bool(_DENSE_SIGN.match(char)) for char in letters) > len(letters)
