"""The work that every peer does: three trivial steps over rows of text, and over clips of 10 s.

A row comes as {"id", "text"} from a JSON Lines file, and leaves with three more columns. Text: in capitals, how many
words that is, a line about it. Audio: a clip of seeded noise (16 kHz, 16 bits, WAV, 320 kB), its level, a line about it.
"""

import io
import json
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

RATE, SECONDS = 16000, 10
Row = dict[str, Any]


def shout(row: Row) -> Row:
    return {"shouted": row["text"].upper()}


def count(row: Row) -> Row:
    return {"words": len(row["shouted"].split())}


def tell_words(row: Row) -> Row:
    return {"told": f"{row['words']} words"}


def clip(row: Row) -> Row:
    import numpy as np

    draw, file = np.random.default_rng(int(row["text"].split()[-1])), io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(draw.integers(-8000, 8000, RATE * SECONDS, dtype=np.int16).tobytes())
    return {"clip": file.getvalue()}


def level(row: Row) -> Row:
    import numpy as np

    samples = np.frombuffer(row["clip"], "<i2", offset=44).astype(np.float32) / 32768
    return {"level": float(np.sqrt(np.mean(samples * samples)))}


def tell_level(row: Row) -> Row:
    return {"told": f"level {row['level']:.3f}"}


STEPS: dict[str, tuple[Callable[[Row], Row], ...]] = {
    "text": (shout, count, tell_words),
    "audio": (clip, level, tell_level),
}


def write_rows(path: Path, rows: int) -> None:
    """The same rows for every peer."""
    with path.open("w") as file:
        for number in range(rows):
            text = f"Tell me what a person would do with thing number {number}"
            file.write(json.dumps({"id": str(number), "text": text}) + "\n")


def started() -> None:
    """To be called when libraries are imported and Ray, where it is used, has been started."""
    Path(os.environ["BENCH_STARTED"]).touch()
