"""`python -m voxsmith.trainer latency`: the table, and its plots."""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from voxsmith.schemas.tasks import TaskName, task, usual
from voxsmith.trainer import checkpoint
from voxsmith.trainer.data.exports import Export
from voxsmith.trainer.eval import latency_shown
from voxsmith.trainer.eval.latency import Clip, Measure, measure
from voxsmith.trainer.eval.question_file import Question, Spoiled, read
from voxsmith.trainer.eval.svg import alone
from voxsmith.trainer.generated.ears import open_ears
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.talk.command import ready
from voxsmith.trainer.talk.questions import BadQuestion, heard_in


def run(options: argparse.Namespace, device: torch.device) -> tuple[str, list[Path]]:
    """The report as Markdown, and the files that were written. Raises BadCheckpoint, BadExport, BadQuestion, CantTalk,
    ModelMissing, NoTemplate, OSError.
    """
    place = checkpoint.named(options.checkpoint)
    trained = ready(place, options.vocoder, device)
    ears = None if options.no_quality else open_ears(options.asr)
    task: TaskName = options.task or trained.recipe.data[0].task
    clips = _clips(options, trained.speaker.network, task)
    measures = measure(trained, clips, options.omega, options.lookahead, options.max_tokens, task, ears)
    values = {
        "checkpoint": str(place),
        "source": str(options.export or options.questions),
        "device": _named(device),
        "threads": torch.get_num_threads(),
        "vocoder": options.vocoder,
        "lookahead": options.lookahead,
        "asr": ears.asr if ears else None,
        "lacking": [*ears.lacking] if ears else [],
        "max_tokens": options.max_tokens,
        "measures": [asdict(one) for one in measures],
    }
    folder = options.out or place / "eval"
    folder.mkdir(parents=True, exist_ok=True)
    text = as_markdown(values, measures)
    pieces = {"latency.md": text, latency_shown.FILE: json.dumps(values, indent=1) + "\n", **plots(measures)}
    for name, content in pieces.items():
        (folder / name).write_text(content, encoding="utf-8")
    return text, [folder / name for name in pieces]


def as_markdown(values: dict[str, Any], measures: list[Measure]) -> str:
    table = latency_shown.table(measures)
    lines = [
        f"# {values['checkpoint']}",
        "",
        f"{measures[0].questions} questions of {values['source']}, one by one, on {values['device']}, "
        f"{values['threads']} threads, with {values['vocoder']}. Medians of the time from the whole question on.",
        "",
        f"| {' | '.join(table.head)} |",
        f"|{'---|' * len(table.head)}",
        *(f"| {' | '.join(cells)} |" for cells in table.lines),
    ]
    silent = max(one.silent for one in measures)
    if silent:
        lines += ["", f"{silent} questions had answers without units, and count in no column."]
    if values["asr"]:
        lines += [
            "",
            f"ASR-WER: what {values['asr']} hears of the chunks joined, against the generated text, normalised.",
        ]
        whole = "as many frames as make it equal to the whole, so Omega changes nothing in what is heard"
        behind = whole if values["lookahead"] is None else f"{values['lookahead']} frames"
        lines += ["", f"A chunk waits for {behind}."]
    if values["lacking"]:
        lines += ["", "; ".join(values["lacking"]) + "."]
    return "\n".join(lines) + "\n"


def plots(measures: list[Measure]) -> dict[str, str]:
    """SVG files by name: times, and errors where anybody listened."""
    drawn = {"latency.svg": latency_shown.times(measures), "latency.wer.svg": latency_shown.errors(measures)}
    return {name: alone(picture) for name, picture in drawn.items() if picture}


def _clips(options: argparse.Namespace, network: SpeechLLM, name: TaskName) -> list[Clip]:
    """The first of the source that can be heard, as many as are wanted."""
    clips: list[Clip] = []
    problems: list[str] = []
    for row in _rows(options, name):
        if len(clips) == options.rows:
            break
        if isinstance(row, Spoiled):
            problems.append(str(row))
            continue
        try:
            clips.append(Clip(row.id, heard_in(row.clip, row.where, network)))
        except BadQuestion as error:
            problems.append(str(error))
    if not clips:
        where = options.export or options.questions
        raise BadQuestion(f"{where}: no question can be used" + (f": {problems[0]}" if problems else "; it is empty"))
    return clips


def _rows(options: argparse.Namespace, name: TaskName) -> Iterator[Question | Spoiled]:
    if options.export is None:
        yield from read(options.questions, options.clips)
        return
    export = Export(options.export, options.split)
    audio = task(name, usual(name, export.columns)).audio
    export.need("id", audio)
    for place in range(len(export)):
        row = export.row(place, ("id", audio))
        yield Question(f"{options.export} row {row['id']}", row["id"], "", "", row[audio]["bytes"] or b"")


def _named(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
