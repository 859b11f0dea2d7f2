"""Numbers and negations that were heard otherwise: one word of a long text, and it says something else."""

from collections import Counter

from voxsmith.models.text.comparable import comparable
from voxsmith.models.text.digit_readings import NUMBER_WORDS, as_ordinal, plural

_NOT = frozenset(["not", "never", "no", "none", "nothing", "nobody", "without"])
# What sounds like a number is no other number: "one" and "a", "four" and "for".
_ALIKE = {"one": ("a", "an", "won", "i"), "two": ("to", "too"), "four": ("for", "fore"), "eight": ("ate",),
          "zero": ("oh", "o"), "six": ("sex",), "ten": ("tin",)}  # fmt: skip
_COUNTED = NUMBER_WORDS | {as_ordinal(word) for word in NUMBER_WORDS} | {plural(word) for word in NUMBER_WORDS}


def changed_words(said: str, heard: str) -> str:
    """Where a number was heard otherwise, or a number or a "not" is missing or too many: "'fifteen' as 'fifty'"; else "".

    A word that sounds the same ("to" for "two") is not counted. As long as `comparable` takes.
    """
    import jiwer

    words, others = comparable(said, heard)
    if not words or not others:
        return ""
    for chunk in jiwer.process_words(" ".join(words), " ".join(others)).alignments[0]:
        mine, theirs = words[chunk.ref_start_idx : chunk.ref_end_idx], others[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "substitute":  # "Knut" as "not" is a name misheard; a number in place of one is not
            wanted, got = _numbers(mine), _numbers(theirs)
            lost = [word for word in (wanted - got).elements() if not set(_ALIKE.get(word, ())) & set(theirs)]
            if lost:
                return f"'{' '.join(mine)}' as '{' '.join(theirs)}'"
        elif chunk.type != "equal" and any(word in _COUNTED or word in _NOT for word in (*mine, *theirs)):
            return f"'{' '.join(mine)}' not at all" if mine else f"'{' '.join(theirs)}' where nothing is written"
    return ""


def _numbers(words: list[str]) -> Counter[str]:
    return Counter(word for word in words if word in _COUNTED)
