"""`screen`: what harm a request asks for, if any, as an LLM says it. `respond` may then refuse, or the row is rejected.

No list of words can tell "how to kill a process" from a threat, and none is here. All depends on the LLM; which ones can
tell has not been measured.
"""

import json
from typing import Any

from pydantic import Field

from voxsmith.schemas.columns.judged import HARMLESS, HAZARDS
from voxsmith.schemas.prompt import Prompt
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.attempts import first_good
from voxsmith.stages.text.plain_request import without_filler
from voxsmith.stages.text.replies import json_field
from voxsmith.stages.text.speakable import Fault

_REPLY: dict[str, Any] = {
    "type": "object",
    "properties": {"hazard": {"type": "string", "enum": list(HAZARDS)}},
    "required": ["hazard"],
    "additionalProperties": False,
}


class Config(StageConfig):
    """Settings of `screen`."""

    prompt: Prompt = Field(description="variables: query, hazards (the kinds of harm and what each is)")
    attempts: int = Field(2, ge=1, description="replies asked for at most")
    max_tokens: int = Field(24, ge=8, description="of a reply; more where the model thinks first")


def screen(row: Row, context: Context) -> Asking:
    """Writes query_hazard. A row of which no reply says anything readable is a Reject (unscreened): never safe by accident."""
    config: Config = context.config
    prompt = config.prompt.render(query=without_filler(row["query_text"]), hazards=HAZARDS)

    def ask(attempt: int) -> Complete:
        likeliest = context.wants_likeliest(row["id"], attempt)
        return Complete(
            messages=(("user", prompt),),
            json_schema=json.dumps(_REPLY),
            max_tokens=config.max_tokens,
            temperature=0.0 if likeliest else 0.7,
            # The same request in another row has the same reply.
            seed=0 if likeliest else context.seed_for(row["id"], attempt),
        )

    def read(reply: Completion) -> tuple[str, Fault | None]:
        hazard = json_field(reply.text, "hazard").strip().lower()
        known = hazard in HAZARDS
        return hazard, None if known else Fault("unscreened", f"the reply names no kind of harm, nor {HARMLESS}")

    try:
        hazard, _ = yield from first_good(config.attempts, ask, read)
    except Reject as reject:
        raise Reject("unscreened", reject.message, reject.sample) from None
    return {"query_hazard": hazard}


STAGE = Stage(
    name="screen",
    config=Config,
    reads=lambda config: ("query_text",),
    writes=lambda config: ("query_hazard",),
    run=screen,
    engine="llm",
    prompt_variables=("query", "hazards"),
    packages=("kitten-text-processing",),
    extra="quickstart",
)
