"""What a row is used for: a task says which clip is heard, what is asked about it, and which text is the answer.

One row serves several tasks. Columns are those of exports; a part of a task that a row lacks leaves that row out.
"""

from dataclasses import dataclass
from typing import Literal

from voxsmith.trainer.data.prompts import MARKER

TaskName = Literal["answer", "continue", "transcribe", "translate"]


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


# The request of `answer` is LLaMA-Omni's, that of `transcribe` Ultravox'.
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
        answer="translation",
        request=f"Please translate the text to English. Your response should only include the translation: {MARKER}",
    ),
}
