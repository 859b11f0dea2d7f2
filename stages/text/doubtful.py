"""What a recogniser heard, where no person's transcript says what was said: is it speech at all?

Recognisers fill silence and music with phrases, and go round in circles. Both show in the text and the clip's seconds.
"""

import re

_ROUNDS = 4  # times that the same words follow each other: three are said now and then ("no, no, no")
_LONGEST = 12  # words of what is repeated


def doubt(heard: str, seconds: float, least: float, most: float) -> str:
    """Why this can't be what is said in so many seconds; "" where nothing speaks against it. `least`, `most`: letters and
    digits a second.
    """
    rate = sum(char.isalnum() for char in heard) / max(seconds, 1e-3)
    if not rate:
        return "nothing was heard"
    if rate < least or rate > most:
        return f"{rate:.1f} letters a second were heard; {least:g} to {most:g} can be spoken"
    words = [word for word in re.split(r"[\W_]+", heard.casefold()) if word]
    for size in range(1, _LONGEST + 1):
        for start in range(len(words) - size * _ROUNDS + 1):
            once = words[start : start + size]
            if words[start : start + size * _ROUNDS] == once * _ROUNDS:
                return f"'{' '.join(once)[:80]}' was heard {_ROUNDS} times and more, one behind the other"
    return ""
