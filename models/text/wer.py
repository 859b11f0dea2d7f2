"""Word and character error rates of what was heard against what was said, both in words.

`voxsmith.models.text.comparable` says how either text is read. Spelling, contractions and what is no letter are treated
as by the normaliser that Whisper's authors publish (arXiv 2212.04356, appendix C); numbers are not: they are compared in
words, so that "two, three, five" may be written "2, 3, 5" and a wrong digit is a wrong word.
"""

from dataclasses import astuple, dataclass

from voxsmith.models.text.comparable import comparable, usual


def normalised(text: str) -> str:
    """The text in lower case, without punctuation and fillers, numbers and signs in words, spelling American.

    To count errors use `compared`: there each text is read in the light of the other.
    """
    return " ".join(usual(text))


@dataclass(frozen=True)
class Errors:
    """Words and letters that are wrong, missing or too many, and how many there should be. They add up over texts."""

    wrong_words: int = 0
    words: int = 0
    wrong_letters: int = 0
    letters: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(own + more for own, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def wer(self) -> float:
        """Where nothing should be said, 0 or 1."""
        return self.wrong_words / self.words if self.words else float(self.wrong_words > 0)

    @property
    def cer(self) -> float:
        """As `wer`."""
        return self.wrong_letters / self.letters if self.letters else float(self.wrong_letters > 0)


def errors(said: str, heard: str) -> Errors:
    """Of words apart by spaces, as both are written."""
    import jiwer

    reference, hypothesis = " ".join(said.split()), " ".join(heard.split())
    # spaces apart: "ice cream" heard as "icecream" is two word errors but hardly a wrong sound
    letters, others = reference.replace(" ", ""), hypothesis.replace(" ", "")
    if not reference or not hypothesis:
        there, here = len(reference.split()), len(hypothesis.split())
        return Errors(there or here, there, len(letters) or len(others), len(letters))
    words, signs = jiwer.process_words(reference, hypothesis), jiwer.process_characters(letters, others)
    wrong_words, wrong_letters = (one.substitutions + one.deletions + one.insertions for one in (words, signs))
    return Errors(wrong_words, len(reference.split()), wrong_letters, len(letters))


def compared(said: str, heard: str) -> Errors:
    """Of what was heard against what should be said, whatever way either is written."""
    return errors(*map(" ".join, comparable(said, heard)))


def error_rates(said: str, heard: str) -> tuple[float, float]:
    """(WER, CER) of what was heard against what should be said. Where nothing should be said, each is 0 or 1."""
    counted = compared(said, heard)
    return counted.wer, counted.cer


def lost_and_added(said: str, heard: str) -> tuple[int, int]:
    """(letters lost, letters added) where most are: the worst places at which what was heard is shorter or longer.

    A place is a run of words that aren't heard as they were written. A misheard name costs a letter or two, a word that
    was swallowed all of its own; a rate hides that in a long text.
    """
    import jiwer

    words, others = comparable(said, heard)
    if not words or not others:
        return sum(map(len, words)), sum(map(len, others))
    lost = added = here = 0
    for chunk in [*jiwer.process_words(" ".join(words), " ".join(others)).alignments[0], None]:
        if chunk is None or chunk.type == "equal":
            lost, added, here = max(lost, here), max(added, -here), 0
            continue
        here += sum(map(len, words[chunk.ref_start_idx : chunk.ref_end_idx]))
        here -= sum(map(len, others[chunk.hyp_start_idx : chunk.hyp_end_idx]))
    return lost, added
