"""A later question of a dialogue: written for answers that we don't keep, so it may change more than a first one."""

import re

from voxsmith.models.text.verbalise import verbalise
from voxsmith.models.text.words import content_words, numbers, words
from voxsmith.stages.text.plain_request import without_filler
from voxsmith.stages.text.repetition import loop
from voxsmith.stages.text.speakable import Fault

_ANSWERS = re.compile(r"(?:sure|certainly|of course|yes|no|here(?:'s| is| are))\b[,!.]? (?:i|here|the|it|you)\b", re.I)


def said_as_written(task: str) -> str:
    """The question in words, without "hey" and the like in front: people's follow-ups are near to speech already."""
    said = without_filler(verbalise(task))
    return said if said[-1:] in ".?!" else f"{said}."


def fits(said: str, task: str, history: list[dict[str, str]], least: float = 0.6) -> Fault | None:
    """The first way in which a rewritten follow-up strays from the written one and from what was said, or None.

    `history`: earlier turns, "query" and "answer" of each; words of theirs may come in. `least`: share of the content
    words that must come back, of those sentences that ask (what is said of somebody else's answer may go).
    """
    earlier = " ".join(f"{turn['query']}. {turn['answer']}." for turn in history)
    written = verbalise(task)
    asking = " ".join(re.findall(r"[^.?!]+\?", written)) or written
    wanted, got = list(dict.fromkeys(content_words(asking))), list(dict.fromkeys(content_words(said)))
    known = {*content_words(written), *content_words(earlier)}
    if " ".join(words(said)) in {" ".join(words(turn["query"])) for turn in history}:
        return Fault("echo", "it asks what was asked before")
    if new := [number for number in numbers(said) if number not in (*numbers(written), *numbers(earlier), "1")]:
        return Fault("number", f"numbers that nobody said: {', '.join(new)}")
    if lost := [number for number in numbers(written) if number not in (*numbers(said), "1")]:
        return Fault("number", f"numbers lost: {', '.join(lost)}")
    if (kept := sum(word in got for word in wanted)) < least * len(wanted):
        return Fault("content", f"{kept} of {len(wanted)} content words kept")
    if len(novel := [word for word in got if word not in known]) > max(1, 0.2 * len(got)):
        return Fault("novel", f"words that nobody said: {', '.join(novel)}")
    if "?" in written and "?" not in said:
        return Fault("no_request", "the question is gone")
    if _ANSWERS.match(said) and not _ANSWERS.match(written):
        return Fault("no_request", "it answers instead of asking")
    if repeated := loop(said) if not loop(written) else None:
        return Fault("loop", f"it says over and over: {repeated!r}")
    if len(words(said)) > 1.3 * len(words(written)) + 10:
        return Fault("novel", f"{len(words(said))} words for the {len(words(written))} of the instruction")
    return None
