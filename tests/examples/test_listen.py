"""examples/listen.ipynb: its cells run in order over a small corpus, and play what the export holds."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import soundfile

from tests.helpers.paths import ROOT

NOTEBOOK = ROOT / "examples" / "listen.ipynb"
# The cells in one namespace, as a kernel runs them.
RUN = """
import json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
"""


def test_it_is_a_notebook_without_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells) and {cell["cell_type"] for cell in cells} == {
        "code",
        "markdown",
    }
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert all(set(cell) == {"cell_type", "execution_count", "id", "metadata", "outputs", "source"} for cell in code)


def test_its_cells_show_and_play_the_corpus(spoken: Path) -> None:
    path = os.pathsep.join([str(ROOT / "tests" / "helpers" / "ipython"), str(ROOT)])
    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK)],
        cwd=NOTEBOOK.parent,
        env={**os.environ, "PYTHONPATH": path, "RECIPE": str(spoken)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    shown = ran.stdout
    for count, name in ((13, "rows_in"), (11, "rows_out"), (2, "rejects"), (0, "pending")):
        assert [name, str(count)] in [line.split() for line in shown.splitlines()]
    assert "1  pick_query: too_fast" in shown and "1  sources: empty_instruction" in shown
    exported = datasets.load_from_disk(str(spoken.parent / "out/spoken/dataset"))
    rows = datasets.concatenate_datasets(list(exported.values())).select(range(3))
    rows = rows.cast_column("query_audio", datasets.Audio(decode=False))
    rows = rows.cast_column("answer_audio", datasets.Audio(decode=False))
    played = []
    for row in rows:
        assert row["id"] in shown and f"query: {row['query_text']}" in shown and row["answer_text"] in shown
        played += [soundfile.info(io.BytesIO(row[name]["bytes"])) for name in ("query_audio", "answer_audio")]
    lines = [line.split() for line in shown.splitlines() if line.startswith("AUDIO")]
    assert [(int(rate), int(frames)) for _, rate, frames, _ in lines[:6]] == [(i.samplerate, i.frames) for i in played]
    assert len(lines) == 7  # and the clip of the one reject that has one
    assert all(0.1 < float(peak) <= 1 for *_, peak in lines)
