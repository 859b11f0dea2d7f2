"""`translate`: the transcript in another language, by an LLM; a node for each language: `to: de` writes translation_de."""

from pydantic import Field, field_validator

from voxsmith.models.text.words import words
from voxsmith.schemas.checks import TranslationText
from voxsmith.schemas.columns import LANGUAGES
from voxsmith.schemas.names import nearest
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.stage import Stage
from voxsmith.stages.text.attempts import first_good
from voxsmith.stages.text.free import FreeText, ask_freely
from voxsmith.stages.text.row_language import language_of
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.translations import proposed, translation_fault


class Config(FreeText):
    """Settings of `translate`."""

    to: str = Field(description="a language's code, de say; Llama 3.1 is made for en, de, fr, it, pt, hi, es and th")
    prompt: Prompt = Field(description="variables: transcript, language (the name of the one to translate into)")
    max_tokens: int = Field(256, ge=8, description="of a reply")

    @field_validator("to")
    @classmethod
    def _known(cls, to: str) -> str:
        if to not in LANGUAGES:
            raise ValueError(f"no language '{to}'; {nearest(to, LANGUAGES)}")
        return to


def translate(row: Row, context: Context) -> Asking:
    """Writes translation_{to}. A transcript that is in that language already stays as it is, and nothing is asked.

    Raises Reject with the last check's reason: empty, echo, cut, refusal, about_task, language, length, loop or leak.
    """
    config: Config = context.config
    checks: TranslationText = context.checks
    transcript, column = row["transcript"], f"translation_{config.to}"
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
    reads=lambda config: ("transcript",),
    optional=lambda config: ("language",),
    writes=lambda config: (f"translation_{config.to}",),
    run=translate,
    engine="llm",
    checks=lambda config: "translation_text",
    prompt_variables=("transcript", "language"),
)
