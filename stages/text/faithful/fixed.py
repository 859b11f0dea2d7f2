"""What stays word by word at each level: quoted words, and the material to work on."""

import re
from difflib import SequenceMatcher

from voxsmith.models.text.verbalise import verbalise
from voxsmith.models.text.words import content_words, with_digits, words
from voxsmith.stages.text.speakable import Fault

_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]|(?<!\w)['‘]([^'‘’]{2,}?)['’](?!\w)")


def quotations(task: str) -> list[str]:
    """Quoted words and titles. What is longer is the instruction itself between quotation marks."""
    quoted = [match[1] or match[2] for match in _QUOTED.finditer(task)]
    return [text for text in quoted if len(words(text)) <= 15]


def quote_fault(said: str, task: str, source: str) -> Fault | None:
    heard, there = (f" {' '.join(with_digits(text))} " for text in (said, source))
    for quote in quotations(task):
        wanted = f" {' '.join(with_digits(verbalise(quote)))} "
        if wanted.strip() and heard.count(wanted) < there.count(wanted):
            return Fault("quote", f"quoted words changed or dropped: {wanted.strip()!r}")
    return None


def holds(said: str, context: str) -> bool:
    """Whether the request brings the material to work on."""
    return material_fault(said, verbalise(context)) is None


def material_fault(said: str, material: str) -> Fault | None:
    wanted, got = with_digits(material), with_digits(said)
    if not wanted:
        return None
    same = sum(block.size for block in SequenceMatcher(None, wanted, got, autojunk=False).get_matching_blocks())
    labels = set(content_words(" ".join(re.findall(r"[\w ]+(?=:)", material))))
    there = set(content_words(said))
    lost = [word for word in content_words(material) if word not in there and word not in labels]
    if lost or same < 0.85 * len(wanted):
        return Fault(
            "context", f"{same} of the {len(wanted)} words to work on are there, in order; lost: {', '.join(lost)}"
        )
    return None


def before_material(said: str, material: str) -> str:
    """The request without its material, where that follows word by word."""
    at = said.lower().rfind(material.lower()) if material else -1
    return said[:at] if at > 0 else said
