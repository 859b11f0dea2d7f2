"""`continue_text`: how an LLM goes on with what is said in a clip: what a speech model is taught to say after the clip.

The LLM is asked up to `attempts` times, for its likeliest words at first; each reply is read, mended where that is safe,
and checked. There is no fallback. In the chat form the prompt is the user's turn and the reply is free text, no JSON: the
student learns the reply to this very turn with speech in the transcript's place.
"""

from pydantic import Field, field_validator

from voxsmith.schemas.checks import ContinuationText
from voxsmith.schemas.columns import CONTINUATION, Own, text_column
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.stage import Stage
from voxsmith.stages.text.attempts import first_good
from voxsmith.stages.text.continuations import continuation_fault, proposed
from voxsmith.stages.text.free import FreeText, ask_freely
from voxsmith.stages.text.row_language import language_of, language_read
from voxsmith.stages.text.speakable import Fault


class Config(FreeText):
    """Settings of `continue_text`."""

    of: Own = Field("row", description="whose text the LLM goes on with; row: the transcript")
    prompt: Prompt = Field(description="variables: transcript (the text)")
    spoken: bool = Field(
        False, description="the continuation will be spoken: it is put into words that a voice can say"
    )

    @field_validator("of")
    @classmethod
    def _another_text(cls, of: str) -> str:
        if of == CONTINUATION:
            raise ValueError("a continuation is what the stage writes: name the group whose text it goes on with")
        return of


def continue_text(row: Row, context: Context) -> Asking:
    """Writes continuation, continuation_method (llm, or llm+mended), continuation_attempts. Raises Reject with the last
    check's reason: empty, echo, cut, refusal, about_task, language, too_short, too_long, loop, leak, placeholder, markup, or,
    where it is `spoken`, one of speakable's.
    """
    config: Config = context.config
    checks: ContinuationText = context.checks
    transcript, language = row[text_column(config.of)], language_of(row, config.language)
    prompt, mended = config.prompt.render(transcript=transcript), [False]

    def ask(attempt: int) -> Complete:
        return ask_freely(config, prompt, config.prompt.head, context, row["id"], attempt)

    def read(reply: Completion) -> tuple[str, Fault | None]:
        text, mended[0], fault = proposed(reply.text, reply.finish, transcript, checks.max_words, config.spoken)
        limits = checks.min_words, checks.max_words
        return text, fault or continuation_fault(text, transcript, config.prompt.text, language, *limits, config.spoken)

    text, attempt = yield from first_good(config.attempts, ask, read)
    method = "llm+mended" if mended[0] else "llm"
    return {"continuation": text, "continuation_method": method, "continuation_attempts": attempt}


STAGE = Stage(
    name="continue_text",
    config=Config,
    reads=lambda config: (text_column(config.of),),
    optional=lambda config: language_read(config.of),
    writes=lambda config: ("continuation", "continuation_method", "continuation_attempts"),
    run=continue_text,
    engine="llm",
    checks=lambda config: "continuation_text",
    prompt_variables=("transcript",),
    packages=("kitten-text-processing",),
    extra="quickstart",
)
