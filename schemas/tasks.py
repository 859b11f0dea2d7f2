"""What a row is used for: a task says which clip is heard, what is asked about it, and which text is the answer.

One row serves several tasks. Columns are those of exports; a part of a task that a row lacks leaves that row out. Training learns
tasks, and the stage `teacher` keeps what an LLM thinks of their answers: both read the same texts, because both take them here.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

MARKER = "<|speech|>"  # stands in a request where the speech goes; it never reaches a tokeniser

TaskName = Literal["answer", "continue", "transcribe", "translate"]
Of = Literal["query", "row", "augmented"]  # whose clip is heard
# The clip of each, and what is said in it.
_HEARD: dict[Of, tuple[str, str]] = {
    "query": ("query_audio", "query_text"),
    "row": ("audio", "transcript"),
    "augmented": ("augmented_audio", "transcript"),
}
# The first of these that an export has, where a recipe doesn't say.
_USUAL: dict[TaskName, tuple[Of, ...]] = {
    "answer": ("query", "row"),
    "continue": ("row", "query"),
    "transcribe": ("query", "row"),
    "translate": ("row", "query"),
}
LANGUAGES = {
    "ar": "Arabic",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "ta": "Tamil",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
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
    def columns(self) -> tuple[str, ...]:
        return ("id", self.audio, self.text, self.answer, *((self.units,) if self.units else ()))


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


def task(name: TaskName, of: Of, to: str = "en") -> Task:
    """The task, of another clip than the usual one, and into another language. `to`: one of LANGUAGES."""
    usual = TASKS[name]
    audio, text = _HEARD[of]
    if name == "transcribe":
        return replace(usual, audio=audio, text=text, answer=text)
    if name == "translate":
        request = usual.request.replace(LANGUAGES["en"], LANGUAGES[to])
        return replace(usual, audio=audio, text=text, answer=f"translation_{to}", request=request)
    return replace(usual, audio=audio, text=text)


def usual(name: TaskName, columns: Collection[str]) -> Of:
    """Whose clip the task hears in rows with these columns, where nobody says."""
    return next((of for of in _USUAL[name] if _HEARD[of][0] in columns), _USUAL[name][0])
