"""Is this a translation, and nothing but that? Cheap checks that need no model; whether it is a good one they don't say."""

import re
import unicodedata

from voxsmith.models.text.words import words
from voxsmith.schemas.checks import TranslationText
from voxsmith.stages.text.evasions import DECLINES, MODEL, SURE
from voxsmith.stages.text.identify import another_language
from voxsmith.stages.text.overlap import copied, leaked
from voxsmith.stages.text.repetition import latin_loop
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
    if MODEL.search(text) or DECLINES.search(text):
        return Fault("refusal", "the reply refuses, or speaks as a model")
    if (match := _TASK.search(text)) and not _TASK.search(transcript):
        return Fault("about_task", f"the reply talks about the task: {match[0]!r}")
    said, given = words(text), words(transcript)
    if len(given) >= _FEW and (said == given or copied(said, given) >= 0.7 * len(said) > 0):
        return Fault("echo", "the reply is the transcript itself")
    if len(given) >= _FEW and (fault := another_language(text, to)):
        return fault
    ratio = _length(text) / max(1, _length(transcript))
    if len(transcript) >= 20 and not checks.min_ratio <= ratio <= checks.max_ratio:
        return Fault(
            "length",
            f"{len(text)} characters for {len(transcript)}: {checks.min_ratio:g} to {checks.max_ratio:g} times are allowed",
        )
    if repeated := latin_loop(text):
        return Fault("loop", f"the translation repeats itself: {repeated!r}")
    return leaked(text, prompt)
