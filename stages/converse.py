"""`converse`: a dialogue, turn by turn: what the user asks is put into spoken words, then answered.

The first turn goes as in `rewrite` and `respond`. A later question was written for somebody else's answers, which we
don't keep: so it is rewritten, and answered, in sight of our own earlier turns. A turn that fails takes the later ones
with it, because they may refer to it; the earlier ones stay.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from voxsmith.models.text.words import words
from voxsmith.schemas.checks import Exchange
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages import rewrite
from voxsmith.stages.context import Context, Reject, Row
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.respond import Answering, ask_answer
from voxsmith.stages.stage import Stage
from voxsmith.stages.text.follow_up import fits, said_as_written
from voxsmith.stages.text.forms import ask_in
from voxsmith.stages.text.in_words import in_words
from voxsmith.stages.text.plain_request import with_filler, without_filler
from voxsmith.stages.text.reading import unreadable
from voxsmith.stages.text.replies import unread
from voxsmith.stages.text.speakable import Fault, speakable

History = list[dict[str, str]]  # earlier turns, first to last: "query" and "answer" of each


class Config(Answering):
    """Settings of `converse`."""

    query_prompt: Prompt = Field(description="the first turn, as in `rewrite`; variables: task, context")
    follow_prompt: Prompt = Field(description="a later question; variables: history, task")
    answer_prompt: Prompt = Field(description="every answer; variables: history, query")
    history: int = Field(3, ge=1, description="earlier turns that a prompt shows at most")
    fallback: Literal["rules", "none"] = Field("rules", description="what stands in when every rewriting fails")
    filler_rate: float = Field(0.3, ge=0, le=1, description="share of questions that start with um, hey or the like")
    scripts: tuple[str, ...] = Field(("Latin",), description="writing systems that the voices can read")
    max_words: int = Field(80, ge=1, description="longest question, context included, that a person would say")


def converse(rows: list[Row], context: Context) -> Generator[Request, Any, list[Row | Reject]]:
    """Writes query_text, query_method, query_attempts, answer_text, answer_method, answer_attempts for each row.

    The rows are in the order of their turns.
    A text that the source gives (a row has it already) is kept, and the others are made in sight of it.
    A turn that fails is a Reject; so is each later turn, with the reason earlier_turn_rejected.
    """
    history: History = []
    written: list[Row | Reject] = []
    for row in rows:
        if row["turn"] != len(history):
            break  # the source itself lost a turn
        try:
            query = _given(row, "query")
            if not query:
                query = yield from (_first(row, context) if not history else _later(row, history, context))
            answer = _given(row, "answer") or (yield from _answer(row, query["query_text"], history, context))
        except Reject as reject:
            written.append(reject)
            break
        written.append(query | answer)
        history.append({"query": without_filler(query["query_text"]), "answer": answer["answer_text"]})
    missing = Reject("earlier_turn_rejected", f"turn {len(history)} of this conversation was rejected")
    return [*written, *[missing] * (len(rows) - len(written))]


def _given(row: Row, side: str) -> Row:
    text = row.get(f"{side}_text")
    return {f"{side}_text": text, f"{side}_method": row.get(f"{side}_method") or "given"} if text else {}


def _first(row: Row, context: Context) -> Generator[Request, Any, Row]:
    config: Config = context.config
    shared = {name: getattr(config, name) for name in ("format", "attempts", "fallback", "filler_rate", "scripts")}
    settings = rewrite.Config(prompt=config.query_prompt, max_words=config.max_words, **shared)
    return (yield from rewrite.rewrite(row, replace(context, config=settings, checks=context.checks.query_text)))


def _later(row: Row, history: History, context: Context) -> Generator[Request, Any, Row]:
    config: Config = context.config
    task = row["instruction"]
    if fault := unreadable(task, "", config.scripts, config.max_words):
        raise Reject(fault.reason, fault.message, task)
    misread = in_words(task)[1]
    if misread and config.format == "completion":
        raise Reject(misread.reason, misread.message, task)
    filler_seed, failures, text = context.seed_for(row["id"], 0), [], ""
    # A small model is given the first words, so that it asks, not answers.
    opening = " ".join(said_as_written(task).split()[:3]) if config.format == "completion" else ""
    for attempt in range(1, config.attempts + 1):
        likeliest, seed = context.wants_likeliest(row["id"], attempt), context.seed_for(row["id"], attempt)
        reply = yield _ask(config, task, history, opening, likeliest, seed)
        text, fault = rewrite.read(reply.text, config.format, opening)
        field = "spoken" if config.format == "chat" else ""
        fault = unread(reply.text, text, field) or fault or _fault(text, task, history, context.checks)
        if not fault:
            return _query(with_filler(text, filler_seed, config.filler_rate), "llm", attempt)
        text = text or reply.text
        failures.append(f"reply {attempt}: {fault.message}")
    if config.fallback == "rules":
        text = said_as_written(task)
        fault = misread or _fault(text, task, history, context.checks)
        if not fault:
            return _query(with_filler(text, filler_seed, config.filler_rate), "rules", config.attempts)
        failures.append(f"rules: {fault.message}")
    assert fault
    raise Reject(fault.reason, "; ".join(failures), text)


def _fault(text: str, task: str, history: History, checks: Exchange) -> Fault | None:
    bounds = checks.query_text
    return speakable(text, bounds.min_words, bounds.max_words) or fits(text, task, history)


def _ask(config: Config, task: str, history: History, opening: str, likeliest: bool, seed: int) -> Complete:
    flat = config.format == "completion"
    said = said_as_written(task) if flat else task
    prompt = config.follow_prompt.render(task=said, history=history[-config.history :])
    return ask_in(
        config.format,
        f"{prompt.rstrip()} {opening}".rstrip() if flat else prompt,
        config.follow_prompt.head,
        "spoken",
        max_tokens=24 + 3 * len(words(said)) if flat else config.max_words * 3,
        temperature=0.0 if likeliest else config.temperature,
        top_p=1.0 if likeliest else config.top_p,
        seed=seed,
    )


def _answer(row: Row, query: str, history: History, context: Context) -> Generator[Request, Any, Row]:
    config: Config = context.config
    seen = history[-config.history :]
    rendered = config.answer_prompt.render(query=without_filler(query), history=seen)
    # Seeds of answers are apart from those of questions, which count up from 0.
    apart = replace(context, stage=f"{context.stage}.answer")
    earlier = tuple(turn["answer"] for turn in history)
    return (
        yield from ask_answer(
            row, query, rendered, config.answer_prompt, config, context.checks.answer_text, apart, earlier
        )
    )


def _query(text: str, method: str, attempts: int) -> Row:
    return {"query_text": text, "query_method": method, "query_attempts": attempts}


STAGE = Stage(
    name="converse",
    config=Config,
    reads=lambda config: ("instruction",),
    optional=lambda config: ("context",),
    writes=lambda config: (
        "query_text", "query_method", "query_attempts", "answer_text", "answer_method", "answer_attempts",
    ),
    run=converse,
    engine="llm",
    each="conversation",
    checks=lambda config: "exchange",
    prompt_variables={
        "query_prompt": ("task", "context"),
        "follow_prompt": ("history", "task"),
        "answer_prompt": ("history", "query"),
    },
    packages=("kitten-text-processing",),
    extra="quickstart",
)  # fmt: skip
