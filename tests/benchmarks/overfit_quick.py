"""The benchmark of overfitting with networks of a few thousand random weights and four made-up rows: a minute on one thread.

python -m tests.benchmarks.overfit_quick
"""

import json
import tempfile
from pathlib import Path

from benchmarks.overfit.__main__ import main
from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders

SMALL = {
    "adapter.hidden": 32,
    "adapter.lr": 0.02,
    "decoder.width": 64,
    "decoder.heads": 2,
    "decoder.inner": 96,
    "decoder.lr": 4e-3,
    "run.precision": "float32",
}
# Answers of 5 to 15 tokens, each with some four times as many units.
ROWS = (
    ("Sure. Apples, almonds.", 20),
    ("Apples, almonds, yogurt, carrots and berries all make good snacks between meals.", 66),
    ("Sure. berries all make good snacks between meals.", 40),
    ("carrots and berries.", 22),
)


def arguments(folder: Path) -> list[str]:
    """Make models and an export in the folder; what the benchmark is called with, to learn them."""
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    rows = []
    for number, (answer, count) in enumerate(ROWS):
        units = [(number * 53 + k * k * 7 + k) % 200 for k in range(count)]
        rows.append(row(number) | {"answer_text": answer, "answer_units": units, "answer_unit_durations": [1] * count})
    write_corpus(folder / "export", rows, [])
    changes = SMALL | {"llm.model": str(folder / "llm"), "encoder.model": str(folder / "whisper")}
    sets = [word for key, value in changes.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    export = ["--export", str(folder / "export"), "--split", "", "--rows", str(len(ROWS))]
    return [*export, "--out", str(folder / "out"), *sets]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main([*arguments(Path(place)), "--steps", "300", "--every", "50", "--whole"])
