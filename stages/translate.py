"""`translate`: a text in another language, by an LLM; a node for each language: `to: de` writes translation_de."""

from typing import Self

from pydantic import Field, model_validator

from voxsmith.models.text.words import words
from voxsmith.schemas.checks import TranslationText
from voxsmith.schemas.columns import Own, own_language, text_column
from voxsmith.schemas.languages import LANGUAGES, Language
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.stage import Stage
from voxsmith.stages.text.attempts import first_good
from voxsmith.stages.text.free import FreeText, ask_freely
from voxsmith.stages.text.row_language import language_of, language_read
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.translations import proposed, translation_fault


class Config(FreeText):
    """Settings of `translate`."""

    of: Own = Field("row", description="whose text is translated; row: the transcript")
    to: Language = Field(
        description="a language's code, de say; Llama 3.1 is made for en, de, fr, it, pt, hi, es and th"
    )
    prompt: Prompt = Field(
        description="variables: transcript (the text), language (the name of the one to translate into)"
    )
    max_tokens: int = Field(256, ge=8, description="of a reply")

    @model_validator(mode="after")
    def _another_language(self) -> Self:
        if own_language(self.of) == self.to:
            raise ValueError(
                f"of: {self.of} is in {LANGUAGES[self.to]} already; name another text, or another language"
            )
        return self


def translate(row: Row, context: Context) -> Asking:
    """Writes translation_{to}. A text that is in that language already stays as it is, and nothing is asked.

    Raises Reject with the last check's reason: empty, echo, cut, refusal, about_task, language, number, length,
    loop or leak.
    """
    config: Config = context.config
    checks: TranslationText = context.checks
    transcript, column = row[text_column(config.of)], f"translation_{config.to}"
    if language_of(row, config.language) == config.to:
        return {column: transcript}
    if not words(transcript):
        raise Reject("empty", "there is nothing to translate", transcript)
    prompt = config.prompt.render(transcript=transcript, language=LANGUAGES[config.to])

    def ask(attempt: int) -> Complete:
        return ask_freely(config, prompt, config.prompt.head, context, row["id"], attempt)

    def read(reply: Completion) -> tuple[str, Fault | None]:
        text, fault = proposed(reply.text, reply.finish, LANGUAGES[config.to])
        return text, fault or translation_fault(text, transcript, config.prompt.text, config.to, checks)

    text, _ = yield from first_good(config.attempts, ask, read)
    return {column: text}


STAGE = Stage(
    name="translate",
    config=Config,
    reads=lambda config: (text_column(config.of),),
    optional=lambda config: language_read(config.of),
    writes=lambda config: (f"translation_{config.to}",),
    run=translate,
    engine="llm",
    checks=lambda config: "translation_text",
    prompt_variables=("transcript", "language"),
)
