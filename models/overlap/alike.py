"""Whether two requests are near-identical: the same request, one of them with a word more or another form of a word.

Alikeness in letters or words does not tell: "name three rivers in Germany" and "name three rivers in France" share four
words of five and are two questions. So a content word is never put for another one, nor a number, nor a negation.
"""

from difflib import SequenceMatcher
from functools import cache, lru_cache
from typing import Any

# Words that may come or go, or stand for each other. What says a direction (from, to, by) is none of them.
_SAID = """
    a an the of in on at for about as that this these those it its is are be been am do does did your my our some any
    please kindly just also very really so me us you i we there here can could would will should may might have has had
    given following below provided
"""
_LIGHT = frozenset(_SAID.split())
# Words that turn a request into another one, though they are short.
_TURNS_IT = "not no never none without except only least most less more or before after under over above minus"
_TURNING = frozenset(_TURNS_IT.split())
_SHARE, _FEW = 0.1, 3  # of the words may differ, or so many
_LONG = 20  # words of a request, for each of which one of content may be too many


def is_light(word: str) -> bool:
    """Whether the word carries no content."""
    return word in _LIGHT


def content(words: list[str]) -> list[str]:
    """The words that carry content."""
    return [word for word in words if word not in _LIGHT]


def near_identical(one: list[str], other: list[str]) -> bool:
    """Whether both are the same request, as `words_of` and `core_of` give them.

    At most a tenth of the words, or three, come, go or have another form (river, rivers); what comes or goes is light, but
    for one word in twenty of a long request.
    """
    longer, shorter = max(len(one), len(other)), min(len(one), len(other))
    most = max(_FEW, int(_SHARE * longer))
    if longer - shorter > most or not shorter:
        return False
    changed = added = 0
    for kind, start, end, begin, stop in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, come = one[start:end], other[begin:stop]
        changed += max(len(gone), len(come))
        if changed > most or any(_turns(word) for word in (*gone, *come)):
            return False
        if gone and come and _stems(gone) != _stems(come):
            return False
        if not gone or not come:
            added += len(content([*gone, *come]))
            if added > shorter // _LONG:
                return False
    return True


def _turns(word: str) -> bool:
    return word in _TURNING or any(char.isdecimal() for char in word)


def _stems(words: list[str]) -> list[str]:
    """Of the words that carry content, in order."""
    return [stem(word) for word in content(words)]


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """What the forms of a word have in common (Snowball's English stemmer)."""
    if not word.isalpha():
        return word
    shortened: str = _stemmer().stemWord(word)
    return shortened
