"""The level `literal`: an opener and a few small words may be added, all else is said as it is written."""

import re
from collections import Counter

from voxsmith.models.text.arithmetic import operators
from voxsmith.models.text.words import content_words, numbers, stem, with_digits, words
from voxsmith.stages.text.faithful.fixed import before_material, material_fault, quote_fault
from voxsmith.stages.text.faithful.parts import Parts
from voxsmith.stages.text.plain_request import is_request
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.tasks import STEMS, same_task, verb_of

_POINTER_WORDS = "following given below above provided input output follow provide need ask task required"
_SMALL_TALK_WORDS = """
    want need help give tell know wonder wondering think curious question please thank thanks love try trying look
    looking request task mean let stuff thing hear appreciate kind quick favor hope go yeah lot bit idea ideas
    here's got good great mind possible way able work ask asking come up put together talk say interested
"""
# Too common to be content, and yet they turn a question round.
_QUALIFIERS = frozenset(
    ("most", "more", "least", "less", "fewest", "fewer", "all", "only", "same", "other", "each", "both")
)
_POINTERS = frozenset(stem(word) for word in _POINTER_WORDS.split())
_SMALL_TALK = frozenset(stem(word) for word in _SMALL_TALK_WORDS.split())
_ASKING = {
    "why": {"why", "reason", "reasons", "cause", "causes"},
    "how": {"how", "way", "ways", "steps"},
    "who": {"who", "who's", "whose", "whom"},
    "where": {"where", "where's"},
    "when": {"when", "when's"},
}
_NEGATION_WORDS = "not no never without neither nor none nothing nobody cannot except avoid"
_NEGATIONS = frozenset(_NEGATION_WORDS.split())  # and whatever ends in n't
_SUM = re.compile(r"[\d)a-z]\s?[-−–+*/x×÷]\s?[\d(]")
_SIDES = frozenset(("to", "into", "from", "than", "before", "after", "over", "with", "by"))


def strays(said: str, parts: Parts, min_kept: float) -> Fault | None:
    """The first way in which what is said strays from the instruction, or None.

    `min_kept`: least share of the task's content words that must come back.
    """
    task, material, source = parts.task_said, parts.material_said, parts.source
    return (
        _numbers(said, parts.written, source)
        or quote_fault(said, parts.task, source)
        or material_fault(said, material)
        or _asking(said, task)
        or _negations(said, source)
        or _kept(said, task, source, min_kept)
        or _order(said, task)
        or _sides(said, task)
        or (None if is_request(before_material(said, material)) else Fault("no_request", "it asks for nothing"))
    )


def _numbers(said: str, written: str, spoken: str) -> Fault | None:
    asked, got = Counter(numbers(spoken)), Counter(numbers(said))
    known = {*asked, *numbers(written), "1"}
    if lost := [number for number in asked if got[number] < asked[number] and number != "1"]:
        return Fault("number", f"numbers lost: {', '.join(lost)}")
    if new := [number for number in got if number not in known]:
        return Fault("number", f"numbers that the instruction doesn't have: {', '.join(new)}")
    signs, heard = operators(spoken), operators(said)
    if _SUM.search(written) and signs and signs != heard:
        return Fault("number", f"the sum has {_listed(signs)}, the request {_listed(heard)}")
    return None


def _listed(signs: Counter[str]) -> str:
    return ", ".join(sorted(signs.elements())) or "no such word"


def _asking(said: str, task: str) -> Fault | None:
    wanted, got = set(words(task)), set(words(said))
    for word, alike in _ASKING.items():
        if word in wanted and not got & alike:
            return Fault("task", f"it no longer asks {word!r}")
    if _became_question(said, task):
        return None
    verb = next((verb for sentence in re.split(r"[.?!:,]\s+", task) if (verb := _leading_verb(sentence))), None)
    if verb and not set(content_stems(said)) & same_task(stem(verb)):
        return Fault("task", f"it no longer asks to {verb}")
    return None


def _became_question(said: str, task: str) -> bool:
    """ "Explain why it rains" may become "Why does it rain?"."""
    return said.rstrip().endswith("?") and bool({"what", "why", "how", "who"} & set(words(task)) & set(words(said)))


