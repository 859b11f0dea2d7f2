"""A file of questions put to a checkpoint: its answers in text, units and speech, and what is measured of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from voxsmith.models.chat import Chat
from voxsmith.schemas.tasks import TaskName
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import Built, chat_of
from voxsmith.trainer.eval import generated
from voxsmith.trainer.eval.question_file import Question, Spoiled, read
from voxsmith.trainer.generated.answered import Answered
from voxsmith.trainer.generated.generator import Generated, Generator, Wanted
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.generate import Speaker, answers
from voxsmith.trainer.talk.questions import BadQuestion, asked, heard_in

_TOGETHER = 8  # questions that are answered together
_LINES = 20  # of rows that can't be used, in the report


@dataclass(frozen=True)
class Answers:
    """`spoiled`: a line for each row of the file that couldn't be used."""

    checkpoint: str
    questions: str
    task: TaskName
    replies: Generated
    spoiled: list[str]


def put(
    place: Path, questions: Path, clips: Path | None, task: TaskName | None, device: torch.device, wanted: Wanted
) -> Answers:
    """Answers to the file's questions, `wanted.rows` at most. Raises BadCheckpoint, BadQuestion (also where no row can be used),
    BadSpeech, CantTalk, ModelMissing, NoTemplate.
    """
    place = checkpoint.named(place)
    built, recipe = checkpoint.load(place)
    chat, task = chat_of(built, recipe), task or recipe.data[0].task
    generator = Generator(built, recipe, chat, wanted, device)
    built.network.to(device)
    spoiled: list[str] = []
    good = islice(_heard(read(questions, clips), built, spoiled), wanted.rows)
    rows: list[Answered] = []
    while heard := list(islice(good, _TOGETHER)):
        rows += _answered(heard, generator.speaker, chat, recipe, task, wanted.tokens, device)
    if not rows:
        raise BadQuestion(f"{questions}: no question can be used" + (f": {spoiled[0]}" if spoiled else "; it is empty"))
    return Answers(str(place), str(questions), task, generator.spoken(rows), spoiled)


def as_json(answers: Answers, folder: Path) -> dict[str, Any]:
    """What `generated.as_json` gives of answers to an export, and where they come from. Clips are written into the folder. Raises
    OSError.
    """
    return {
        "checkpoint": answers.checkpoint,
        "questions": answers.questions,
        "task": answers.task,
        "rows": len(answers.replies.rows),
        "spoiled": answers.spoiled,
        "generated": generated.as_json(answers.replies.rows, folder, answers.replies.about),
    }


def as_markdown(values: dict[str, Any]) -> str:
    spoiled = values["spoiled"]
    lines = [
        f"# {values['checkpoint']}",
        "",
        f"{values['rows']} questions of {values['questions']}, for the task {values['task']}.",
    ]
    if spoiled:
        lines += ["", f"Rows that couldn't be used: {len(spoiled)}.", "", *(f"- {line}" for line in spoiled[:_LINES])]
    if len(spoiled) > _LINES:
        lines.append(f"- and {len(spoiled) - _LINES} more, which the JSON file names")
    return "\n".join([*lines, *generated.as_markdown(values["generated"], values["task"])]) + "\n"


def _heard(rows: Iterator[Question | Spoiled], built: Built, spoiled: list[str]) -> Iterator[tuple[Question, Any]]:
    """Questions with their samples; what is wrong with others goes into `spoiled`."""
    for row in rows:
        if isinstance(row, Spoiled):
            spoiled.append(str(row))
            continue
        try:
            yield row, heard_in(row.clip, row.where, built.network)
        except BadQuestion as error:
            spoiled.append(str(error))


def _answered(
    heard: list[tuple[Question, Any]],
    speaker: Speaker,
    chat: Chat,
    recipe: TrainRecipe,
    task: TaskName,
    most: int,
    device: torch.device,
) -> Iterator[Answered]:
    samples = [clip for _, clip in heard]
    batch = asked(speaker.network, chat, recipe.request(task), samples, recipe.encoder.padded_to)
    for (row, clip), answer in zip(heard, answers(speaker, batch.to(device), most), strict=True):
        units = answer.units if speaker.network.decoder is not None else None
        yield Answered(
            id=row.id,
            task=task,
            question=row.text,
            clip=clip,
            reference=row.reference,
            text=answer.text,
            cut=answer.cut,
            units=units,
        )
