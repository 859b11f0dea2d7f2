"""`python -m voxsmith.trainer eval`: measure, write, and say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from voxsmith.schemas.tasks import TaskName
from voxsmith.trainer.eval import asking, grading
from voxsmith.trainer.eval.evaluate import evaluate
from voxsmith.trainer.eval.generated import as_json as generated_as_json
from voxsmith.trainer.eval.judge_server import Server
from voxsmith.trainer.eval.page import as_html
from voxsmith.trainer.eval.report import as_json, as_markdown
from voxsmith.trainer.eval.shown import page_of
from voxsmith.trainer.generated.generator import Wanted


def run(
    place: Path,
    export: Path,
    split: str | None,
    task: TaskName | None,
    out: Path | None,
    device: torch.device,
    wanted: Wanted,
    shuffle: bool = True,
    judge: Server | None = None,
) -> tuple[str, Path]:
    """The report as Markdown, and the file that it is in; JSON and a page with players and the run's curves lie beside it, under
    the same name. `out`: their folder; without, `eval` in the checkpoint. `judge`: grades what is generated. Raises as
    `evaluate` does, and OSError.
    """
    evaluation = evaluate(place, export, split, task, device, wanted, shuffle)
    folder, values = out or Path(evaluation.checkpoint) / "eval", as_json(evaluation)
    name = ".".join(filter(None, (export.resolve().name, split)))
    if evaluation.generated:
        generated = evaluation.generated
        values["generated"] = generated_as_json(generated.rows, folder / f"{name}.audio", generated.about)
    return _reported(values, folder, name, as_markdown, judge)


def ask(
    place: Path,
    questions: Path,
    clips: Path | None,
    task: TaskName | None,
    out: Path | None,
    device: torch.device,
    wanted: Wanted,
    judge: Server | None = None,
) -> tuple[str, Path]:
    """The same of the answers to a file of questions. Raises as `asking.put` does, and OSError."""
    answers = asking.put(place, questions, clips, task, device, wanted)
    folder, name = out or Path(answers.checkpoint) / "eval", questions.resolve().stem
    values = asking.as_json(answers, folder / f"{name}.audio")
    return _reported(values, folder, name, asking.as_markdown, judge)


def _reported(
    values: dict[str, Any],
    folder: Path,
    name: str,
    markdown: Callable[[dict[str, Any]], str],
    judge: Server | None,
) -> tuple[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    report = _written(values, folder, name, text := markdown(values))
    if judge and values["generated"]:  # what was measured is there, whatever becomes of the judge
        grading.grade(values["generated"], judge)
        text += "\n".join(grading.as_markdown(values["generated"]["judge"])) + "\n"
        report = _written(values, folder, name, text)
    return text, report


def _written(values: dict[str, Any], folder: Path, name: str, text: str) -> Path:
    report = folder / f"{name}.md"
    report.write_text(text, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.html").write_text(as_html(page_of(values, folder)), encoding="utf-8")
    return report
