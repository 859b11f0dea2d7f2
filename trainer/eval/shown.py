"""What the page of an evaluation shows, from the report's values, the clips beside it, and the run's log."""

from pathlib import Path
from typing import Any

from voxsmith.models.audio import BadAudio, decode, encode
from voxsmith.trainer.eval import curves, latency_shown
from voxsmith.trainer.eval.generated import MOS
from voxsmith.trainer.eval.judge import GRADES
from voxsmith.trainer.eval.page import PAGE_BYTES, Figure, Page, Row, Table
from voxsmith.trainer.eval.report import LOSSES, SHARES, verdict

Values = dict[str, Any]


def page_of(values: Values, folder: Path) -> Page:
    """`values`: of a report, in whose `folder` the clips are that it names. Raises OSError."""
    checkpoint, generated = Path(values["checkpoint"]), values.get("generated")
    run, latency = curves.run_of(checkpoint), latency_shown.measured(folder, values["checkpoint"])
    return Page(
        title=checkpoint.name if run is None else f"{run.name}, {checkpoint.name}",
        lede=_lede(values),
        rows=_rows(generated, folder) if generated else [],
        answers_note=_note(generated) if generated else "",
        figures=[*(_measured(values) if "losses" in values else []), *(_heard(generated) if generated else [])],
        verdict=verdict(values) if "losses" in values else "",
        tables=[
            *(_losses(values) if "losses" in values else []),
            *(_answers(generated) if generated else []),
            *([latency_shown.table(latency)] if latency else []),
        ],
        charts=[*latency_shown.charts(latency), *(curves.pictures(curves.read(run)) if run else [])],
    )


def _lede(values: Values) -> str:
    if "questions" in values:
        return f"{values['rows']} questions of {values['questions']}, for the task {values['task']}."
    where = values["export"] + (f", split {values['split']}" if values["split"] else "")
    return f"{values['rows']} rows of {where}, for the task {values['task']}; phase {values['phase']}."


def _note(generated: Values) -> str:
    speech = "" if generated["vocoder"] else " No vocoder was named, so they have no speech."
    return f"Answers to {generated['rows']} questions: the likeliest token each time.{speech}"


def _measured(values: Values) -> list[Figure]:
    figures = [
        Figure("Loss", f"{values['losses']['answer']['own']:.3f}", "nats a token of the written answer"),
        Figure("Tokens right", f"{values['shares']['right']['own']:.1%}", "behind the true ones"),
    ]
    if errors := values["unit_errors"].get("own"):
        figures.append(Figure("Unit errors", f"{errors['rate']:.1%}", "of the written answer"))
    return figures


def _heard(generated: Values) -> list[Figure]:
    figures = []
    for name, key, under in (
        ("WER of text", "text_errors", "generated against written answer"),
        ("WER of speech", "speech_errors", "ASR against generated text"),
    ):
        if errors := generated[key]:
            figures.append(Figure(name, f"{errors['normalised']['wer']:.1%}", under))
    figures += [Figure(MOS[name], f"{score:.2f}", "of 5, of speech") for name, score in generated["mos"].items()]
    for name, said in GRADES.items():
        if mean := generated.get("judge", {}).get("text", {}).get(name):
            figures.append(Figure(said.capitalize(), f"{mean['mean']:.2f}", f"of 5, by {generated['judge']['model']}"))
    return figures


def _losses(values: Values) -> list[Table]:
    tables = []
    for title, part, names, form in (
        ("Loss, nats a token or unit", "losses", LOSSES, "{:.4f}"),
        ("Share", "shares", SHARES, "{:.1%}"),
    ):
        lines = [
            [names[name], *("" if one[whose] is None else form.format(one[whose]) for whose in ("own", "other"))]
            for name, one in values[part].items()
        ]
        tables.append(Table([title, "Own speech", "Speech of another row"], lines))
    return tables


def _answers(generated: Values) -> list[Table]:
    lines = [
        [name, *(f"{errors[how][rate]:.1%}" for how in ("normalised", "raw") for rate in ("wer", "cer"))]
        for name, key in (("Generated text", "text_errors"), ("Its speech, as it is heard", "speech_errors"))
        if (errors := generated[key])
    ]
    head = ["Errors", "WER, normalised", "CER, normalised", "WER, raw", "CER, raw"]
    return [*([Table(head, lines)] if lines else []), *_grades(generated.get("judge"))]


def _grades(judge: Values | None) -> list[Table]:
    if judge is None:
        return []
    lines = []
    for name, whose in (("text", "The text"), ("speech", "What is heard of its speech")):
        for grade, said in GRADES.items():
            if mean := judge.get(name, {}).get(grade):
                wide = f"{mean['low']:.2f} to {mean['high']:.2f}"
                lines.append([f"{whose}: {said}", f"{mean['mean']:.2f}", wide, str(mean["count"])])
    return [Table([f"Grades by {judge['model']}, {judge['rubric']}", "Mean", "95 % interval", "Rows"], lines)]


def _rows(generated: Values, folder: Path) -> list[Row]:
    rows, left = [], PAGE_BYTES
    for each in generated["each"]:
        question = _clip(each["question_audio"], folder) if left > 0 else b""
        answer = _clip(each["answer_audio"], folder) if left > 0 else b""
        left -= len(question) + len(answer)  # what has no room in the page isn't read
        row = Row(
            id=each["id"],
            answer=each["text"] + (" …" if each["cut"] else ""),
            question=each["question"],
            question_clip=question,
            wanted=each["reference"],
            answer_clip=answer,
            heard=each["heard"],
            remarks=_remarks(each.get("judge")),
            facts=_facts(each),
        )
        rows.append(row)
    return rows


def _clip(name: str | None, folder: Path) -> bytes:
    """As FLAC, which takes half of a wav; empty where there is none, or nothing in it."""
    if not name:
        return b""
    try:
        return encode(*decode((folder / name).read_bytes()))
    except BadAudio:
        return b""


def _facts(each: Values) -> list[tuple[str, str]]:
    facts = []
    for name, key in (("WER of text", "text_errors"), ("WER of speech", "speech_errors")):
        if errors := each[key]:
            facts.append((name, f"{errors['normalised']['wer']:.0%}"))
    if errors := each["unit_errors"]:
        facts.append(("unit errors", f"{errors['rate']:.0%}"))
    if each["units"] is not None:
        facts.append(("units", str(each["units"])))
    if each["seconds"]:
        facts.append(("seconds", f"{each['seconds']:.1f}"))
    facts += [(MOS[name], f"{score:.2f}") for name, score in each["mos"].items()]
    for whose, grades in (each.get("judge") or {}).items():
        facts += [(f"{said} ({whose})", f"{grades[name]} of 5") for name, said in GRADES.items() if name in grades]
    return facts


def _remarks(judge: Values | None) -> list[str]:
    return [
        f"Judge, of the {whose}: {grades.get('why') or grades.get('not_judged')}"
        for whose, grades in (judge or {}).items()
    ]