def content_stems(text: str) -> list[str]:
    """Stems of all words, stopwords too: "put", "do" and the like are verbs of a task."""
    return [stem(word) for word in words(text)]


def _leading_verb(sentence: str) -> str | None:
    first, *more = [*sentence.split()[:2], ""]
    if verb := verb_of(first):
        return verb
    if first.lower().endswith("ly") or first.lower() in ("please", "then", "also", "and", "now"):
        return verb_of(more[0])
    return None


def _negations(said: str, source: str) -> Fault | None:
    def count(text: str) -> int:
        return sum(word in _NEGATIONS or word.endswith("n't") for word in words(text))

    asked, got = count(source), count(said)
    if asked != got:
        return Fault("negation", f"{asked} negations became {got}")
    return None


def _kept(said: str, task: str, source: str, min_kept: float) -> Fault | None:
    got = list(dict.fromkeys(content_words(said)))
    heard = set(got) | set(content_stems(said))
    wanted = [word for word in dict.fromkeys(content_words(task)) if word not in _POINTERS]
    lost = [word for word in wanted if word not in heard and not (word in STEMS and heard & same_task(word))]
    if _became_question(said, task) and (verb := _leading_verb(task)):
        lost = [word for word in lost if word != stem(verb)]
    lost += [word for word in words(task) if word in _QUALIFIERS and word not in words(said)]
    known = set(content_words(source)) | set(content_stems(source)) | _SMALL_TALK | STEMS | _POINTERS
    new = [word for word in got if word not in known and not word[0].isdecimal()]
    if len(lost) > (1 - min_kept) * len(wanted):
        return Fault("content", f"words dropped: {', '.join(lost)}")
    if lost and new:
        return Fault("content", f"words changed: {', '.join(lost)} became {', '.join(new)}")
    if len(new) > max(1, 0.2 * len(got)):
        return Fault("novel", f"words that the instruction doesn't have: {', '.join(new)}")
    if loop := _loop(said, source):
        return Fault("loop", f"it says over and over: {loop!r}")
    if len(words(said)) > 1.5 * len(words(source)) + 14:
        return Fault("novel", f"{len(words(said))} words for the {len(words(source))} of the instruction")
    return None


def _loop(said: str, source: str) -> str | None:
    """Three words that come back twice more than the instruction has them."""

    def threes(text: str) -> Counter[tuple[str, ...]]:
        said = words(text)
        return Counter(zip(said, said[1:], said[2:], strict=False))

    there = threes(source)
    return next((" ".join(three) for three, count in threes(said).items() if count > there[three] + 1), None)


def _order(said: str, task: str) -> Fault | None:
    """Content words may move as one block ("Given a word, spell it": "Spell a given word"), but not change places."""
    once = [word for word, count in Counter(content_words(task)).items() if count == 1]
    once = [word for word in once if word not in _SMALL_TALK]
    places = [place for word in content_words(said) if (place := once.index(word) if word in once else -1) >= 0]
    places = list(dict.fromkeys(places))
    rank = {place: i for i, place in enumerate(sorted(places))}
    row = [-1, *(rank[place] for place in places), len(places)]
    breaks = [i for i in range(len(row) - 1) if row[i + 1] != row[i] + 1]
    swapped = len(breaks) == 3 and breaks[2] - breaks[0] == 2
    if len(breaks) > 3 or swapped:
        return Fault("order", f"words changed places: {' '.join(once[place] for place in places)}")
    return None


def _sides(said: str, source: str) -> Fault | None:
    def pairs(text: str) -> set[tuple[str, str, str]]:
        stems = [stem(word) for word in with_digits(text) if word not in ("the", "a", "an")]
        return {(stems[i - 1], stems[i], stems[i + 1]) for i in range(1, len(stems) - 1) if stems[i] in _SIDES}

    there = pairs(source)
    for left, side, right in pairs(said):
        if (right, side, left) in there and (left, side, right) not in there:
            return Fault("order", f"{right} {side} {left} became {left} {side} {right}")
    return None
