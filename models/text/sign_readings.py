"""What a lone sign can be said as, by what stands beside it: "&", "=", a dash, "#" before a number or behind a letter."""

import re

from voxsmith.models.text.lattice import Lattice, either, phrase
from voxsmith.models.text.symbols import CURRENCIES

_SIGNS = {
    "&": ("and", "ampersand"), "=": ("equals", "is", "equal to", "is equal to", "equal"), "×": ("times", "by", "multiplied by"),
    "÷": ("divided by", "over"), "±": ("plus or minus",), "≈": ("approximately", "about", "is about"), "~": ("", "about",
    "approximately", "around"), "°": ("degrees", "degree"), "@": ("at",), "%": ("percent",), "²": ("squared",),
    "³": ("cubed",), "^": ("to the power of", "to the", "caret"), "√": ("the square root of", "square root of", "root"),
    "<": ("less than", "is less than"), ">": ("greater than", "is greater than", "more than"), "≤": ("less than or equal to",
    "is less than or equal to", "at most", "is at most"), "≥": ("greater than or equal to",
    "is greater than or equal to", "at least", "is at least"), "≠": ("not equal to", "is not equal to"),
    "$": ("dollars", "dollar", "dollar sign"), "€": ("euros", "euro"), "£": ("pounds", "pound"), "¢": ("cents", "cent"),
    "_": ("", "underscore"), "π": ("pi",), "*": ("", "times", "star", "asterisk"), "∞": ("infinity",),
    "/": ("", "slash", "or", "per", "and", "over", "divided by"),
}  # fmt: skip
_RANGE = ("", "to", "minus", "dash", "through", "hyphen")
_BELOW = re.compile(r"\w ?$")
_DIGIT = re.compile(r"\d ?$")


def sign(match: re.Match[str]) -> Lattice:
    """Of the one character that was matched; silence where it has no name."""
    text, start, end = match.string, match.start(), match.end()
    before, after, left = text[start - 1 : start], text[end : end + 1], text[max(0, start - 2) : start]
    if match[0] == "-":
        return _dash(before, after, left)
    if match[0] == "#":
        return _hash(before, after)
    if match[0] == "+":
        return phrase("plus") if before.isalpha() else either("plus", "and")
    if match[0] in "<>" and after == "=":
        return either(*_SIGNS["≤" if match[0] == "<" else "≥"])
    if match[0] == "=" and before and before in "<>!=":
        return phrase("")
    return either(*_SIGNS.get(match[0], ("",)))


def _dash(before: str, after: str, left: str) -> Lattice:
    """Behind a number it may be silent, as in "555-0142"; where a number begins with it, it is a minus."""
    number_follows = after.isdigit() or (after in CURRENCIES)
    if number_follows and not before.isalnum():
        return either("minus", "negative", *(("", "to") if _BELOW.search(left) else ()))
    return either(*_RANGE) if _DIGIT.search(left) else either("", "dash", "hyphen", "minus")


def _hash(before: str, after: str) -> Lattice:
    if after.isdigit():
        return either("number", "hashtag", "pound", "hash", "")
    if after.isalpha():
        return either("hashtag", "hash")
    return either("sharp", "hash") if before.isalpha() else phrase("")
