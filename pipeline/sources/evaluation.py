"""Evaluation sets, read from files or the Hub to be indexed.

The presets say where published sets have their questions, as their cards and repositories had it in late 2026. None of the
sets' texts is here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.read import read_source
from voxsmith.schemas.source import Source


@dataclass(frozen=True)
class Preset:
    """A dataset of the Hub: its configurations (none: its only one), its split, and the field of the question."""

    dataset: str
    field: str
    configs: tuple[str | None, ...] = (None,)
    split: str = "test"


PRESETS = {
    "voicebench": Preset(
        "hlt-lab/voicebench",
        "prompt",
        ("alpacaeval", "alpacaeval_full", "commoneval", "wildvoice", "sd-qa", "mmsu", "openbookqa", "ifeval", "bbh",
         "mtbench", "advbench"),
    ),
    "alpaca_eval": Preset("tatsu-lab/alpaca_eval", "instruction", split="eval"),
    "llama_questions": Preset("TwinkStart/llama-questions", "Question"),
}  # fmt: skip


def questions(name: str, files: list[str], field: str) -> Iterator[str]:
    """The questions of these files, in order. Raises RecipeError where one can't be read or has no such field."""
    for file in files:
        yield from _asked(name, {"path": file}, field)


def preset_questions(name: str) -> Iterator[str]:
    """The questions of a preset. Raises RecipeError, RunFailed where the Hub can't be reached."""
    preset = PRESETS[name]
    for config in preset.configs:
        yield from _asked(name, {"dataset": preset.dataset, "config": config, "split": preset.split}, preset.field)


def _asked(name: str, where: dict[str, str | None], field: str) -> Iterator[str]:
    try:
        source = Source.model_validate(
            {**where, "layout": "columns", "columns": {"instruction": field}, "licence": "unknown"}
        )
    except ValidationError as error:
        message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise RecipeError(f"{name}: {message}") from None
    for rows in read_source("evaluation", source):
        for row in rows:
            if row["instruction"]:
                yield row["instruction"]
