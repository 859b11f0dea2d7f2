"""What an evaluation says of generated answers: values for JSON, with clips in files, and Markdown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from voxsmith.models.text.wer import Errors
from voxsmith.trainer.data.mel import RATE
from voxsmith.trainer.generated.answered import Answered
from voxsmith.trainer.generated.unit_errors import unit_errors

MOS = {"dnsmos": "DNSMOS", "utmos": "UTMOS"}


def as_json(rows: Sequence[Answered], folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Values of all rows together and of each (`each`). Questions and speech are written into the folder as wavs, whose paths
    are relative to what it lies in: the report's folder. `about`: as `Generated` has it. Raises OSError.

    `text_errors`: of the generated text against the reference, `speech_errors`: of what ASR hears of the speech against the
    generated text; both `raw` and `normalised`, of each `wer` and `cer`, over all rows their errors divided by their words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [(row.reference_units, row.units) for row in rows if row.reference_units and row.units is not None]
    counted = unit_errors(pairs)
    scores = {name: [row.mos[name] for row in rows if name in row.mos] for name in MOS}
    return about | {
        "rows": len(rows),
        "cut": sum(row.cut for row in rows),
        "text_errors": _rates([row.text_errors for row in rows]),
        "unit_errors": vars(counted) if counted else None,
        "speech_errors": _rates([row.speech_errors for row in rows]),
        "mos": {name: float(np.mean(some)) for name, some in scores.items() if some},
        "each": [_row(row, folder, f"{number:04}") for number, row in enumerate(rows)],
    }


def _row(row: Answered, folder: Path, name: str) -> dict[str, Any]:
    errors = row.unit_errors
    speech = row.speech if row.speech is not None and len(row.speech) else None
    return {
        "id": row.id,
        "question": row.question,
        "question_audio": _written(folder / f"{name}.question.wav", row.clip, RATE),
        "reference": row.reference,
        "text": row.text,
        "cut": row.cut,
        "units": None if row.units is None else len(row.units),
        "answer_audio": None if speech is None else _written(folder / f"{name}.answer.wav", speech, row.rate),
        "seconds": None if row.speech is None else len(row.speech) / row.rate,
        "heard": row.heard,
        "text_errors": _rates([row.text_errors]),
        "unit_errors": vars(errors) if errors else None,
        "speech_errors": _rates([row.speech_errors]),
        "mos": row.mos,
    }


def _written(file: Path, samples: np.ndarray, rate: int) -> str:
    soundfile.write(file, samples, rate, "PCM_16")
    return f"{file.parent.name}/{file.name}"


def _rates(errors: Sequence[dict[str, Errors] | None]) -> dict[str, dict[str, float]] | None:
    there = [one for one in errors if one is not None]
    if not there:
        return None
    totals = {name: sum((one[name] for one in there), Errors()) for name in ("raw", "normalised")}
    return {name: {"wer": total.wer, "cer": total.cer} for name, total in totals.items()}


def as_markdown(values: dict[str, Any], task: str) -> list[str]:
    """Lines, of what `as_json` gives."""
    cut = f"; {values['cut']} were cut there" if values["cut"] else ""
    rates = [
        (f"generated text against the {'transcript' if task == 'transcribe' else 'written answer'}", "text_errors"),
        (f"its speech, as {values['asr']} hears it, against the generated text", "speech_errors"),
    ]
    lines = [
        "",
        "## Generated answers",
        "",
        f"{values['rows']} rows, the likeliest token each time, {values['max_tokens']} tokens at most{cut}.",
        "",
        "| | WER, normalised | CER, normalised | WER, raw | CER, raw |",
        "|---|---|---|---|---|",
    ]
    for name, key in rates:
        if one := values[key]:
            cells = [f"{one[how][rate]:.1%}" for how in ("normalised", "raw") for rate in ("wer", "cer")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    if errors := values["unit_errors"]:
        counts = ", ".join(f"{errors[name]} {name}" for name in ("substitutions", "deletions", "insertions"))
        lines += ["", f"Unit errors: {errors['rate']:.1%} of {errors['wanted']} units ({counts})."]
    if values["mos"]:
        lines += ["", ", ".join(f"{MOS[name]} {score:.2f}" for name, score in values["mos"].items()) + "."]
    if values["lacking"]:
        lines += ["", "; ".join(values["lacking"]) + "."]
    return [*lines, "", "Letters are counted without spaces."]
