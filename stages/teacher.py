"""`teacher`: what an LLM thinks of an answer, at each of its tokens and at the end of turn, for the prompt that training reads.

Training by distillation then needs no forward pass of the LLM over the transcript, nor an LLM that is asked anew each epoch.
"""

from typing import Any, Self

from pydantic import Field, model_validator

from voxsmith.models.chat import Template
from voxsmith.schemas.columns import TEACHER_COLUMNS, TOP, Of
from voxsmith.schemas.languages import Language
from voxsmith.schemas.tasks import Task, TaskName, task
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.teacher import ReadAnswer
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    """Settings of `teacher`. What training must have alike: task, of, to, system, template."""

    task: TaskName = Field("continue", description="whose prompt and answer are read")
    of: Of = Field("row", description="whose text is read in place of speech")
    to: Language = Field("en", description="of the task translate: into which language")
    system: str = Field("", description="system message, as the training recipe's llm.system")
    template: Template = Field("chat_template", description="what is written around, as its llm.prompt")
    top: int = Field(TOP, ge=1, le=TOP, description="tokens a place: the likeliest so many")
    temperature: float = Field(
        2.0, gt=0, description="at which those left out are summed up; as its distil.temperature"
    )

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        _task(self)
        return self


def _task(config: Config) -> Task:
    return task(config.task, config.of, config.to)


def teacher(row: Row, context: Context) -> Asking:
    """Writes teacher_{task}_ids, …: as many places as the answer has tokens, and one for the end of turn."""
    config: Config = context.config
    wanted = _task(config)
    read = yield ReadAnswer(
        request=wanted.request,
        transcript=row[wanted.text],
        answer=row[wanted.answer],
        system=config.system,
        template=config.template,
        top=config.top,
        temperature=config.temperature,
    )
    mass = read.top.mass
    values: dict[str, Any] = {name: part.tolist() for name, part in read.top.columns().items()}
    values |= {"mass": float(mass.mean()), "least_mass": float(mass.min()), "of": read.of}
    return {f"teacher_{config.task}_{name}": value for name, value in values.items()}


STAGE = Stage(
    name="teacher",
    config=Config,
    reads=lambda config: tuple(dict.fromkeys((_task(config).text, _task(config).answer))),
    writes=lambda config: tuple(f"teacher_{config.task}_{name}" for name in TEACHER_COLUMNS),
    run=teacher,
    engine="teacher",
)
