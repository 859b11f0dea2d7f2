"""`respond`: a concise answer that can be spoken, to the request as it will be heard."""

import json
import re
from typing import Literal

from pydantic import Field

from schemas.checks import AnswerText
from schemas.prompt import Prompt
from stages.requests import Complete
from stages.stage import Asking, Context, Reject, Row, Stage, StageConfig
from stages.text.answers import answer_fault, trimmed
from stages.text.verbalise import verbalise

_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
)


class Config(StageConfig):
    """Settings of `respond`."""

    prompt: Prompt = Field(description="variables: query")
    format: Literal["completion", "chat"] = Field("completion", description="a small model goes on with few-shot text")
    attempts: int = Field(3, ge=1, description="replies asked for at most")
    max_tokens: int = Field(80, ge=8)
    temperature: float = Field(0.6, ge=0, description="of the second attempt and later; the first takes 0.2")
    top_p: float = Field(0.95, gt=0, le=1)


def respond(row: Row, context: Context) -> Asking:
    """Writes answer_text, answer_method, answer_attempts. Raises Reject with the last check's reason."""
    config: Config = context.config
    checks: AnswerText = context.checks
    query = row["query_text"]
    examples = tuple(re.findall(r"^Answer: (.+)$", config.prompt.text, re.M))
    failures, text = [], ""
    for attempt in range(1, config.attempts + 1):
        reply = yield _ask(config, query, attempt, context.seed_for(row["id"], attempt))
        text = trimmed(read(reply.text, config.format), checks.min_words)
        fault = answer_fault(text, query, examples, checks.min_words, checks.max_words, checks.min_on_topic)
        if not fault:
            return {"answer_text": text, "answer_method": "llm", "answer_attempts": attempt}
        failures.append(f"reply {attempt}: {fault.message}")
    assert fault
    raise Reject(fault.reason, "; ".join(failures), text)


def read(reply: str, form: str) -> str:
    """What a reply proposes to say, in words: its first paragraph, or its JSON field."""
    text = reply.strip()
    if form == "chat":
        found = re.search(r"\{.*\}", text, re.S)
        try:
            text = str(json.loads(found[0])["answer"]) if found else text
        except (ValueError, KeyError, TypeError):
            text = ""
    lines = text.strip().splitlines()
    text = lines[0].strip().strip('"“”') if lines else ""
    return verbalise(text) if text else ""


def _ask(config: Config, query: str, attempt: int, seed: int) -> Complete:
    flat = config.format == "completion"
    prompt = config.prompt.render(query=query)
    return Complete(
        prompt=prompt.rstrip() if flat else None,
        messages=None if flat else (("user", prompt),),
        head=config.prompt.head if flat else "",
        max_tokens=config.max_tokens,
        temperature=0.2 if attempt == 1 else config.temperature,
        top_p=config.top_p,
        stop=("\n",) if flat else (),
        seed=seed,
        json_schema=None if flat else _SCHEMA,
    )


STAGE = Stage(
    name="respond",
    config=Config,
    reads=lambda config: ("query_text",),
    writes=lambda config: ("answer_text", "answer_method", "answer_attempts"),
    run=respond,
    engine="llm",
    checks=lambda config: "answer_text",
    prompt_variables=("query",),
)
