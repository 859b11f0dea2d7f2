"""What an LLM's raw reply says: free text, or one field of a JSON object, whatever it is wrapped in."""

import json
import re

from voxsmith.schemas.text import clean
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.thoughts import thinks_alone, without_thoughts

LONGEST = 10_000  # characters of a reply that are read: some checks take time in the square of them
_FENCE = re.compile(r"```[a-z]*")


def free_text(reply: str, label: str = "") -> str:
    """The reply without blanks, a leading "label:" and quotation marks that embrace the whole."""
    text = reply.strip()[:LONGEST]
    if label:
        text = re.sub(rf"^{label}\s*:\s*", "", text, flags=re.I)
    if len(text) > 1 and text[0] in '"“' and text[-1] in '"”' and not re.search('["“”]', text[1:-1]):
        text = text[1:-1].strip()
    return text


def json_field(reply: str, field: str) -> str:
    """The text in `field` of the JSON object in the reply; "" where there is none.

    Thoughts, a code fence and words around the object are passed over; a reply without any brace is taken to be the text
    itself.
    """
    text = without_thoughts(reply)
    if (fence := _FENCE.match(text)) and text.endswith("```"):
        text = text[fence.end() :].removesuffix("```").strip()
    if "{" not in text:
        return free_text(text, field)
    decoder = json.JSONDecoder(strict=False)
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):  # brackets in brackets in brackets
            continue
        if isinstance(value, dict) and isinstance(value.get(field), str):
            return free_text(without_thoughts(clean(value[field])))  # an escape may be half of a sign
    return ""


def unread(reply: str, read: str, field: str = "") -> Fault | None:
    """Why nothing was read in a reply; None where `read`, which was, says something. `field`: of the object looked for."""
    if read.strip():
        return None
    if thinks_alone(reply):
        return Fault(
            "thinking",
            "the model thinks until its tokens end, or the line: raise the stage's max_tokens, or turn thinking off in the "
            "engine's settings",
        )
    if field and re.search(r"\w", reply):
        return Fault("unreadable_reply", f"the reply has no JSON object with a text in '{field}'")
    return Fault("empty", "the reply is empty")


def schema(field: str) -> str:
    """JSON schema, as text, of an object whose one field is a string: what `json_field` reads."""
    wanted = {"type": "object", "properties": {field: {"type": "string"}}, "required": [field]}
    return json.dumps(wanted | {"additionalProperties": False})
