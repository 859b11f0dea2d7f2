"""Keys, tokens and passwords: what is one by its shape, or because a variable of the environment holds it.

A recipe holds none, because manifests and cards repeat recipes; and none leaves with a corpus. No message repeats one.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from markupsafe import escape

# What issuers have made recognisable. RE2 reads these too: no looking around, no backreferences.
SHAPES = {
    "what looks like a token of the Hub": r"\bhf_[A-Za-z0-9]{16,}",
    "what looks like a key of an LLM's server": r"\b(?:sk-[A-Za-z0-9_-]*[A-Za-z0-9]{16,}|gsk_[A-Za-z0-9]{20,}|nvapi-[A-Za-z0-9_-]{20,})",
    "what looks like a key of AWS": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "what looks like a key of Google": r"\b(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,})",
    "what looks like a token of GitHub, GitLab or Slack": (
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,})"
    ),
    "what looks like a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+",
    "a private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
    # Not ${PASSWORD} or <password>, which stand in examples.
    "an address with a password": r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*:[^\s/?#@$<{\[*%][^\s/?#@]*@",
}
ANY_SHAPE = "|".join(f"(?:{shape})" for shape in SHAPES.values())
_IN = {kind: re.compile(shape, re.ASCII) for kind, shape in SHAPES.items()}
_VARIABLE = re.compile(
    r"(?:^|_)(?:TOKENS?|SECRETS?|PASSWORD|PASSWD|PASS|CREDENTIALS?|KEY|APIKEY|PAT)(?:_|$)", re.IGNORECASE
)
_NO_VALUE = re.compile(r"_(?:FILE|PATH|DIR|URL|URI|ENDPOINT|NAME|TYPE|ENV)$", re.IGNORECASE)  # says where it is
LEAST = 8  # letters of a value; a shorter one may be any word
_DEEPEST = 200  # lists and mappings in each other that are looked into: no recipe has as many


class Secrets:
    """What a text must not hold: the shapes, and `values` by what they are."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = {form: kind for value, kind in values.items() for form in _forms(value)}

    def kind_in(self, text: str) -> str | None:
        """What secret the text holds; None where it holds none."""
        known = next((kind for value, kind in self.values.items() if value in text), None)
        return known or next((kind for kind, shape in _IN.items() if shape.search(text)), None)

    def within(self, value: Any) -> Iterator[tuple[str, str]]:
        """The places in nested lists and mappings, their keys too, where a secret is: "a.b.c", and what it is."""
        seen: set[int] = set()

        def walk(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
            if isinstance(value, str):
                if kind := self.kind_in(value):
                    yield self.hide(".".join(place)), kind
            elif isinstance(value, Mapping | list | tuple) and id(value) not in seen and len(place) < _DEEPEST:
                seen.add(id(value))
                for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
                    yield from walk(str(name), (*place, "(a key)"))
                    yield from walk(inner, (*place, str(name)))

        yield from walk(value, ())

    def hide(self, text: str) -> str:
        """The text with a mark for each secret in it."""
        for value in sorted(self.values, key=len, reverse=True):
            text = text.replace(value, "(secret)")
        for shape in _IN.values():
            text = shape.sub(_mark, text)
        return text


def _mark(match: re.Match[str]) -> str:
    scheme, sign, _ = match[0].partition("://")
    return f"{scheme}://(secret)@" if sign else "(secret)"


def secrets_here(variables: Iterable[str] = (), more: Mapping[str, str] | None = None) -> Secrets:
    """The secrets of this process: the values of variables whose names say so, of those named here (`api_key_env`), and
    `more`.
    """
    named = set(variables)
    values: dict[str, str] = {}
    for name, value in ((name, value.strip()) for name, value in os.environ.items()):
        says_so = name in named or (_VARIABLE.search(name) and not _NO_VALUE.search(name))
        if says_so and not _is_plain(value):
            values[value] = f"the value of the environment variable {name}"
    return Secrets(values | dict(more or {}))


def _is_plain(value: str) -> bool:
    """Whether the value can't be told from what a text may say: a word, a number, a path."""
    word, number = value.isalpha() and len(value) < 16, value.isdigit() and len(value) < 12
    return len(value) < LEAST or word or number or value.startswith("/")


def _forms(value: str) -> set[str]:
    """The value as texts, JSON and HTML have it."""
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], str(escape(value))}
