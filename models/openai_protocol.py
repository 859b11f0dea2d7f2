"""What is read of a server's replies in the OpenAI protocol. Each field's type is checked here, once; others are passed over.

A reply may be anything: a page, half an object, numbers that are none. Whatever it is, `read` raises Unreadable or gives
values of the types below.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, FailFast, Field, RootModel, ValidationError

from voxsmith.schemas.text import clean


def _clean(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_clean)]  # JSON's escapes may give half a surrogate pair
# Of any type, and passed over where it is no text: servers have no common form for thoughts.
Thoughts = Annotated[Text | None, BeforeValidator(lambda value: value if isinstance(value, str) else None)]
Count = Annotated[int, Field(ge=0, le=2**31)]
_CUT = ("length", "max_tokens", "model_length", "abort", "aborted", "error", "timeout")
_MANY = 10_000  # of a list: an object of Python takes far more memory than the three letters that make it
M = TypeVar("M", bound=BaseModel)
Code = Text | int | None  # a word of OpenAI's, and a number of llama.cpp's


class Unreadable(ValueError):
    """It isn't such a reply; the message says why in a line."""


class Usage(BaseModel):
    """Tokens read and written; None where the server doesn't count."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class Part(BaseModel):
    """A part of a message that comes in parts. Thoughts and pictures are parts, too, and have no `text`."""

    type: Text = "text"
    text: Text | None = None
    refusal: Text | None = None


class Parts(RootModel[Annotated[list[Part], FailFast(), Field(max_length=_MANY)]]):
    """The parts of a message, in order."""


class Message(BaseModel):
    content: Text | Parts | None = None
    refusal: Text | None = None
    reasoning_content: Thoughts = None  # llama.cpp's, SGLang's, vLLM's
    reasoning: Thoughts = None  # newer vLLM's, OpenRouter's, Ollama's


class Choice(BaseModel):
    finish_reason: Text | None = None
    message: Message | None = None  # of a chat
    text: Text | None = None  # of a prompt that is gone on with

    @property
    def said(self) -> str | None:
        """The text; None where there is none at all, as of a model that has thought and not spoken."""
        content = self.message.content if self.message else self.text
        if not isinstance(content, Parts):
            return content
        texts = [part.text for part in content.root if part.text is not None and part.type in ("text", "output_text")]
        return "".join(texts) if texts else None

    @property
    def said_or_thought(self) -> str:
        """The text; where there is none, thoughts in their field as a model writes them that were cut before it spoke."""
        said = self.said or ""
        if said.strip() or self.message is None:
            return said
        thoughts = self.message.reasoning_content or self.message.reasoning or ""
        return f"<think>{thoughts}" if thoughts.strip() else said

    @property
    def refusal(self) -> str:
        """Why the model or a filter doesn't answer; "" where it does."""
        if self.message is None:
            return ""
        parts = self.message.content.root if isinstance(self.message.content, Parts) else []
        return self.message.refusal or next((part.refusal for part in parts if part.refusal), "")


class Reply(BaseModel):
    """To a prompt or a chat."""

    choices: Annotated[list[Choice], FailFast(), Field(min_length=1, max_length=_MANY)]
    usage: Usage | None = None


class Model(BaseModel):
    id: Text


class Models(BaseModel):
    """What a server has."""

    data: Annotated[list[Model], FailFast(), Field(max_length=_MANY)]


class _Error(BaseModel):
    message: Text
    code: Code = None
    type: Code = None


class _ErrorBody(BaseModel):
    """OpenAI's, llama.cpp's and newer vLLM's: {"error": {"message": …}}."""

    error: _Error


class _Refusal(BaseModel):
    """What others say in JSON: {"error": "…"}, {"message": "…"}, {"detail": "…"} or {"detail": {"message": "…"}}."""

    error: Text | None = None
    message: Text | None = None
    detail: Text | _Error | None = None


@dataclass(frozen=True)
class Complaint:
    """What a server says beside a status that isn't 200. `message`: for people; `kind`: code, type and message, in lower
    case; `is_json`: it is an object that says why; `is_protocol`: as the protocol has it.
    """

    message: str
    kind: str
    is_json: bool = False
    is_protocol: bool = False


def complaint(content: bytes) -> Complaint:
    """What the body of an error says. Raises nothing."""
    try:
        return _complaint(read(_ErrorBody, content).error, True)
    except Unreadable:
        pass
    try:  # older vLLM's: {"object": "error", "message": …, "type": …}
        error = read(_Error, content)
        return _complaint(error, error.type is not None)
    except Unreadable:
        pass
    try:
        other = read(_Refusal, content)
    except Unreadable:
        other = _Refusal()
    detail = other.detail.message if isinstance(other.detail, _Error) else other.detail
    message = other.error or other.message or detail or ""
    text = message or content.decode(errors="replace")
    return Complaint(text, text.lower(), bool(message))


def _complaint(error: _Error, is_protocol: bool) -> Complaint:
    return Complaint(error.message, f"{error.code} {error.type} {error.message}".lower(), True, is_protocol)


def was_cut(finish_reason: str | None, tokens: int, max_tokens: int) -> bool:
    """Whether a reply stopped in its midst: the server says so, or it has as many tokens as it may; then some servers say
    "stop" all the same, or nothing.
    """
    return finish_reason in _CUT or tokens >= max_tokens


def read(shape: type[M], content: bytes) -> M:
    """The body of a reply. Raises Unreadable."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:  # an integer of 5,000 digits is a ValueError, too
        raise Unreadable(f"not JSON: {error}") from None
    return checked(shape, value)


def checked(shape: type[M], value: Any) -> M:
    """The value, read as JSON, with its types checked. Raises Unreadable."""
    try:
        return shape.model_validate(value)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if "[" not in str(part))  # pydantic names its own parts so
        raise Unreadable(f"{place or 'all of it'}: {first['msg']}") from None
