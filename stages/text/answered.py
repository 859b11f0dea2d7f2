"""Is a free reply an answer to what was asked in a clip? As for continuations, but an answer may take up the question's words."""

import re

from voxsmith.models.text.words import words
from voxsmith.stages.text.evasions import DECLINES, MODEL
from voxsmith.stages.text.identify import another_language
from voxsmith.stages.text.overlap import copied, leaked
from voxsmith.stages.text.repetition import latin_loop
from voxsmith.stages.text.speakable import Fault, speakable

_HELPFUL = re.compile(
    r"\b(?:could|can) you (?:please )?(?:provide|clarify|specify|give me|tell me)\b|\bplease (?:provide|specify|clarify)\b"
    r"|\b(?:how|what) (?:can|may) i (?:help|assist|do for)\b",
    re.I,
)
_COPY = 0.9  # of an answer's words: as many in a row as the question has them


def answered_fault(text: str, question: str, prompt: str, language: str, max_words: int, spoken: bool) -> Fault | None:
    """The first thing wrong with an answer to `question`, or None. `prompt`: text whose lines must not come back."""
    said, asked = words(text), words(question)
    if MODEL.search(text) or DECLINES.search(text):
        return Fault("refusal", "the reply refuses, or speaks as a model")
    if _HELPFUL.search(text) or (text.rstrip("\"'”’ ").endswith("?") and not re.search(r"[.!]\s", text)):
        return Fault("question_back", "the answer asks back")
    if len(said) > max_words:
        return Fault("too_long", f"{len(said)} words, at most {max_words} are allowed")
    if fault := another_language(text, language):
        return fault
    if said == asked or (len(said) >= 6 and copied(said, asked) >= _COPY * len(said)):
        return Fault("echo", "the answer says the question again")
    if repeated := latin_loop(text):
        return Fault("loop", f"the answer repeats itself: {repeated!r}")
    if fault := leaked(text, prompt):
        return fault
    return speakable(text, 1, max_words) if spoken else None
