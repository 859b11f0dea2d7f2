"""An LLM's reply as free text: how it is asked for one, in either form, and with which words at which attempt."""

from typing import Any

from pydantic import Field

from voxsmith.schemas.languages import LanguageCode
from voxsmith.stages.context import Context
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.stage import StageConfig
from voxsmith.stages.text.forms import Form


class FreeText(StageConfig):
    """How the LLM is asked, and how often."""

    format: Form = Field("completion", description="completion: a small model goes on with few-shot text")
    attempts: int = Field(3, ge=1, description="replies asked for at most")
    max_tokens: int = Field(64, ge=8, description="of a reply")
    temperature: float = Field(
        0.7, ge=0, description="of all but a row's very first attempt, which takes the likeliest words"
    )
    top_p: float = Field(0.95, gt=0, le=1, description="share of the likeliest words that a draw is among")
    language: LanguageCode = Field("en", description="of rows that have no `language`")


def ask_freely(config: FreeText, prompt: str, head: str, context: Context, row_id: str, attempt: int) -> Complete:
    """The request: a prompt to go on with until the line ends, or the user's turn in a chat. `head`: what all prompts of
    this kind begin with.
    """
    likeliest = context.wants_likeliest(row_id, attempt)
    sampling: dict[str, Any] = {
        "max_tokens": config.max_tokens,
        "temperature": 0.0 if likeliest else config.temperature,
        "top_p": 1.0 if likeliest else config.top_p,
        # The likeliest words are the same with every seed, and so is the request for the same text in another row.
        "seed": 0 if likeliest else context.seed_for(row_id, attempt),
    }
    if config.format == "completion":
        return Complete(prompt=prompt, head=head, stop=("\n",), **sampling)
    return Complete(messages=(("user", prompt),), **sampling)
