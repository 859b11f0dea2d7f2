"""Prompts: Jinja files, read when the recipe is."""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationInfo, model_validator

from voxsmith.schemas.paths import find, looked_in
from voxsmith.schemas.strict import Strict

# Sandboxed: a prompt that came from somewhere else reaches no Python behind the variables that it is given.
_JINJA = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
)


class Prompt(Strict):
    """A prompt file's text. In a recipe it is written as the file's path, beside the recipe or where the command runs."""

    text: str
    path: str

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        path = find(value, info, os.path.isfile)
        if path is None:
            raise ValueError(f"no such prompt file: {value}{looked_in(value, info)}")
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
        try:
            _JINJA.parse(text)
        except TemplateSyntaxError as error:
            raise ValueError(f"{path}, line {error.lineno}: not a Jinja template: {error.message}") from None
        return {"text": text, "path": path}

    def variables(self) -> list[str]:
        """Names that the text expects to be filled in."""
        return sorted(meta.find_undeclared_variables(_JINJA.parse(self.text)))

    @property
    def head(self) -> str:
        """The text before the first variable or block: what all requests made of this prompt begin with."""
        return re.split(r"\{[{%#]", self.text, maxsplit=1)[0]

    def render(self, **variables: Any) -> str:
        """The text with its variables filled in. Raises jinja2.UndefinedError for one that isn't given."""
        return _template(self.text).render(**variables)


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    """Compiled once: that takes a hundred times as long as filling it in."""
    return _JINJA.from_string(text)
