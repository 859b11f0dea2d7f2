"""What a row is used for: a task says which clip is heard, what is asked about it, and which text is the answer.

One row serves several tasks. Columns are those of exports; a part of a task that a row lacks leaves that row out. Training learns
tasks, and the stage `teacher` keeps what an LLM thinks of their answers: both read the same texts, because both take them here.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from voxsmith.schemas.columns import AUGMENTED, full_name, text_column
from voxsmith.schemas.languages import LANGUAGES

MARKER = "<|speech|>"  # stands in a request where the speech goes; it never reaches a tokeniser

TaskName = Literal["answer", "continue", "transcribe", "translate"]
# The first of these that an export has, where a recipe doesn't say.
_USUAL: dict[TaskName, tuple[str, ...]] = {
    "answer": ("query", "row"),
    "continue": ("row", "query"),
    "transcribe": ("query", "row"),
    "translate": ("row", "query"),
}


@dataclass(frozen=True)
class Task:
    """`audio`: the clip's column; `text`: what is said in it; `answer`: the text that is learned; `units`: its units, where a
    decoder learns them; `request`: the user's turn, MARKER in it.
    """

    name: TaskName
    audio: str
    text: str
    answer: str
    request: str
    units: str | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that any phase reads; only a decoder reads units."""
        return ("id", self.audio, self.text, self.answer)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.read, *((self.units,) if self.units else ()))


# Of the clip that each hears where nothing else is said. The request of `answer` is LLaMA-Omni's, those of `transcribe` and
# `translate` are Ultravox'.
TASKS: dict[TaskName, Task] = {
    "answer": Task(
        "answer",
        audio="query_audio",
        text="query_text",
        answer="answer_text",
        request=f"{MARKER}\nPlease directly answer the questions in the user's speech.",
        units="answer_units",
    ),
    "continue": Task(
        "continue",
        audio="audio",
        text="transcript",
        answer="continuation",
        request=f"Continue the following text using less than 50 words:\n\n{MARKER}",
    ),
    "transcribe": Task(
        "transcribe",
        audio="query_audio",
        text="query_text",
        answer="query_text",
        request=f"Repeat the following text, without any explanation: {MARKER}",
    ),
    "translate": Task(
        "translate",
        audio="audio",
        text="transcript",
        answer="translation_en",
        request=f"Please translate the text to English. Your response should only include the translation: {MARKER}",
    ),
}


def task(name: TaskName, of: str, to: str = "en", text: str | None = None) -> Task:
    """The task, of another clip than the usual one, and into another language.

    `of`: the group whose clip is heard; `to`: one of LANGUAGES; `text`: the group whose text is said in the clip, where it isn't
    the clip's own: of an augmented clip that of the clip which it was made of. Raises ValueError where the answer would be
    what is said in the clip.
    """
    usual, audio, said = TASKS[name], full_name(of, "audio"), text_column(text or of)
    if name == "transcribe":
        return replace(usual, audio=audio, text=said, answer=said)
    request, answer = usual.request, usual.answer
    if name == "translate":
        request, answer = request.replace(LANGUAGES["en"], LANGUAGES[to]), f"translation_{to}"
    if said == answer:
        raise ValueError(f"of: in the task {name} {answer} is the answer, so it can't be what is said in the clip")
    return replace(usual, audio=audio, text=said, answer=answer, request=request)


def usual(name: TaskName, columns: Collection[str]) -> str:
    """Whose clip the task hears in rows with these columns, where nobody says."""
    return next((of for of in _USUAL[name] if full_name(of, "audio") in columns), _USUAL[name][0])


def said_in(of: str, columns: Collection[str]) -> str:
    """Whose text is said in the group's clip, in rows with these columns, where nobody says: in an augmented clip the row's own,
    or else the query's.
    """
    if of != AUGMENTED:
        return of
    return next((group for group in _USUAL["continue"] if text_column(group) in columns), of)
