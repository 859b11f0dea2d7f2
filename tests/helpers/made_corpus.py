"""A small exported corpus, written by the pipeline's own writer: made-up texts, synthetic tones as clips."""

import io
import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile

from tests.helpers.recipes import write_recipe
from voxsmith.pipeline.export.piece import PROVENANCE, REJECT_SCHEMA
from voxsmith.pipeline.export.writer import SplitWriter, assemble
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.report.statistics import summarise
from voxsmith.pipeline.store.digests import digest
from voxsmith.schemas.columns import ROW_COLUMNS, SIDE_COLUMNS, SIDES

VOICES = ("af_heart", "am_adam", "bf_emma", "bm_george")
TASKS = (
    ("Generate a list of 5 healthy snacks.", "Hey, could you give me five healthy snacks?"),
    ("Describe the structure of an atom.", "Can you describe what an atom is made of?"),
    ("What are the three primary colors?", "What are the three primary colours?"),
    (
        "Rewrite in the passive voice.\nThe cat chased the mouse.",
        "Please put this in the passive: the cat chased the mouse.",
    ),
)
ANSWER = "Sure. Apples, almonds, yogurt, carrots and berries all make good snacks between meals."


def tone(seconds: float, rate: int = 16000, hertz: float = 220.0) -> bytes:
    """A FLAC file that swells and fades."""
    t = np.arange(int(seconds * rate)) / rate
    data = io.BytesIO()
    soundfile.write(data, 0.3 * np.sin(2 * np.pi * hertz * t) * np.sin(np.pi * t / seconds), rate, format="FLAC")
    return data.getvalue()


def row(i: int) -> dict[str, Any]:
    """Row `i`: every value follows from `i`."""
    instruction, query = TASKS[i % len(TASKS)]
    source = "ultrachat" if i % 3 == 2 else "alpaca"
    values: dict[str, Any] = {
        "id": f"{source}-{i:04d}-0",
        "conversation_id": f"{source}-{i:04d}",
        "turn": 0,
        "source": source,
        "licence": "MIT" if source == "ultrachat" else "CC BY-NC 4.0",
        "instruction": instruction,
        "context": None,
        "provenance": [{"stage": "rewrite", "engine": "llm_llamacpp", "model": "SmolLM2", "object": f"k{i}"}],
    }
    for side, text, rate in (("query", query, 16000), ("answer", ANSWER, 24000)):
        wrong = i % 5 == 4
        seconds = 0.4 + 0.05 * (i % 7) + (0.2 if side == "answer" else 0)
        units = [(i * 7 + k * k) % 200 for k in range(12)]
        side_values = {
            "text": text,
            "method": ("llm", "llm", "llm+context", "rules")[i % 4] if side == "query" else "llm",
            "attempts": 1 + i % 3,
            "spoken": text,
            "audio": {"bytes": tone(seconds, rate, 200 + 10 * i), "path": f"{values['id']}.{side}.flac"},
            "voice": VOICES[i % 4] if side == "query" else "af_heart",
            "heard": text.replace("you", "ewe").replace("apples", "maples") if wrong else text.lower(),
            "wer": 0.125 if wrong else 0.0,
            "cer": 0.05 if wrong else 0.0,
            "duration": seconds,
            "mos": 3.2 + 0.02 * (i % 20),
            "speech_attempts": 1 + (i % 9 == 0),
            "units": units,
            "unit_durations": [1 + k % 4 for k in range(12)],
        }
        values |= {f"{side}_{base}": value for base, value in side_values.items()}
    return values


def reject(i: int, **values: Any) -> dict[str, Any]:
    identity = {"id": f"alpaca-x{i:03d}-0", "conversation_id": f"alpaca-x{i:03d}", "turn": 0, "source": "alpaca"}
    verdict = (
        {
            "stage": "sources",
            "reason": "foreign_script",
            "message": "mostly Cyrillic",
            "text": "Переведи это",
            "audio": None,
        },
        {
            "stage": "rewrite",
            "reason": "input_dropped",
            "message": "the input is not in the request: mouse",
            "text": "Please put this in the passive.",
            "audio": None,
        },
        {
            "stage": "pick",
            "reason": "wer_too_high",
            "message": "WER 0.4; the limit is 0.15",
            "text": "Oocytes",
            "audio": {"bytes": tone(0.3), "path": "x"},
        },
    )[i % 3]
    return identity | verdict | values


