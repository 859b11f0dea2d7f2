"""Is a transcript what is said in its clip? A verdict from what ASR heard, that forgives ASR's spelling and its slips.

Rates of letters decide before rates of words: a recogniser writes names and old words as it hears them, which costs a
word each and a letter or two. A transcript that is cut, or belongs to another clip, costs whole runs of letters.
"""

import re
from functools import cache
from typing import NamedTuple

from voxsmith.models.text.comparable import comparable
from voxsmith.models.text.wer import Errors, errors
from voxsmith.schemas.checks import RecordedLimits

_BRACKETS = re.compile(r"[()\[\]{}<>]")
_FEW_WORDS = 6  # up to which a rate of words says little
_PHRASE = 3  # words that are looked for twice in a row, at most
_SLIP = 2  # letters that a recogniser may get wrong in any text: of "no" or "ten" they are many
_SLIP_SHARE = 0.5  # of the letters, beyond which it is no slip but another word


class Held(NamedTuple):
    """A transcript held against what was heard: counted errors, and what is wrong ("": nothing)."""

    errors: Errors
    fault: str


def hold(text: str, heard: str, language: str, limits: RecordedLimits) -> Held:
    """`language`: a code such as "en" or "en-GB". English is compared by all that its signs can mean (see
    voxsmith.models.text.comparable), other languages after Whisper's basic normaliser.
    """
    # Brackets are a recogniser's for notes; in a transcript whose tags are gone what stands in them is said.
    said, got = _comparable(_BRACKETS.sub(" ", text), heard, language)
    counted = errors(said, got)
    return Held(counted, _fault(said, got, counted, limits))


def _fault(said: str, got: str, counted: Errors, limits: RecordedLimits) -> str:
    if not got:
        return "nothing was heard in the clip" if said else ""
    if not said:  # fillers alone, which the normaliser takes out
        return f"'{got}' was heard, and nothing is written" if counted.wrong_letters > _SLIP else ""
    if counted.cer > limits.max_cer and (counted.wrong_letters > _SLIP or counted.cer > _SLIP_SHARE):
        return f"{counted.cer:.0%} of the letters were heard otherwise, at most {limits.max_cer:.0%} may"
    if counted.wer > limits.max_wer and counted.words > _FEW_WORDS:
        return f"{counted.wer:.0%} of the words were heard otherwise, at most {limits.max_wer:.0%} may"
    runs = _runs(said, got)
    if lost := next((run for run in runs if run.lost > limits.max_lost), None):
        return f"'{lost.said}' was not heard: {lost.lost} letters in a row, at most {limits.max_lost} may be lost"
    if added := next((run for run in runs if -run.lost > limits.max_added), None):
        return f"'{added.heard}' was heard, which isn't written: at most {limits.max_added} letters in a row may be"
    if not limits.doubled and (word := _heard_once(said, got, runs)):
        return f"'{word} {word}' is written, and was heard once"
    return ""


class _Run(NamedTuple):
    """Words in a row that weren't heard as they are written. `start`, `end`: which of the written words."""

    start: int
    end: int
    said: str
    heard: str
    words_lost: int

    @property
    def lost(self) -> int:
        """Letters fewer than written; negative: more."""
        return len(self.said.replace(" ", "")) - len(self.heard.replace(" ", ""))


def _runs(said: str, got: str) -> list[_Run]:
    import jiwer

    words, others = said.split(), got.split()
    runs: list[_Run] = []
    start = other_start = None
    for chunk in [*jiwer.process_words(said, got).alignments[0], None]:
        if chunk is not None and chunk.type != "equal":
            if start is None:
                start, other_start = chunk.ref_start_idx, chunk.hyp_start_idx
            end, other_end = chunk.ref_end_idx, chunk.hyp_end_idx
        elif start is not None:
            kept = others[other_start:other_end]
            runs.append(_Run(start, end, " ".join(words[start:end]), " ".join(kept), end - start - len(kept)))
            start = None
    return runs


def _heard_once(said: str, got: str, runs: list[_Run]) -> str:
    """Words that are written twice in a row, where fewer were heard, or one of them once less; "" where there are none."""
    words, others = said.split(), got.split()
    for size in range(1, _PHRASE + 1):
        for place in range(len(words) - 2 * size + 1):
            phrase, end = words[place : place + size], place + 2 * size
            if phrase != words[place + size : end]:
                continue
            fewer = any(run.words_lost >= size and run.start <= end and run.end >= place for run in runs)
            if fewer or 0 < others.count(phrase[0]) < words.count(phrase[0]):
                return " ".join(phrase)
    return ""


def _comparable(text: str, heard: str, language: str) -> tuple[str, str]:
    if language.lower().partition("-")[0] == "en":
        said, got = comparable(text, heard)
        return " ".join(said), " ".join(got)
    return " ".join(_any_language()(text).split()), " ".join(_any_language()(heard).split())


@cache
def _any_language():  # type: ignore[no-untyped-def]
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer()
