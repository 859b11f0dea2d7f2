"""A corpus of recorded clips, each another, and a recipe without models over it, whose reader writes down what it reads."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from tests.helpers.recipes import ROOT


def write_speech(folder: Path, rows: int, shard: int) -> str:
    """A corpus of half seconds of noise, and the recipe over it; returns the recipe's path."""
    (folder / "speech").mkdir(parents=True)
    lines = []
    for number in range(rows):
        noise = 0.05 * np.random.default_rng(number).standard_normal(8000)
        clip = folder / "speech" / f"{number}.wav"
        soundfile.write(clip, noise, 16000)
        os.utime(clip, (1_600_000_000, 1_600_000_000))  # stands in the rows
        lines.append({"path": f"{number}.wav", "text": f"This is what clip number {number} says.", "id": f"c{number}"})
    (folder / "speech" / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe: dict[str, Any] = {
        "name": "speech",
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": {
            "speech": {
                "path": str(folder / "speech" / "all.jsonl"), "layout": "manifest", "licence": "CC0-1.0",
                "shard": {"least": shard // 2, "target": shard, "most": 2 * shard},
            }
        },
        "engines": {
            "clips": {"backend": "toys.clips", "log": str(folder / "read.log")},
            "asr": {"backend": "asr_null"},
            "llm": {"backend": "llm_null"},
        },
        "stages": {
            "read_clip": {"engine": "clips"},
            "listen": {"of": "row", "engine": "asr"},
            "clean_transcript": {},
            "continue_text": {"engine": "llm", "prompt": str(ROOT / "configs/prompts/continue.jinja")},
        },
        "export": {"report_rows": 0},
    }  # fmt: skip
    path = folder / "speech.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


def read(folder: Path) -> Counter[str]:
    """How often each clip was read."""
    lines = (folder / "read.log").read_text().splitlines()
    return Counter(json.loads(line)["path"] for line in lines)
