"""Word and character error rates, after the normaliser that Whisper's authors publish (arXiv 2212.04356, appendix C)."""

import re
from collections.abc import Callable
from functools import cache

from voxsmith.stages.text.numerals import UNIT
from voxsmith.stages.text.verbalise import verbalise

# What recognisers write for words, and the normaliser leaves as it is: "etc.", "7 + 5", "10 km/h", "5-10", "World War II".
_SIGNS = re.compile(
    rf"\b(?:etc|vs|e\.g|i\.e)\b|\bNo\. ?\d|[°+=&#/×÷½¼¾²³]|\d ?(?:{UNIT})(?!\w)|\d:\d\d|\d ?x ?\d|\b[IVX]{{2,}}\b"
    r"|(?<![\d-])\d+ ?[-–] ?\d+(?![\d-])"
)
_LONE_POINT = re.compile(r"\.(?!\d)")  # the normaliser leaves one of "..."


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    normalise: Callable[[str], str] = EnglishTextNormalizer()
    return normalise


def normalised(text: str) -> str:
    """The text in lower case, without punctuation and fillers, numbers in digits, signs in words, spelling American."""
    if _SIGNS.search(text):
        text = verbalise(text)
    return " ".join(_LONE_POINT.sub(" ", _normaliser()(text)).split())


def error_rates(said: str, heard: str) -> tuple[float, float]:
    """(WER, CER) of what was heard against what should be said. Where nothing should be said, each is 0 or 1."""
    import jiwer

    reference, hypothesis = normalised(said), normalised(heard)
    if not reference:
        return (0.0, 0.0) if not hypothesis else (1.0, 1.0)
    # spaces apart: "ice cream" heard as "icecream" is two word errors but hardly a wrong sound
    return jiwer.wer(reference, hypothesis), jiwer.cer(reference.replace(" ", ""), hypothesis.replace(" ", ""))


def lost_and_added(said: str, heard: str) -> tuple[int, int]:
    """(letters lost, letters added) where most are: the worst places at which what was heard is shorter or longer.

    A place is a run of words that aren't heard as they were written. A misheard name costs a letter or two, a word that
    was swallowed all of its own; a rate hides that in a long text.
    """
    import jiwer

    reference, hypothesis = normalised(said), normalised(heard)
    if not reference or not hypothesis:
        return len(reference.replace(" ", "")), len(hypothesis.replace(" ", ""))
    words, others = reference.split(), hypothesis.split()
    lost = added = here = 0
    for chunk in [*jiwer.process_words(reference, hypothesis).alignments[0], None]:
        if chunk is None or chunk.type == "equal":
            lost, added, here = max(lost, here), max(added, -here), 0
            continue
        here += sum(map(len, words[chunk.ref_start_idx : chunk.ref_end_idx]))
        here -= sum(map(len, others[chunk.hyp_start_idx : chunk.hyp_end_idx]))
    return lost, added
