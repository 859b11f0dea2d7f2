"""The two forms in which an LLM is asked: text that a small model goes on with, or a chat that is answered in JSON."""

from typing import Any, Literal

from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.text.replies import schema

Form = Literal["completion", "chat"]


def ask_in(form: Form, prompt: str, head: str, field: str, **sampling: Any) -> Complete:
    """The request. `head`: what all prompts of this kind begin with; `field`: the reply's only key in JSON."""
    if form == "completion":  # one line, so that a small model ends
        return Complete(prompt=prompt, head=head, stop=("\n",), **sampling)
    return Complete(messages=(("user", prompt),), json_schema=schema(field), **sampling)
