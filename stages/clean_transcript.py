"""`clean_transcript`: a corpus' transcript becomes a text as people write it: no tags, capitals where they belong.

Nothing is changed where nothing is wrong, and numbers stay as the corpus has them. What was done is kept beside the text.
"""

import re
from typing import Literal

from pydantic import Field, field_validator

from voxsmith.schemas.columns import Recorded, full_name, text_column
from voxsmith.schemas.languages import LanguageCode
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.casing import lacks_case, lacks_signs, with_case
from voxsmith.stages.text.doubtful import doubt
from voxsmith.stages.text.replies import LONGEST
from voxsmith.stages.text.row_language import language_of
from voxsmith.stages.text.tagged import Fate, Policy, without_tags
from voxsmith.stages.text.tidied import tidied


class Config(StageConfig):
    """Settings of `clean_transcript`."""

    of: Recorded = Field("row", description="whose transcript; row: the row's own")
    case: Literal["auto", "restore", "keep"] = Field(
        "auto", description="capitals, from what was heard, else by rule: auto, where the transcript has no case"
    )
    punctuation: Literal["keep", "heard"] = Field(
        "keep",
        description="heard: where the transcript has no case, signs that were heard between its words are put in",
    )
    noise: Fate = Field("reject", description="rows marked as noise, music or silence; drop: the tag is taken out")
    sounds: Fate = Field("drop", description="rows with tags of laughter, breath and the like between words")
    unclear: Fate = Field("reject", description="rows with tags of words that nobody understood")
    fillers: Literal["keep", "drop"] = Field("keep", description="um and uh, where the corpus writes them as tags")
    tags: dict[str, str] = Field(
        default_factory=dict,
        description="a corpus' own tags: noise, sound, unclear, mark (taken out), or the text that one stands for",
    )
    language: LanguageCode = Field("en", description="of rows that have no `language`")
    max_characters: int = Field(2_000, ge=1, le=LONGEST, description="of a transcript")
    missing: Literal["leave", "heard"] = Field(
        "leave",
        description="where the corpus has no transcript; heard: what the recogniser heard is one, and the method says so",
    )
    least_letters: float = Field(1.0, ge=0, description="a second, of what was heard and is to be a transcript")
    most_letters: float = Field(30.0, gt=0, description="likewise; beyond that nobody speaks")

    @field_validator("tags")
    @classmethod
    def _bare(cls, tags: dict[str, str]) -> dict[str, str]:
        return {name.strip().strip("<>[]{}()*+!&=").strip().lower(): text for name, text in tags.items()}


def clean_transcript(row: Row, context: Context) -> Asking:
    """Writes the text and its method: "given", or what was done, joined by "+": heard (the recogniser's words are the text,
    because the corpus has none), tags (taken out, or the words in them kept), signs (tags of signs became signs), tidied
    (entities, blanks, quotation marks at an end), case_heard or case_rules, signs_heard.

    Raises Reject with the reason noise, sound, unclear, tag (one that nothing is known of), too_long, empty or doubtful
    (of what was heard).
    """
    config: Config = context.config
    given: str = row.get(full_name(config.of, "source_transcript")) or ""
    only_heard = config.missing == "heard" and not given
    source = _from_heard(row, config) if only_heard else given
    if len(source) > config.max_characters:
        most = config.max_characters
        raise Reject("too_long", f"the transcript has {len(source)} characters; `max_characters` allows {most}", source)
    language = language_of(row, config.language)
    text = tidied(source, language)
    done = ["heard"] * only_heard + (["tidied"] if text != source.strip() else [])
    policy = Policy(config.noise, config.sounds, config.unclear, config.fillers, config.tags)
    text, tags, fault = without_tags(text, policy)
    if fault:
        raise Reject(fault.reason, fault.message, source)
    if not re.search(r"[^\W_]", text):
        raise Reject("empty", "no word is left of the transcript", source)
    done += sorted(tags)
    bare = lacks_case(text, language) or ("signs" in tags and not any(char.isupper() for char in text))
    bare |= config.punctuation == "heard" and lacks_signs(text)
    if config.case == "restore" or (config.case == "auto" and bare):
        heard = row.get(full_name(config.of, "heard")) or ""
        cased, from_heard, signed = with_case(text, heard, language, config.punctuation == "heard")
        done += (["case_heard" if from_heard else "case_rules"] if _letters(cased) != _letters(text) else []) + [
            "signs_heard"
        ] * signed
        text = cased
    method = "+".join(done) or "given"
    return {text_column(config.of): text, full_name(config.of, "method"): method}
    yield  # a stage's function is a generator, even where it asks nothing


def _from_heard(row: Row, config: Config) -> str:
    heard: str = row[full_name(config.of, "heard")]
    seconds = row[full_name(config.of, "duration")]
    if why := doubt(heard, seconds, config.least_letters, config.most_letters):
        raise Reject("doubtful", why, heard)
    return heard


_NEEDS = {"leave": ("source_transcript",), "heard": ("heard", "duration")}
_USES = {"leave": ("heard",), "heard": ("source_transcript",)}


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


STAGE = Stage(
    name="clean_transcript",
    config=Config,
    reads=lambda config: tuple(full_name(config.of, name) for name in _NEEDS[config.missing]),
    optional=lambda config: (*(full_name(config.of, name) for name in _USES[config.missing]), "language"),
    writes=lambda config: (text_column(config.of), full_name(config.of, "method")),
    run=clean_transcript,
    packages=("kitten-text-processing",),
    extra="quickstart",
)
