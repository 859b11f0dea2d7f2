"""`respond`: a concise answer that can be spoken, to the request as it will be heard.

The LLM is asked up to `attempts` times; each reply is read, mended where a rule can do it safely, and checked. There is
no fallback: no rule knows an answer.
"""

from collections.abc import Generator
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from voxsmith.schemas.checks import AnswerText
from voxsmith.schemas.columns.judged import HARMLESS
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.answers import answer_fault, proposal, said_before
from voxsmith.stages.text.attempts import first_good, several_good
from voxsmith.stages.text.forms import Form, ask_in
from voxsmith.stages.text.plain_request import without_filler
from voxsmith.stages.text.replies import free_text, json_field, unread
from voxsmith.stages.text.speakable import Fault, speakable


class Answering(StageConfig):
    """How the LLM is asked for an answer, and how often."""

    format: Form = Field("completion", description="a small model goes on with few-shot text")
    attempts: int = Field(3, ge=1, description="replies asked for at most")
    max_tokens: int = Field(72, ge=8, description="of a reply")
    max_sentences: int = Field(3, ge=1, description="an answer that goes on for longer ends there")
    temperature: float = Field(0.7, ge=0, description="of all but a row's very first attempt, which takes 0.2")
    top_p: float = Field(0.95, gt=0, le=1, description="share of the likeliest words that a draw is among")


class Config(Answering):
    """Settings of `respond`."""

    prompt: Prompt = Field(description="variables: query")
    candidates: int = Field(
        1, ge=1, le=32, description="good replies wanted; of several a stage `judge` with `choose` takes the best"
    )
    unsafe: Literal["answer", "reject", "refuse"] = Field(
        "answer",
        description="a request that the stage `screen` calls harmful: answered as any other, a reject (unsafe), or answered "
        "with one of `refusals`, and answer_method is refusal",
    )
    refusals: tuple[str, ...] = Field(
        (
            "I can't help with that, because somebody could get hurt.",
            "I won't help with that. It could do real harm.",
            "That's something I don't help with, because it could harm people.",
        ),
        min_length=1,
        description="what is said to such a request; a row draws one",
    )

    @model_validator(mode="after")
    def _refuses_in_its_own_words(self) -> Self:
        if self.unsafe == "refuse" and self.candidates > 1:
            raise ValueError(
                "unsafe: refuse gives one answer, and a judge has none to choose among: take candidates: 1, or reject"
            )
        for refusal in self.refusals:
            if fault := speakable(refusal, 1, 60):
                raise ValueError(f"refusals: {refusal!r}: {fault.message}")
        return self


def respond(row: Row, context: Context) -> Asking:
    """Writes answer_text, answer_method, answer_attempts; where several are wanted answer_candidates, answer_attempts.

    Raises Reject with the last check's reason.
    """
    config: Config = context.config
    hazard = row.get("query_hazard", HARMLESS) if config.unsafe != "answer" else HARMLESS
    if hazard != HARMLESS and config.unsafe == "reject":
        raise Reject("unsafe", f"what is asked for would do harm: {hazard}", row["query_text"])
    if hazard != HARMLESS:
        refusal = config.refusals[context.seed_for(row["id"]) % len(config.refusals)]
        return {"answer_text": refusal, "answer_method": "refusal", "answer_attempts": 0}
    # What is asked is the same with and without "um", and so is the request to the engine.
    prompt = config.prompt.render(query=without_filler(row["query_text"]))
    several = config.candidates if config.candidates > 1 else 0
    return (
        yield from ask_answer(
            row, row["query_text"], prompt, config.prompt, config, context.checks, context, candidates=several
        )
    )


def ask_answer(
    row: Row,
    query: str,
    rendered: str,
    prompt: Prompt,
    config: Answering,
    checks: AnswerText,
    context: Context,
    earlier: tuple[str, ...] = (),
    candidates: int = 0,
) -> Generator[Complete, Any, Row]:
    """The answer to `query` and how it came about, as columns. `rendered` is `prompt` filled in.

    `earlier`: what was answered before in this conversation, and is no answer again. `candidates`: so many good replies
    are wanted, and none of them is the answer yet; 0: the first is.
    Raises Reject with the reason of the last attempt's check, the message of every attempt, and the last text.
    """

    def ask(attempt: int) -> Complete:
        likeliest, seed = context.wants_likeliest(row["id"], attempt), context.seed_for(row["id"], attempt)
        return _ask(config, rendered, prompt.head, likeliest, seed)

    def read(reply: Completion) -> tuple[str, Fault | None]:
        chat = config.format == "chat"
        raw = json_field(reply.text, "answer") if chat else free_text(reply.text)
        if fault := unread(reply.text, raw, "answer" if chat else ""):
            return "", fault
        text, fault = proposal(raw, reply.finish, checks.max_words, config.max_sentences)
        fault = fault or answer_fault(text, query, prompt.text, checks.min_words, checks.max_words, checks.min_on_topic)
        return text, fault or said_before(text, earlier)

    if candidates:
        texts, asked = yield from several_good(candidates, config.attempts, ask, read)
        return {"answer_candidates": texts, "answer_attempts": asked}
    text, attempt = yield from first_good(config.attempts, ask, read)
    return {"answer_text": text, "answer_method": "llm", "answer_attempts": attempt}


def _ask(config: Answering, prompt: str, head: str, likeliest: bool, seed: int) -> Complete:
    return ask_in(
        config.format,
        prompt,
        head,
        "answer",
        max_tokens=config.max_tokens,
        temperature=0.2 if likeliest else config.temperature,
        top_p=config.top_p,
        seed=seed,
    )


STAGE = Stage(
    name="respond",
    config=Config,
    reads=lambda config: ("query_text",) if config.unsafe == "answer" else ("query_text", "query_hazard"),
    writes=lambda config: (
        ("answer_candidates", "answer_attempts")
        if config.candidates > 1
        else ("answer_text", "answer_method", "answer_attempts")
    ),
    run=respond,
    engine="llm",
    checks=lambda config: "answer_text",
    prompt_variables=("query",),
    packages=("kitten-text-processing",),
    extra="quickstart",
)
