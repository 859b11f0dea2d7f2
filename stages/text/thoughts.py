"""What a model thinks before it speaks is no part of what it says: drafts between <think> and </think> and the like."""

import re

_NAMES = "think|thinking|thoughts?|reasoning|reflection|scratchpad"
# Tags; and channels, where a server leaves them in (gpt-oss): the last one is what is said.
_OPEN = (
    rf"<(?:{_NAMES})>|\[think\]|<\|begin_of_thought\|>|◁think▷|<\|channel\|>(?:analysis|commentary)\b[^<]*<\|message\|>"
)
_CLOSE = rf"</(?:{_NAMES})>|\[/think\]|<\|end_of_thought\|>|◁/think▷|<\|channel\|>final\b[^<]*<\|message\|>"
_BETWEEN = re.compile(rf"(?:{_OPEN})(?:(?!{_OPEN}|{_CLOSE}).)*(?:{_CLOSE})", re.I | re.S)
_BEGUN, _ENDED = re.compile(_OPEN, re.I), re.compile(_CLOSE, re.I)


def without_thoughts(reply: str) -> str:
    """What the reply says. "" of a reply that has thoughts alone: they were cut before the model spoke.

    Inside of a JSON object they are left: `voxsmith.stages.text.replies.json_field` looks into its fields.
    """
    text = reply.strip()
    if text.startswith("{"):
        return text
    parted = 1
    while parted:  # thoughts in thoughts
        text, parted = _BETWEEN.subn("", text)
    ends = [match.end() for match in _ENDED.finditer(text)]
    text = text[ends[-1] :] if ends else text  # a chat template may have begun the thoughts
    return "" if _BEGUN.search(text) else text.strip()  # what stands before thoughts that go on is no last word


def thinks_alone(reply: str) -> bool:
    """Whether the reply has thoughts, and nothing behind them."""
    return not without_thoughts(reply) and (_BEGUN.search(reply) or _ENDED.search(reply)) is not None
