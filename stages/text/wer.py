"""Word and character error rates, after the normaliser that Whisper's authors publish (arXiv 2212.04356, appendix C)."""

from collections.abc import Callable
from functools import cache


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    found: Callable[[str], str] = EnglishTextNormalizer()
    return found


def normalised(text: str) -> str:
    """The text in lower case, without punctuation and fillers, numbers in digits, spelling American."""
    return _normaliser()(text)


def error_rates(said: str, heard: str) -> tuple[float, float]:
    """(WER, CER) of what was heard against what should be said. Where nothing should be said, each is 0 or 1."""
    import jiwer

    reference, hypothesis = normalised(said), normalised(heard)
    if not reference:
        return (0.0, 0.0) if not hypothesis else (1.0, 1.0)
    # spaces apart: "ice cream" heard as "icecream" is two word errors but hardly a wrong sound
    return jiwer.wer(reference, hypothesis), jiwer.cer(reference.replace(" ", ""), hypothesis.replace(" ", ""))
