"""A language model as judge of answers: how helpful, and how fit to be listened to, each from 1 to 5, by rubric.md.

As LLaMA-Omni's and VoiceBench's evaluations do (arXiv 2409.06666, 2410.17196), with a rubric of our own and two grades. Its
first line and its digest go into the report: grades by different rubrics or judges can't be compared.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from voxsmith.models.openai_protocol import Unreadable, checked
from voxsmith.schemas.hashing import hashed
from voxsmith.trainer.eval.interval import mean_of
from voxsmith.trainer.eval.judge_server import NoReply, Server, ask

GRADES = {"helpfulness": "helpful", "speech": "fit to be listened to"}
_LONGEST = 8000  # characters of a question or an answer that are judged
_MOST_TOKENS = 600  # of a judgement


class Judgement(BaseModel):
    """What a judge says of an answer. Nothing else is taken for one: no 4.5, no "5", no true, no further key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: Annotated[str, Field(max_length=4000)]
    helpfulness: Annotated[int, Field(ge=1, le=5)]
    speech: Annotated[int, Field(ge=1, le=5)]


@dataclass(frozen=True)
class Asked:
    """A question in writing and an answer to it; `question` is empty where nobody knows its words."""

    question: str
    answer: str


def judge(server: Server, rows: Sequence[Asked]) -> list[Judgement | NoReply]:
    """Of each row. A row whose question has no words isn't judged. An answer that says nothing gets 1 and 1 by the rubric,
    without anybody being asked.
    """
    results: list[Judgement | NoReply] = [NoReply("the question has no words")] * len(rows)
    wanted = []
    for number, row in enumerate(rows):
        if not row.question.strip():
            continue
        if not row.answer.strip():
            results[number] = Judgement(why="The answer is empty.", helpfulness=1, speech=1)
        else:
            wanted.append(number)
    with_settings = Server(**{**vars(server), "extra": _settings() | server.extra})
    for number, result in zip(
        wanted, ask(with_settings, [_messages(rows[number]) for number in wanted], parse), strict=True
    ):
        results[number] = result
    return results


def parse(text: str) -> Judgement:
    """Raises Unreadable."""
    try:
        value = json.loads(text.strip())
    except (ValueError, RecursionError):
        raise Unreadable(f"not a JSON object: {text.strip()[:100]!r}") from None
    return checked(Judgement, value)


def rubric() -> str:
    return (files("voxsmith.trainer.eval") / "rubric.md").read_text(encoding="utf-8")


def identity(server: Server) -> dict[str, str]:
    """Who judges by what; no key."""
    version, digest = rubric().splitlines()[0], hashed(rubric().encode(), 16).hex()
    return {"model": server.model, "server": server.base_url, "rubric": version, "rubric_digest": digest}


def summary(results: Sequence[Judgement | NoReply]) -> dict[str, Any]:
    """Means with their intervals, over judged rows alone, and how many were not judged, by reason."""
    judged = [result for result in results if isinstance(result, Judgement)]
    failed = Counter(str(result) for result in results if isinstance(result, NoReply))
    means = {name: mean_of([getattr(result, name) for result in judged]) for name in GRADES}
    return {
        "rows": len(results),
        "judged": len(judged),
        **{name: asdict(mean) for name, mean in means.items() if mean},
        "not_judged": dict(failed.most_common()),
    }


def of_row(result: Judgement | NoReply) -> dict[str, Any]:
    return result.model_dump() if isinstance(result, Judgement) else {"not_judged": str(result)}


def _messages(row: Asked) -> list[dict[str, str]]:
    material = {"question": row.question[:_LONGEST], "answer": row.answer[:_LONGEST]}
    return [
        {"role": "system", "content": rubric()},
        {"role": "user", "content": json.dumps(material, ensure_ascii=False)},
    ]


def _settings() -> dict[str, Any]:
    grade = {"type": "integer", "enum": [1, 2, 3, 4, 5]}
    schema = {
        "type": "object",
        "properties": {"why": {"type": "string"}, "helpfulness": grade, "speech": grade},
        "required": ["why", "helpfulness", "speech"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "judgement", "schema": schema, "strict": True}}
    return {"temperature": 0, "seed": 0, "max_tokens": _MOST_TOKENS, "response_format": form}
