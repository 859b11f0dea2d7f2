"""What a text or a clip must satisfy, as the recipe's `checks` state it.

Each stage gets only the group that it declares, so that a stricter clip limit never makes a text stage stale.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from voxsmith.schemas.columns import own_language, place_of
from voxsmith.schemas.strict import Strict


class _Limits(Strict):
    """Limits of which the least is not above the most: nothing would be between."""

    @model_validator(mode="after")
    def _something_between(self) -> Self:
        for least, low in self:
            most = least.replace("min_", "max_", 1)
            high = getattr(self, most, None) if least.startswith("min_") else None
            if high is not None and low > high:
                raise ValueError(f"{least} is {low:g}, {most} {high:g}: nothing is between")
        return self


class QueryText(_Limits):
    """Limits on a rewritten request."""

    min_words: int = Field(3, ge=1, le=10_000, description="fewest words of a request")
    max_words: int = Field(100, ge=1, le=10_000, description="most words of a request")
    level: Literal["literal", "free"] = Field(
        "literal",
        description="`free` lets the request be put in other words; numbers, names, quoted words, negations, the material"
        " and who does what stay at both",
    )
    min_kept: float = Field(
        0.9, ge=0, le=1, description="least share of the instruction's content words kept; of the level `literal`"
    )


class AnswerText(_Limits):
    """Limits on a spoken answer."""

    min_words: int = Field(1, ge=1, le=10_000, description="fewest words of an answer")
    max_words: int = Field(80, ge=1, le=10_000, description="most words of an answer")
    min_on_topic: float = Field(0.1, ge=0, le=1, description="least share of the request's content words taken up")


class ContinuationText(_Limits):
    """Limits on how a text goes on."""

    min_words: int = Field(2, ge=1, le=10_000, description="fewest words of a continuation")
    max_words: int = Field(49, ge=1, le=10_000, description="most words of a continuation: less than 50 are asked for")


class TranslationText(_Limits):
    """Limits on a translation, against the text; of texts of at least 20 characters. Those of Chinese, Japanese and Korean
    count twice.
    """

    min_ratio: float = Field(0.3, ge=0, le=100, description="fewest characters a character of the transcript")
    max_ratio: float = Field(3.0, gt=0, le=100, description="most characters a character of the transcript")


class Exchange(Strict):
    """Limits on both texts of a turn, for a stage that makes both."""

    query_text: QueryText = QueryText()
    answer_text: AnswerText = AnswerText()


class JudgedQuery(Strict):
    """Least scores of a rewritten request, of those that a judge gives; 1 lets all pass."""

    min_task: int = Field(3, ge=1, le=5, description="the same is asked for")
    min_facts: int = Field(3, ge=1, le=5, description="the same numbers, names, conditions and material")
    min_spoken: int = Field(3, ge=1, le=5, description="a person would say it so")


class JudgedAnswer(Strict):
    """Least scores of an answer, of those that a judge gives; 1 lets all pass."""

    min_right: int = Field(3, ge=1, le=5, description="true, and what was asked for")
    min_complete: int = Field(3, ge=1, le=5, description="nothing that was asked for is missing")
    min_concise: int = Field(3, ge=1, le=5, description="nothing that nobody asked for")
    min_hearing: int = Field(3, ge=1, le=5, description="can be followed by ear")
    min_safe: int = Field(3, ge=1, le=5, description="nobody comes to harm by it")


class Judged(Strict):
    """Gates of the stages `judge`: a row below one of them is a reject. Another gate asks no engine."""

    query: JudgedQuery = JudgedQuery()
    answer: JudgedAnswer = JudgedAnswer()


class ClipChecks(_Limits):
    """Limits on one synthesised clip.

    Set by 97 clips of Kokoro's usual voices: MOS from 3.0, silence to 0.7 s, flat tops to 0.0001, ends below -35 dB,
    12 to 18 letters a second, at most one letter lost or added. A whispering voice (af_nicole: MOS 1.6 to 2.4, 7
    letters a second) needs looser limits.
    """

    max_wer: float = Field(0.15, ge=0, le=1, description="most word errors a word of text")
    max_cer: float = Field(0.15, ge=0, le=1, description="most character errors a character of text")
    max_lost: int = Field(
        3, ge=0, le=10_000, description="most letters in a row that aren't heard: more is a swallowed word"
    )
    max_added: int = Field(4, ge=0, le=10_000, description="most letters in a row that are heard but not in the text")
    min_mos: float = Field(
        2.6, ge=1, le=5, description="least predicted mean opinion score; ignored where none was made"
    )
    max_silence: float = Field(1.0, ge=0, le=3600, description="longest silent stretch inside the clip, seconds")
    max_clipping: float = Field(0.001, ge=0, le=1, description="largest share of samples at the clip's peak: flat tops")
    max_tail: float = Field(
        -20.0, ge=-120, le=20, description="loudest end, dB against the clip's loudness: louder means cut off"
    )
    min_letters_per_second: float = Field(
        10.0, gt=0, le=100, description="slowest plausible speech; a digit counts as four"
    )
    max_letters_per_second: float = Field(22.0, gt=0, le=100, description="fastest plausible speech")


class QueryClipChecks(ClipChecks):
    """Limits on a clip of the request, which many voices say: a looser one on words, whichever other is set."""

    max_wer: float = Field(0.2, ge=0, le=1, description="most word errors a word of text")


class RecordedLimits(Strict):
    """How far what ASR hears in a recorded clip may be from its transcript, both in words."""

    max_wer: float = Field(0.75, ge=0, le=1, description="most word errors a word of text; of a few words nobody asks")
    max_cer: float = Field(0.35, ge=0, le=1, description="most letter errors a letter of text")
    max_lost: int = Field(10, ge=0, le=10_000, description="most letters in a row that are written but not heard")
    max_added: int = Field(8, ge=0, le=10_000, description="most letters in a row that are heard but not written")
    doubled: bool = Field(False, description="whether a word may be written twice in a row where it is heard once")


class SourceLimits(Strict):
    """What is otherwise for the clips of one source."""

    max_wer: float | None = Field(None, ge=0, le=1, description="in place of max_wer")
    max_cer: float | None = Field(None, ge=0, le=1, description="in place of max_cer")
    max_lost: int | None = Field(None, ge=0, le=10_000, description="in place of max_lost")
    max_added: int | None = Field(None, ge=0, le=10_000, description="in place of max_added")
    doubled: bool | None = Field(None, description="in place of doubled")


class RecordedChecks(RecordedLimits):
    """Limits on recorded clips: a row beyond them is mislabelled."""

    sources: dict[str, SourceLimits] = Field(
        default_factory=dict, description="what is otherwise for a source, by its name in the recipe"
    )

    def of(self, source: str | None) -> RecordedLimits:
        """The limits for clips of that source."""
        general = self.model_dump(exclude={"sources"})
        own = self.sources.get(source or "", SourceLimits()).model_dump(exclude_none=True)
        return RecordedLimits(**general | own)


class AugmentedChecks(RecordedChecks):
    """Limits on augmented clips: one beyond them has become too hard."""

    max_cer: float = Field(0.5, ge=0, le=1, description="most letter errors a letter of text")
    max_lost: int = Field(40, ge=0, le=10_000, description="most letters in a row that are written but not heard")
    max_added: int = Field(40, ge=0, le=10_000, description="most letters in a row that are heard but not written")
    doubled: bool = Field(True, description="whether a word may be written twice in a row where it is heard once")


class Checks(Strict):
    """The recipe's `checks` section."""

    query_text: QueryText = QueryText()
    answer_text: AnswerText = AnswerText()
    continuation_text: ContinuationText = ContinuationText()
    translation_text: TranslationText = TranslationText()
    judged: Judged = Judged()
    query_clip: QueryClipChecks = QueryClipChecks()
    answer_clip: ClipChecks = ClipChecks()
    continuation_clip: ClipChecks = ClipChecks()
    translation_clip: ClipChecks = ClipChecks()
    clip: ClipChecks = ClipChecks()
    recorded: RecordedChecks = RecordedChecks()
    augmented: AugmentedChecks = AugmentedChecks()
    max_reject_ratio: float = Field(0.6, gt=0, le=1, description="a stage whose first shards lose more stops the run")

    @property
    def exchange(self) -> Exchange:
        return Exchange(query_text=self.query_text, answer_text=self.answer_text)

    @property
    def judged_query(self) -> JudgedQuery:
        return self.judged.query

    @property
    def judged_answer(self) -> JudgedAnswer:
        return self.judged.answer


def section(name: str) -> str:
    """The part of `checks` whose limits a stage names so: translations into all languages have theirs together, so
    `translation_de_clip` is `translation_clip`.
    """
    group, base = place_of(name)
    return f"translation_{base}" if own_language(group) else name
