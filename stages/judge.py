"""`judge`: an LLM scores a text, with its reasons: an answer against the request, a rewritten request against the
instruction.

The stage writes the scores and holds them against the recipe's gates (`checks.judged`). Another gate asks nothing, because
the judge's replies are kept; another rubric asks the judge alone. A judge that gives no scores says nothing of the row.
With `choose` it scores each of the replies that `respond` has collected (`candidates`), and the best becomes the answer.
"""

from collections.abc import Generator
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from voxsmith.schemas.columns import ASPECTS, text_column
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Context, Reject, Row
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.forms import Form
from voxsmith.stages.text.material import split_context
from voxsmith.stages.text.plain_request import without_filler
from voxsmith.stages.text.scores import Scores, read_scores, scores_schema
from voxsmith.stages.text.thoughts import without_thoughts

LATER = "earlier_turn_rejected"
UNJUDGED = "unjudged"
History = list[dict[str, str]]  # earlier turns, first to last: "query" and "answer" of each


class Config(StageConfig):
    """Settings of `judge`."""

    of: Literal["query", "answer"] = Field(description="whose text is judged")
    prompt: Prompt = Field(
        description="the rubric; variables: of an answer history, query, answer; of a query history, task, context, query"
    )
    format: Form = Field("completion", description="a small model goes on with few-shot text")
    attempts: int = Field(2, ge=1, description="replies asked for until one gives all scores")
    max_tokens: int = Field(160, ge=8, description="of a reply")
    history: int = Field(3, ge=1, description="earlier turns of the conversation that the judge is shown at most")
    choose: bool = Field(
        False, description="whether it scores the `candidates` of `respond`, and the best is the answer"
    )
    unjudged: Literal["keep", "reject"] = Field(
        "keep", description="what becomes of a row for which the judge gives no scores; keep: its scores are missing"
    )

    @model_validator(mode="after")
    def _chooses_answers(self) -> Self:
        if self.choose and self.of != "answer":
            raise ValueError("choose: only of answers are there several to choose among; leave this key out")
        return self


class Verdict(NamedTuple):
    """Of one text: its scores, None where the judge gave none; why it gave none; how often it was asked."""

    text: str
    scores: Scores | None
    trouble: str
    asked: int


def judge(rows: list[Row], context: Context) -> Generator[Request, Any, list[Row | Reject]]:
    """Writes OF_judged and its aspects, OF_judged_reason, OF_judge_attempts; with `choose` also answer_text,
    answer_method and answer_others. The rows are those of one conversation, in the order of their turns.

    A row below a gate is a Reject (judged_ASPECT), and so is each later turn, which may refer to it. A row without scores
    is one (unjudged) only where the recipe says so.
    """
    history: History = []
    written: list[Row | Reject] = []
    for row in rows:
        try:
            columns = yield from _judged(row, history, context)
        except Reject as reject:
            written.append(reject)
            missing = Reject(LATER, f"turn {row['turn']} of this conversation was rejected")
            return [*written, *[missing] * (len(rows) - len(written))]
        written.append(columns)
        answer = columns.get("answer_text") or row.get("answer_text") or ""
        history.append({"query": without_filler(row["query_text"]), "answer": answer})
    return written


def _judged(row: Row, history: History, context: Context) -> Generator[Request, Any, Row]:
    config: Config = context.config
    texts = [row[text_column(config.of)]] if not config.choose else row["answer_candidates"]
    if config.choose and row.get("answer_text"):  # a person put it in the place of all replies
        texts = [row["answer_text"]]
    verdicts = []
    for text in texts:
        verdicts.append((yield from _ask(text, row, history, context)))
    best = max(verdicts, key=lambda verdict: _rank(verdict, context.checks))
    if best.scores is None and config.unjudged == "reject":
        raise Reject(UNJUDGED, best.trouble, best.text)
    if best.scores is not None and (aspect := _below(best.scores, context.checks)):
        score, least = best.scores.by_aspect[aspect], getattr(context.checks, f"min_{aspect}")
        where = f"checks.judged.{config.of}.min_{aspect}"
        raise Reject(f"judged_{aspect}", f"{aspect} is {score}, {where} is {least}: {best.scores.reason}", best.text)
    columns = _columns(config.of, best, sum(verdict.asked for verdict in verdicts))
    if config.choose:
        others = [verdict for verdict in verdicts if verdict is not best]
        columns |= {"answer_text": best.text, "answer_method": "llm", "answer_others": _others(others)}
    return columns