def write_corpus(
    out: Path,
    rows: list[dict[str, Any]],
    rejects: list[dict[str, Any]],
    splits: dict[str, float] | None = None,
    without: tuple[str, ...] = (),
    rows_a_file: int = 0,
) -> dict[str, Any]:
    """Write `out`/dataset and `out`/rejects; returns the manifest. `without`: bases of columns to leave out;
    `rows_a_file`: of the dataset, instead of files of a megabyte.
    """
    types = {name: column.type for name, column in ROW_COLUMNS.items()}
    types |= {f"{side}_{base}": column.type for side in SIDES for base, column in SIDE_COLUMNS.items()}
    wanted = [name for name in types if name.partition("_")[2] not in (*without, "silence", "clipping", "tail")]
    schema = pa.schema([*((name, types[name]) for name in wanted), ("provenance", PROVENANCE)])
    rates = {name: rate for name, rate in (("query_audio", 16000), ("answer_audio", 24000)) if name in wanted}
    names = list(splits or {})
    work = out / "work"
    dataset = SplitWriter(work / "dataset", schema, rates, names, 1 if rows_a_file else 1_000_000)
    for start in range(0, len(rows), step := rows_a_file or 10):
        part = pa.Table.from_pylist(rows[start : start + step], schema)
        dataset.write(names[start // step % len(names)] if names else "", part)
    rejected = SplitWriter(work / "rejects", REJECT_SCHEMA, {"audio": 16000}, [], 1_000_000)
    if rejects:
        rejected.write("", pa.Table.from_pylist(rejects, REJECT_SCHEMA))
    for name, writer, hertz in (("dataset", dataset, rates), ("rejects", rejected, {"audio": 16000})):
        files = {split: [work / name / file for file in files] for split, files in writer.close().items()}
        assemble(out / name, files, writer.schema, hertz, f"made {name}")
    shutil.rmtree(work)
    return manifest(rows, rejects, splits or {})


def export_corpus(folder: Path, rows: list[dict[str, Any]], splits: dict[str, float] | None = None, **more: Any) -> str:
    """An exported corpus, as it stands in `folder`/out, and its recipe; returns the recipe's path.

    `more` is for `write_corpus`, or changes the recipe (`export__licence`, say).
    """
    out = folder / "out" / "made_corpus"
    for part in ("dataset", "rejects"):
        shutil.rmtree(out / part, ignore_errors=True)
    changes = {key: more.pop(key) for key in list(more) if "__" in key} | {"export__splits": splits or {}}
    made = write_corpus(out, rows, [reject(i) for i in range(3)], splits, **more)
    path = write_recipe(folder, ["x"], name="made_corpus", **changes)
    recipe = load_recipe(path).model_dump(mode="json")
    made["recipe"]["export"] = recipe["export"]
    made |= {"recipe_digest": digest(recipe), "statistics": asdict(summarise(out / "dataset"))}
    (out / "manifest.json").write_text(json.dumps(made))
    (out / "report.html").write_text("<html>a report</html>")
    return path


def manifest(rows: list[dict[str, Any]], rejects: list[dict[str, Any]], splits: dict[str, float]) -> dict[str, Any]:
    alive, funnel = len(rows) + len(rejects), []
    for stage in ("sources", "rewrite", "respond", "speak_query", "listen_query", "pick", "units", "export"):
        reasons = dict(Counter(reject["reason"] for reject in rejects if reject["stage"] == stage))
        funnel.append({"stage": stage, "rows_in": alive, "rejects": reasons})
        alive -= sum(reasons.values())
    counts = {"rows_in": len(rows) + len(rejects), "rows_out": len(rows), "rejects": len(rejects), "pending": 0}
    return {
        "name": "made_corpus",
        "created": "2025-01-31T12:00:00+00:00",
        "recipe_digest": "0123456789abcdef0123456789abcdef",
        "counts": counts,
        "funnel": funnel,
        "splits": {},
        "seconds": {side: sum(row.get(f"{side}_duration") or 0 for row in rows) for side in SIDES},
        "engines": {
            "llm": {
                "backend": "llm_llamacpp",
                "model": "SmolLM2-135M-Instruct Q4_1",
                "library": "xllamacpp 2025.1",
                "files": {"model.gguf": "9a1f"},
                "licence": "Apache-2.0",
                "batch_invariant": True,
            },
            "tts": {"backend": "tts_kokoro", "model": "Kokoro-82M v1.0 int8", "licence": "Apache-2.0"},
        },
        "versions": {"voxsmith": "0.1.0", "pyarrow": str(pa.__version__)},
        "git_commit": "f00dfeedf00dfeedf00dfeedf00dfeedf00dfeed",
        "recipe": {
            "name": "made_corpus",
            "seed": 7,
            "sources": {"alpaca": {"path": "alpaca.json", "licence": "CC BY-NC 4.0"}},
            "stages": {
                "rewrite": {"engine": "llm"},
                "respond": {"engine": "llm"},
                "speak_query": {"stage": "speak", "engine": "tts"},
            },
            "checks": {"query_clip": {"max_wer": 0.2, "min_mos": 2.3}, "answer_text": {"max_words": 80}},
            "export": {"splits": splits, "report_rows": 24},
        },
        "prompts": {"configs/prompts/rewrite.jinja": "Written: {{ instruction }}\nSpoken:"},
    }
