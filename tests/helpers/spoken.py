"""A small spoken corpus, made by the pipeline itself with engines that have no model: real clips, units and rejects."""

import json
from pathlib import Path

import yaml

from tests.helpers.recipes import finish

# Written for this test. The last row is one that `sources` rejects: its text is none.
ROWS = [{"q": f"What is number {n}?", "a": f"It is {'very ' * (n % 4)}good, that number {n}."} for n in range(12)]


def write_spoken_recipe(folder: Path) -> str:
    """Write a recipe that speaks, checks and encodes `ROWS`, and one more without a text; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [*ROWS, {"q": "", "a": "Nobody asked."}]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stages = {
        "normalise_query": {"stage": "normalise", "of": "query"},
        "normalise_answer": {"stage": "normalise", "of": "answer"},
        "speak_query": {
            "stage": "speak",
            "of": "query",
            "engine": "tts",
            "voices": ["null_0", "null_1"],
            "sample_rate": 16000,
        },
        "speak_answer": {"stage": "speak", "of": "answer", "engine": "tts", "voices": ["null_2"], "sample_rate": 24000},
        "listen_query": {"stage": "listen", "of": "query", "engine": "asr"},
        "listen_answer": {"stage": "listen", "of": "answer", "engine": "asr"},
        "pick_query": {"stage": "pick", "of": "query"},
        "pick_answer": {"stage": "pick", "of": "answer"},
        "fit_units": {"engine": "encoder", "of": "answer", "clusters": 20, "sample_rows": 6},
        "units_answer": {"stage": "units", "of": "answer", "engine": "encoder"},
    }
    source = {
        "path": str(folder / "rows.jsonl"),
        "layout": "columns",
        "columns": {"instruction": "q", "query_text": "q", "answer_text": "a"},
        "licence": "CC0-1.0",
        "shard": {"least": 2, "target": 4, "most": 8},
    }
    recipe = {
        "name": "spoken",
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": {"rows": source},
        "engines": {
            name: {"backend": backend}
            for name, backend in (("tts", "tts_null"), ("asr", "asr_null"), ("encoder", "units_null"))
        },
        "stages": stages,
        "export": {"splits": {"train": 0.7, "test": 0.3}},
    }
    path = folder / "spoken.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


def spoken_corpus(folder: Path) -> str:
    """The recipe, with everything done and exported; returns its path."""
    path = write_spoken_recipe(folder)
    finish(path)
    return path