def _ask(text: str, row: Row, history: History, context: Context) -> Generator[Request, Any, Verdict]:
    """The judge's verdict on one text. What an engine refuses (a prompt that is too long, say) is no verdict on the row."""
    config: Config = context.config
    aspects, trouble = tuple(ASPECTS[config.of]), ""
    shown = history[-config.history :]
    query = without_filler(row["query_text"])
    if config.of == "answer":
        rendered = config.prompt.render(history=shown, query=query, answer=text, task="", context="")
    else:
        task, material = split_context(row["instruction"], row["context"])
        rendered = config.prompt.render(history=shown, query=query, answer="", task=task, context=material)
    for attempt in range(1, config.attempts + 1):
        try:
            reply = yield _request(config, rendered, aspects, attempt)
        except Refused as refused:
            return Verdict(text, None, f"the judge's engine refuses: {refused.reason}: {refused.message}", attempt)
        if scores := read_scores(without_thoughts(reply.text), aspects):
            return Verdict(text, scores, "", attempt)
        trouble = f"the judge's reply {attempt} doesn't give each score from 1 to 5: {reply.text.strip()[:500]!r}"
    return Verdict(text, None, trouble, config.attempts)


def _request(config: Config, prompt: str, aspects: tuple[str, ...], attempt: int) -> Complete:
    """The likeliest words at first, whatever the row: the same text gets the same scores, and nobody asks until it passes."""
    sampling: dict[str, Any] = {
        "max_tokens": config.max_tokens,
        "temperature": 0.0 if attempt == 1 else 0.7,
        "seed": attempt - 1,
    }
    if config.format == "completion":  # one line, so that a small model ends
        return Complete(prompt=prompt, head=config.prompt.head, stop=("\n",), **sampling)
    return Complete(messages=(("user", prompt),), json_schema=scores_schema(aspects), **sampling)


def _below(scores: Scores, checks: Any) -> str | None:
    """The aspect that is furthest below its gate; None where each passes."""
    missing = {aspect: getattr(checks, f"min_{aspect}") - value for aspect, value in scores.by_aspect.items()}
    worst = max(missing, key=lambda aspect: missing[aspect])
    return worst if missing[worst] > 0 else None


def _rank(verdict: Verdict, checks: Any) -> tuple[int, float, int]:
    """What passes comes before what nobody judged, and that before what fails; then by the mean, and by the least."""
    if verdict.scores is None:
        return 1, 0.0, 0
    return 0 if _below(verdict.scores, checks) else 2, verdict.scores.mean, verdict.scores.least


def _columns(group: str, verdict: Verdict, asked: int) -> Row:
    scores, judged = verdict.scores, f"{group}_judged"
    each = {f"{judged}_{aspect}": scores.by_aspect[aspect] if scores else None for aspect in ASPECTS[group]}
    least = {judged: scores.least if scores else None}
    reason = {f"{judged}_reason": scores.reason if scores else None}
    return least | each | reason | {f"{group}_judge_attempts": asked}


def _others(verdicts: list[Verdict]) -> list[Row]:
    return [{"text": one.text, **one.scores.by_aspect} for one in verdicts if one.scores]


def _reads(config: Config) -> tuple[str, ...]:
    if config.of == "query":
        return ("instruction", "query_text")
    return ("query_text", "answer_candidates" if config.choose else "answer_text")


def _optional(config: Config) -> tuple[str, ...]:
    """Earlier answers only for a rubric that shows them: a request can so be judged before it is answered."""
    if config.of == "answer":
        return ()
    return ("context", "answer_text") if "history" in config.prompt.variables() else ("context",)


def _writes(config: Config) -> tuple[str, ...]:
    scores = tuple(f"{config.of}_judged_{aspect}" for aspect in (*ASPECTS[config.of], "reason"))
    chosen = ("answer_text", "answer_method", "answer_others") if config.choose else ()
    return (f"{config.of}_judged", *scores, f"{config.of}_judge_attempts", *chosen)


STAGE = Stage(
    name="judge",
    config=Config,
    reads=_reads,
    optional=_optional,
    writes=_writes,
    run=judge,
    engine="llm",
    each="conversation",
    checks=lambda config: f"judged_{config.of}",
    prompt_variables=("history", "query", "answer", "task", "context"),
    packages=("kitten-text-processing",),
    extra="quickstart",
)
