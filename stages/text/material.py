"""What is asked, and the material it is asked of: told apart also where both stand in one text.

Alpaca has a field for the material, but often writes it behind the task; UltraChat puts passages before or behind the
question with phrases of its own ("Generate according to:"), which nobody would say aloud.
"""

import re

from voxsmith.models.text.words import words
from voxsmith.stages.text.plain_request import is_request

# What Alpaca's authors put where there is nothing to work on.
_NOTHING = re.compile(
    r"\W*(?:no ?(?:i?n?put|context).*|n/?a|none|nil|null|not applicable|input|empty|blank|example|\(?optional\)?)?\W*",
    re.I,
)
_THING = (
    "sentence|sentences|statement|passage|text|paragraph|quote|phrase|question|article|story|poem|conversation|excerpt|"
    "dialogue|review|tweet|headline|proverb|idiom|fact|scenario|situation|problem|summary|description"
)
_SURE = (
    r"Read the passage below and answer the question or follow the instruction:\s*(?P<task>.+?)\s*\n+"
    r"Passage:\s*(?P<material>.+)",
    r"(?P<task>.+?[?.!])\s*:?\s*(?:Generate|Answer) according to:\s*(?P<material>.+)",
    r"(?P<task>[^\n]+?\?):\s+(?P<material>.+)",
    r"(?:(?:Given the text|Here is a piece of text):\s*)?(?P<material>.+?)\s*"
    r"Based on the (?:passage|text)[^,\n]{0,30}, (?P<task>[^\n]+)",
    r"(?:Given the text|Here is a piece of text):\s*(?P<material>.+)\n(?P<task>[^\n]+)",
)
_LIKELY = (
    rf"(?P<task>[^\n]*\b(?:following|this|below|given)\s+(?:\w+\s+){{0,2}}?(?:{_THING})[^\n.?!:]*):\s*"
    r"(?P<material>[\"“'A-Z].+)",
    r"(?P<task>[^\n]+[.?:!])\s*\n+(?P<material>.+)",
    r"(?P<task>[^\n]+)\n+(?P<material>[\"“'A-Z\d].+)",
)
# Where both parts stand in one text; true where the wording itself says which is which.
_LAYOUTS = [(re.compile(pattern, re.S), pattern in _SURE) for pattern in (*_SURE, *_LIKELY)]


def split_context(instruction: str, context: str | None) -> tuple[str, str]:
    """The task and its material. Context that says nothing ("noinput"), or that the task repeats, is none."""
    task, context = instruction.strip(), (context or "").strip()
    if context and task.endswith(context):
        task = task[: -len(context)].rstrip() or task
    if _NOTHING.fullmatch(context) or " ".join(words(context)) in " ".join(words(task)):
        return _inside(task)
    return task, context


def _inside(text: str) -> tuple[str, str]:
    for layout, sure in _LAYOUTS:
        match = layout.fullmatch(text)
        if not match:
            continue
        task, material = match["task"].strip(), match["material"].strip()
        if not is_request(task) or len(words(task)) < 3 or len(words(material)) < 2:
            continue
        if sure or not is_request(material):
            return task[0].upper() + task[1:], material
    return text, ""
