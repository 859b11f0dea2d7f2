"""Tokens to text, one after another."""

from typing import Any

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"  # a tokeniser's for bytes that are no whole letter yet


class TextStream:
    """Text as tokens come. Joined, it is what the tokeniser makes of all tokens at once.

    What a token adds depends on the one before it (a space, mostly), so the last ones are decoded anew with it, and not all.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._from, self._said = 0, 0  # where the tokens begin that are decoded; up to where text has been given out

    def add(self, token: int) -> str:
        """The text that the token completes."""
        self._ids.append(token)
        more = self._more()
        if not more or more.endswith(_INCOMPLETE):
            return ""
        self._from, self._said = self._said, len(self._ids)
        return more

    def end(self) -> str:
        """What is left, of a letter that was cut in the middle."""
        more = self._more()
        self._from = self._said = len(self._ids)
        return more

    def _more(self) -> str:
        before = self._decoded(self._ids[self._from : self._said])
        return self._decoded(self._ids[self._from :])[len(before) :]

    def _decoded(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
