"""query_text -> text_language: which language a request is in, and a class of request that no engine of ours takes."""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from voxsmith.schemas.columns import Column
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.base import Reply, Request
from voxsmith.stages.stage import Stage, StageConfig


@dataclass(frozen=True)
class Language(Reply):
    code: str  # ISO 639-1: "en"
    share: float  # of the text's words that are among that language's most frequent


@dataclass(frozen=True)
class Identify(Request):
    """Which language is this text in?"""

    text: str
    reply: ClassVar[type] = Language


class Config(StageConfig):
    allowed: tuple[str, ...] = Field(("en",), description="codes of the languages that rows may be in")


def identify(row: Row, context: Context) -> Asking:
    """Writes text_language. Raises Reject where the text is in another language than those that are allowed."""
    reply = yield Identify(row["query_text"])
    if reply.code not in context.config.allowed:
        raise Reject(
            "language", f"the request is in '{reply.code}' ({reply.share:.0%} of its words)", row["query_text"]
        )
    return {"text_language": reply.code}


STAGE = Stage(
    name="language",
    config=Config,
    reads=lambda config: ("query_text",),
    writes=lambda config: ("text_language",),
    columns={"text_language": Column(pa.string(), "language of the request, as a code", "label")},
    run=identify,
    engine="lid",
)
