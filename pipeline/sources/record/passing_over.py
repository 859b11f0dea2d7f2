"""Passing over an element of a JSON list that is too large to be kept: where it ends, in bounded memory."""

import re
from collections.abc import Callable

from voxsmith.schemas.lines import Digest, TooLarge

_QUOTED = re.compile(
    r'(?:[^"\\]++|\\.)*+', re.DOTALL
)  # up to the quote that ends a text, or a backslash that is cut off
_PLAIN = re.compile(r'(?:[^"\[\]{}]++|\{\}|\[\])*+')
_NUMBER = re.compile(r"[^\s,\[\]{}\"]*+")
_CLOSES = {"[": "]", "{": "}"}
_DEEPEST = 1 << 20


class Endless(ValueError):
    """No such element ends here; the message says why."""


def pass_over(text: str, at: int, read: Callable[[], str]) -> tuple[TooLarge, str, int]:
    """The element that starts at `text[at]` and goes on in what `read` returns, "" at the end; and the text behind it, with
    the place where that starts. Raises Endless where brackets don't match, or the end comes first.
    """
    digest = Digest()
    open_: list[str] = []
    quoted, start, number = False, at, text[at : at + 1] not in ('"', "[", "{")
    while True:
        if quoted:
            at = _QUOTED.match(text, at).end()  # type: ignore[union-attr]
            quoted = text[at : at + 1] != '"'
            at += not quoted
        elif number:
            at = _NUMBER.match(text, at).end()  # type: ignore[union-attr]
            number = at == len(text)
        else:
            at = _PLAIN.match(text, at).end()  # type: ignore[union-attr]
            quoted = _step(open_, text[at : at + 1])
            at += at < len(text)
        if not (quoted or number or open_):
            digest.add(text, start, at)
            return digest.text, text, at
        if at == len(text) or (quoted and text[at : at + 1] == "\\"):
            digest.add(text, start, at)
            more = read()
            if not more and not number:
                raise Endless("the list isn't closed")
            if not more:
                return digest.text, "", 0
            text, at, start = text[at:] + more, 0, 0


def _step(open_: list[str], sign: str) -> bool:
    """Notes a bracket; whether a text begins. The end of what was read is no sign."""
    if sign in _CLOSES:
        open_.append(_CLOSES[sign])
        if len(open_) > _DEEPEST:
            raise Endless(f"more than {_DEEPEST} lists in lists")
    elif sign in ("]", "}") and (not open_ or open_.pop() != sign):
        raise Endless(f"'{sign}' closes what isn't open")
    return sign == '"'
