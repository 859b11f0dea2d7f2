"""The level `free`: a request in other words. Of each test the hard ones come first."""

import re
from collections import Counter

from voxsmith.models.text.words import words
from voxsmith.stages.text.faithful.asked import asked_fault
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.figures import number_fault
from voxsmith.stages.text.faithful.fixed import before_material, material_fault, quote_fault
from voxsmith.stages.text.faithful.kept import kept_fault
from voxsmith.stages.text.faithful.kinds import kind_fault
from voxsmith.stages.text.faithful.negation import negation_fault
from voxsmith.stages.text.faithful.parts import Parts
from voxsmith.stages.text.faithful.persons import person_fault
from voxsmith.stages.text.faithful.roles import role_fault
from voxsmith.stages.text.plain_request import is_request
from voxsmith.stages.text.speakable import Fault

# How a model begins its reply, not a person a request.
_META = re.compile(
    r"(?:sure|certainly|of course|absolutely|no problem|here you go)[,.!:]|here(?: is|'s) (?:the|a|an|your"
    r"|one) (?:\w+ )?"
    r"(?:version|rewrite|rewriting|rephrasing|paraphrase|request|way to say)\b|(?:spoken|rewritten|rephrased"
    r"|output|request)\b[^.?!,]{0,20}:",
    re.I,
)


def strays_freely(said: str, parts: Parts) -> Fault | None:
    """The first way in which what is said strays from the instruction, or None."""
    task, material, source = parts.task_said, parts.material_said, parts.source
    if _META.match(said) and not _META.match(parts.written):
        return Fault("meta", "it says what it is, not what is asked")
    request = before_material(said, material)
    return (
        number_fault(said, parts)
        or quote_fault(said, parts.task, source)
        or material_fault(said, material)
        or negation_fault(said, source)
        or (None if is_request(request) or is_request(said) else Fault("no_request", "it asks for nothing"))
        or person_fault(request, task, source)
        or kind_fault(request, task)
        or asked_fault(request, task)
        or kept_fault(said, parts)
        or role_fault(request, task)
        or _loop(said, source)
    )


def _loop(said: str, source: str) -> Fault | None:
    """Three words that come back twice more than the instruction has them."""

    def threes(text: str) -> Counter[tuple[str, ...]]:
        heard = words(evened(text))
        return Counter(zip(heard, heard[1:], heard[2:], strict=False))

    there = threes(source)
    loop = next((" ".join(three) for three, count in threes(said).items() if count > there[three] + 1), None)
    return Fault("loop", f"it says over and over: {loop!r}") if loop else None
