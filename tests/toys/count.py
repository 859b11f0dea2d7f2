"""query_text -> answer_text: how many words it has; two prompts a row, so that memo and rounds are exercised."""

from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    times: int = 2


def run(row: Row, context: Context) -> Asking:
    words = 0
    for attempt in range(context.config.times):
        reply = yield Complete(
            prompt=f"count {attempt}: {row['query_text']}", seed=context.seed_for(row["id"], attempt)
        )
        words += len(reply.text.split())
    return {"answer_text": f"{words} words", "answer_method": "llm", "answer_attempts": context.config.times}


STAGE = Stage(
    name="toy_count",
    config=Config,
    reads=lambda config: ("query_text",),
    writes=lambda config: ("answer_text", "answer_method", "answer_attempts"),
    run=run,
    engine="llm",
)
