"""instruction -> query_text: what the toy engine makes of it. Rejects what holds the word "bad"."""

from pydantic import Field

from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    style: str = "plain"
    max_chars: int = Field(1000, description="longest text")


def run(row: Row, context: Context) -> Asking:
    reply = yield Complete(prompt=f"{row['instruction']}", seed=context.seed_for(row["id"]))
    text = reply.text if context.config.style == "plain" else f"{reply.text}!"
    if "BAD" in text or len(text) > context.config.max_chars:
        raise Reject("bad", "the text is bad", text)
    return {"query_text": text, "query_method": "llm", "query_attempts": 1}


STAGE = Stage(
    name="toy_shout",
    config=Config,
    reads=lambda config: ("instruction",),
    writes=lambda config: ("query_text", "query_method", "query_attempts"),
    run=run,
    engine="llm",
)
