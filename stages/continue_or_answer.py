"""`continue_or_answer`: `continue_text`, but where somebody asks for something in the clip the LLM answers.

The answer stands in the columns of an answer, not in `continuation`: each of both is learned under a request of its own, and
training leaves out of a task the rows that lack its text. Which rows ask is decided by rule, in English alone.
"""

from pydantic import Field

from voxsmith.schemas.checks import ContinuationText
from voxsmith.schemas.columns import text_column
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages import continue_text
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.stage import Stage
from voxsmith.stages.text.answered import answered_fault
from voxsmith.stages.text.attempts import first_good
from voxsmith.stages.text.continuations import proposed
from voxsmith.stages.text.free import ask_freely
from voxsmith.stages.text.requested import is_requested
from voxsmith.stages.text.row_language import language_of
from voxsmith.stages.text.speakable import Fault

ANSWERED = "answer"  # the method of a continuation that there is none of


class Config(continue_text.Config):
    """Settings of `continue_or_answer`."""

    answer_prompt: Prompt = Field(description="of rows that ask for something; variables: transcript (the text)")


def continue_or_answer(row: Row, context: Context) -> Asking:
    """Writes what `continue_text` does; or, of a request, continuation_method (answer) and answer_text, answer_method (llm, or
    llm+mended), answer_attempts. Raises Reject as `continue_text` does; of an answer with the reason empty, echo, cut, refusal,
    question_back, language, too_long, loop, leak, placeholder, markup, or, where it is `spoken`, one of speakable's.
    """
    config: Config = context.config
    text, language = row[text_column(config.of)], language_of(row, config.language)
    if language.partition("-")[0].lower() != "en" or not is_requested(text):
        return (yield from continue_text.continue_text(row, context))
    checks: ContinuationText = context.checks
    prompt, mended = config.answer_prompt.render(transcript=text), [False]

    def ask(attempt: int) -> Complete:
        return ask_freely(config, prompt, config.answer_prompt.head, context, row["id"], attempt)

    def read(reply: Completion) -> tuple[str, Fault | None]:
        answer, mended[0], fault = proposed(reply.text, reply.finish, text, checks.max_words, config.spoken)
        return answer, fault or answered_fault(
            answer, text, config.answer_prompt.text, language, checks.max_words, config.spoken
        )

    answer, attempt = yield from first_good(config.attempts, ask, read)
    return {
        "continuation_method": ANSWERED,
        "answer_text": answer,
        "answer_method": "llm+mended" if mended[0] else "llm",
        "answer_attempts": attempt,
    }


STAGE = Stage(
    name="continue_or_answer",
    config=Config,
    reads=continue_text.STAGE.reads,
    optional=continue_text.STAGE.optional,
    writes=lambda config: (*continue_text.STAGE.writes(config), "answer_text", "answer_method", "answer_attempts"),
    run=continue_or_answer,
    engine="llm",
    checks=continue_text.STAGE.checks,
    prompt_variables=("transcript",),
    packages=continue_text.STAGE.packages,
    extra=continue_text.STAGE.extra,
)
