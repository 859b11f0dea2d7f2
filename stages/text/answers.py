"""Is this a finished, honest answer to what was asked? Cheap checks that need no model, each with its reason code."""

import re
from difflib import SequenceMatcher

from stages.text.speakable import Fault, speakable
from stages.text.words import content_words, words

_SENTENCE_END = re.compile(r"[.!?…][\"'”’]?(?=\s|$)")
_PROMISE = re.compile(
    r"^(?:(?:sure|certainly|of course|absolutely|great|okay|yes)[,.!]?\s*)?(?:(?:i'd|i would|i'll|i will|i can|let me|i'm)\b"
    r".{0,40}\b(?:love|happy|glad|help|write|create|provide|assist|generate|try|do that|give you|make|tell you|going to)"
    r"|here(?:'s| is| are)\b)",
    re.I,
)
_REFUSAL = re.compile(
    r"\bas an? (?:ai|language model|artificial)|\bi(?:'m| am) (?:just )?an? (?:ai|language model|computer)"
    r"|\bi(?:'m| am) (?:sorry|unable|not able)|\bi (?:can(?:'t|not)|don't have (?:access|the ability|enough|personal))",
    re.I,
)
_BACK = re.compile(
    r"(?:what (?:would|do) you|could you (?:please )?(?:provide|clarify|tell|give)|can you (?:please )?(?:provide|clarify|tell)"
    r"|please (?:provide|share|give me|tell me|let me know)|would you like)",
    re.I,
)
_LIST = re.compile(r"^\s*(?:[-*•]|\d+[.)]|first:|one:)\s|:\s*$|;\s.*;\s.*;", re.I | re.M)
_LIST_LEAD = re.compile(r"\b(?:one|1)[.):]\s.*\b(?:two|2)[.):]\s", re.I | re.S)


def trimmed(text: str, least: int) -> str:
    """The text up to its last finished sentence, where at least `least` words remain; else the text as it is."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if not ends or ends[-1] == len(text):
        return text
    short = text[: ends[-1]]
    return short if len(words(short)) >= least else text


def answer_fault(
    answer: str, query: str, examples: tuple[str, ...], min_words: int, max_words: int, min_on_topic: float
) -> Fault | None:
    """The first thing wrong with an answer to `query`, or None. `examples`: answers in the prompt, which must not leak."""
    said, asked = words(answer), words(query)
    if not said:
        return Fault("empty", "the reply is empty")
    if _LIST.search(answer) or _LIST_LEAD.search(answer):
        return Fault("list", "the answer is a list")
    if fault := speakable(answer, min_words, max_words):
        return fault
    if not _SENTENCE_END.search(answer[-2:]):
        return Fault("cut", "the answer stops in the middle of a sentence")
    if repeated := loop(answer):
        return Fault("loop", f"the answer repeats itself: {repeated!r}")
    if _REFUSAL.search(answer):
        return Fault("refusal", "the answer refuses or talks about being a model")
    if (answer.rstrip().endswith("?") and not query.lower().count("question")) or _BACK.search(answer):
        return Fault("question_back", "the answer asks back")
    if _promises(answer):
        return Fault("empty_promise", "the answer promises to answer, and does not")
    if _echoes(said, asked):
        return Fault("echo", "the answer repeats the request")
    if example := _leaked(said, examples):
        return Fault("leak", f"the answer is an example of the prompt: {example[:60]!r}")
    return _off_topic(answer, query, min_on_topic)


def loop(text: str) -> str | None:
    """What the text says over and over: a sentence twice, or four words three times."""
    sentences = [" ".join(words(part)) for part in re.split(r"[.!?;]", text)]
    for sentence in sentences:
        if len(sentence.split()) >= 3 and sentences.count(sentence) > 1:
            return sentence
    said = words(text)
    for size, times in ((1, 4), (2, 3), (4, 2)):
        for start in range(len(said) - size * times + 1):
            piece = said[start : start + size]
            if all(said[start + n * size : start + (n + 1) * size] == piece for n in range(times)):
                return " ".join(piece)
    grams = [tuple(said[n : n + 4]) for n in range(len(said) - 3)]
    many = [gram for gram in grams if grams.count(gram) >= 3]
    if many:
        return " ".join(many[0])
    openings = [tuple(sentence.split()[:4]) for sentence in sentences if len(sentence.split()) >= 5]
    same = [opening for opening in openings if openings.count(opening) >= 3]
    return " ".join(same[0]) if same else None


def _promises(answer: str) -> bool:
    sentences = [part for part in re.split(r"(?<=[.!?])\s+", answer.strip()) if part]
    return len(sentences) <= 1 and bool(_PROMISE.search(answer)) and len(words(answer)) < 25


def _echoes(said: list[str], asked: list[str]) -> bool:
    if len(said) < 4 or not asked:
        return False
    match = SequenceMatcher(None, said, asked, autojunk=False)
    shared = sum(block.size for block in match.get_matching_blocks() if block.size >= 2)
    return shared >= 0.8 * len(said) and len(said) <= len(asked) + 4 and len(said) >= 0.5 * len(asked)


def _leaked(said: list[str], examples: tuple[str, ...]) -> str | None:
    for example in examples:
        other = words(example)
        if len(other) >= 4 and SequenceMatcher(None, said, other, autojunk=False).ratio() > 0.75:
            return example
    return None


def _off_topic(answer: str, query: str, least: float) -> Fault | None:
    """Of a longer answer some content word must be the request's; a short one may be a fact that shares none."""
    asked, said = set(content_words(query)), set(content_words(answer))
    if len(words(answer)) <= 8 or len(asked) < 2:
        return None
    shared = len(asked & said) / len(asked)
    if shared < least:
        return Fault(
            "off_topic", f"of the request's {len(asked)} content words the answer takes up {len(asked & said)}"
        )
    return None
