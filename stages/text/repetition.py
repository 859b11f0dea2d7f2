"""What a text says over and over: the usual way for a small model to go astray."""

import re
from collections import Counter

from voxsmith.models.text.words import FILLERS, STOPWORDS, stem, words


def loop(text: str) -> str | None:
    """The words that come back too often, or None. Verse may repeat a line's beginning twice, but no more."""
    sentences = [words(part) for part in re.split(r"[.!?;]", text)]
    said = words(text)
    return _same_sentence(sentences) or _in_a_row(said) or _phrase(said) or _openings(sentences) or _one_word(said)


def latin_loop(text: str) -> str | None:
    """As `loop`, None of a text in other letters: words of those aren't told apart here."""
    letters = [char for char in text if char.isalpha()]
    latin = sum(char < "\u0250" for char in letters)
    return loop(text) if 2 * latin >= len(letters) else None


def endless(text: str) -> str | None:
    """What is written four times or more in a row, in any letters, or None: "haha" may be, "hahahahahaha" is not."""
    match = re.search(r"(\w)\1{9,}|(\S{2,30}?)\2{4,}|(.{4,40}?)\3{3,}", text)
    return match[0][:40] if match else None


def _same_sentence(sentences: list[list[str]]) -> str | None:
    long = [" ".join(sentence) for sentence in sentences if len(sentence) >= 3]
    return next((sentence for sentence in long if long.count(sentence) > 1), None)


def _in_a_row(said: list[str]) -> str | None:
    for size, times in ((1, 4), (2, 3), (4, 2)):
        for start in range(len(said) - size * times + 1):
            piece = said[start : start + size]
            if all(said[start + n * size : start + (n + 1) * size] == piece for n in range(times)):
                return " ".join(piece)
    for start in range(len(said) - 4):  # "audio guides, and audio guides"
        if said[start : start + 2] == said[start + 3 : start + 5] and _content(said[start : start + 2]) == 2:
            return " ".join(said[start : start + 2])
    return None


def _phrase(said: list[str]) -> str | None:
    """A phrase that comes back, the sooner a fault the longer it is and the more of its words mean something."""
    for size, least, times, within in (
        (6, 1, 2, 1000),
        (5, 2, 2, 1000),
        (4, 2, 2, 1000),
        (4, 0, 3, 1000),
        (2, 2, 3, 40),
        (3, 2, 2, 20),
    ):
        counts = Counter(tuple(said[start : start + size]) for start in range(len(said) - size + 1))
        if len(said) <= within:
            for phrase, count in counts.items():
                if count >= times and _content(phrase) >= least:
                    return " ".join(phrase)
    return None


def _openings(sentences: list[list[str]]) -> str | None:
    openings = [tuple(sentence[:4]) for sentence in sentences if len(sentence) >= 5]
    same = next((opening for opening in openings if openings.count(opening) >= 3), None)
    return " ".join(same) if same else None


def _one_word(said: list[str]) -> str | None:
    counts = Counter(stem(word) for word in said if _content((word,)))
    return next((word for word, count in counts.items() if count >= 4 and count >= 0.25 * len(said)), None)


def _content(piece: tuple[str, ...] | list[str]) -> int:
    return sum(word not in STOPWORDS and word not in FILLERS for word in piece)
