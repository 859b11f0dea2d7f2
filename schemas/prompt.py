"""Prompts: Jinja files, read when the recipe is."""

import os
import re
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationInfo, model_validator

from voxsmith.schemas.paths import find, looked_in
from voxsmith.schemas.strict import Strict
from voxsmith.schemas.template import LONGEST, PromptFault, checked, fill_in


class Prompt(Strict):
    """A prompt file's text. In a recipe it is written as the file's path, beside the recipe or where the command runs."""

    written_as: ClassVar[str] = "a template's path"

    text: str
    path: str

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Prompt):
            return value
        if not isinstance(value, str):
            raise ValueError("write the path of a prompt file")
        path = find(value, info, os.path.isfile)
        if path is None:
            raise ValueError(f"no such prompt file: {value}{looked_in(value, info)}")
        return {"text": _text(path), "path": path}

    @model_validator(mode="after")
    def _may_be_filled_in(self) -> Self:
        try:
            checked(self.text)
        except ValueError as error:
            raise ValueError(f"{self.path}{error}") from None
        return self

    def variables(self) -> list[str]:
        """Names that the text expects to be filled in."""
        return list(checked(self.text).variables)

    @property
    def head(self) -> str:
        """The text before the first variable or block: what all requests made of this prompt begin with."""
        return re.split(r"\{[{%#]", self.text, maxsplit=1)[0]

    def render(self, **variables: Any) -> str:
        """The text with its variables filled in. Raises PromptFault where that fails or makes too much text."""
        try:
            return fill_in(self.text, variables)
        except PromptFault as fault:
            raise PromptFault(f"{self.path}{fault}") from None


def _text(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.read(LONGEST + 1)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path}: can't be read: {error.strerror}") from None
