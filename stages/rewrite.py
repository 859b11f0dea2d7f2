"""`rewrite`: a written instruction becomes what a person would say aloud.

The LLM is asked up to `attempts` times; each reply is read, repaired where a rule can do it safely, and checked. Where
none passes, the rule-based request stands in, itself checked.
"""

from typing import Literal

from pydantic import Field

from voxsmith.models.text.verbalise import verbalise
from voxsmith.models.text.words import words
from voxsmith.schemas.checks import QueryText
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.faithful import faithful
from voxsmith.stages.text.faithful.fixed import holds
from voxsmith.stages.text.forms import Form, ask_in
from voxsmith.stages.text.in_words import in_words
from voxsmith.stages.text.material import split_context
from voxsmith.stages.text.plain_request import (
    is_question,
    opener,
    plain_request,
    with_context,
    with_filler,
    without_filler,
)
from voxsmith.stages.text.reading import endless, unreadable
from voxsmith.stages.text.replies import LONGEST, json_field, unread
from voxsmith.stages.text.speakable import Fault, speakable
from voxsmith.stages.text.thoughts import without_thoughts
from voxsmith.stages.text.unservable import unservable


class Config(StageConfig):
    """Settings of `rewrite`."""

    prompt: Prompt = Field(description="variables: task, context (empty where there is none)")
    format: Form = Field("completion", description="a small model goes on with few-shot text")
    attempts: int = Field(3, ge=1, description="replies asked for at most")
    fallback: Literal["rules", "none"] = Field("rules", description="what stands in when every reply fails its checks")
    filler_rate: float = Field(0.3, ge=0, le=1, description="share of requests that start with um, hey or the like")
    scripts: tuple[str, ...] = Field(("Latin",), description="writing systems that the voices can read")
    max_words: int = Field(80, ge=1, description="longest instruction, context included, that a person would say")
    max_tokens: int = Field(160, ge=8, description="of a reply")
    temperature: float = Field(
        0.5, ge=0, description="of all but a row's very first attempt, which takes the likeliest words"
    )
    top_p: float = Field(0.95, gt=0, le=1, description="share of the likeliest words that a draw is among")


def rewrite(row: Row, context: Context) -> Asking:
    """Writes query_text, query_method, query_attempts. Raises Reject with the last check's reason."""
    config: Config = context.config
    checks: QueryText = context.checks
    if fault := endless(row["instruction"], config.max_words):
        raise Reject(fault.reason, fault.message, row["instruction"])
    task, material = split_context(row["instruction"], row["context"])
    if fault := unreadable(task, material, config.scripts, config.max_words) or unservable(task, material):
        raise Reject(fault.reason, fault.message, row["instruction"])

    misread = in_words(f"{task}\n{material}")[1]
    if misread and config.format == "completion":  # all that is asked and checked is made of these words
        raise Reject(misread.reason, misread.message, row["instruction"])

    def check(text: str) -> Fault | None:
        return speakable(text, checks.min_words, checks.max_words) or faithful(
            text, row["instruction"], row["context"], checks
        )

    filler_seed, failures, text = context.seed_for(row["id"], 0), [], ""
    for attempt in range(1, config.attempts + 1):
        seed = context.seed_for(row["id"], attempt)
        opening = _opening(config, task, attempt, seed)
        likeliest = context.wants_likeliest(row["id"], attempt)
        reply = yield _ask(config, task, material, opening, likeliest, seed)
        (text, fault), method = read(reply.text, config.format, opening), "llm"
        if text and material and not holds(text, material):
            text, method, fault = with_context(text, material, seed), "llm+context", fault or misread
        fault = unread(reply.text, text, "spoken" if config.format == "chat" else "") or fault or check(text)
        if not fault:
            return _written(with_filler(text, filler_seed, config.filler_rate), method, attempt)
        text = text or reply.text
        failures.append(f"reply {attempt}: {fault.message}")
    if config.fallback == "rules":
        text = plain_request(task, material, context.seed_for(row["id"], 1))
        fault = misread or check(text)
        if not fault:
            return _written(with_filler(text, filler_seed, config.filler_rate), "rules", config.attempts)
        failures.append(f"rules: {fault.message}")
    assert fault
    raise Reject(fault.reason, "; ".join(failures), text)


def read(reply: str, form: str, opening: str = "") -> tuple[str, Fault | None]:
    """What a reply proposes to say, in words: its first line, or its JSON field, without quotes and fillers.

    With the fault where these aren't the words for what the reply has.
    """
    text = json_field(reply, "spoken") if form == "chat" else f"{opening} {without_thoughts(reply)[:LONGEST]}".strip()
    lines = text.strip().splitlines()
    text = lines[0].strip().strip('"“”').removeprefix("Spoken:").strip() if lines else ""
    if not text:
        return "", None
    said, misread = in_words(text)
    return without_filler(said), misread


def _opening(config: Config, task: str, attempt: int, seed: int) -> str:
    """The start of the reply, given to a small model so that it asks, not answers. A question needs none at first."""
    if config.format == "chat":
        return ""
    opening = opener(task, seed)
    return "" if attempt == 1 and is_question(opening) else opening


def _ask(config: Config, task: str, material: str, opening: str, likeliest: bool, seed: int) -> Complete:
    flat = config.format == "completion"
    prompt_task, prompt_context = (verbalise(task), verbalise(material)) if flat else (task, material)
    prompt = config.prompt.render(task=prompt_task, context=prompt_context)
    return ask_in(
        config.format,
        f"{prompt.rstrip()} {opening}".rstrip() if flat else prompt,
        config.prompt.head,
        "spoken",
        # Three tokens a word leave room to say numbers; what goes on for longer is no rewriting.
        max_tokens=min(config.max_tokens, 24 + 3 * len(words(prompt_task))) if flat else config.max_tokens,
        temperature=0.0 if likeliest else config.temperature,
        top_p=1.0 if likeliest else config.top_p,
        seed=seed,
    )


def _written(text: str, method: str, attempts: int) -> Row:
    return {"query_text": text, "query_method": method, "query_attempts": attempts}


STAGE = Stage(
    name="rewrite",
    config=Config,
    reads=lambda config: ("instruction",),
    optional=lambda config: ("context",),
    writes=lambda config: ("query_text", "query_method", "query_attempts"),
    run=rewrite,
    engine="llm",
    checks=lambda config: "query_text",
    prompt_variables=("task", "context"),
    packages=("kitten-text-processing",),
    extra="quickstart",
)
