"""`python -m voxsmith.trainer eval`: measure, write, and say."""

import json
from pathlib import Path

import torch

from voxsmith.trainer.data.tasks import TaskName
from voxsmith.trainer.eval.evaluate import evaluate
from voxsmith.trainer.eval.generated import as_json as generated_as_json
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
) -> tuple[str, Path]:
    """The report as Markdown, and the file that it is in; JSON and a page with the run's curves lie beside it, under the same
    name. `out`: their folder; without, `eval` in the checkpoint. Raises as `evaluate` does, and OSError.
    """
    evaluation = evaluate(place, export, split, task, device, wanted, shuffle)
    folder, values = out or Path(evaluation.checkpoint) / "eval", as_json(evaluation)
    folder.mkdir(parents=True, exist_ok=True)
    name = ".".join(filter(None, (export.resolve().name, split)))
    if evaluation.generated:
        generated = evaluation.generated
        values["generated"] = generated_as_json(generated.rows, folder / f"{name}.audio", generated.about)
    (folder / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.html").write_text(as_html(page_of(values, [])), encoding="utf-8")
    text, report = as_markdown(values), folder / f"{name}.md"
    report.write_text(text, encoding="utf-8")
    return text, report
