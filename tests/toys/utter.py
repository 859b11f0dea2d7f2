"""transcript -> a tone of a tenth of a second a word, how the text goes on, and columns that the core knows nothing of."""

import io

import numpy as np
import pyarrow as pa
import soundfile

from voxsmith.schemas.columns import Column
from voxsmith.schemas.hashing import hashed_hex
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig

RATE = 8000


class Config(StageConfig):
    sample_rate: int = RATE
    mood: str = "calm"


def run(row: Row, context: Context) -> Asking:
    words = row["transcript"].split()
    if "bad" in words:
        raise Reject("bad", "the text is bad", row["transcript"])
    seconds = 0.1 * len(words)
    file = io.BytesIO()
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)
    with soundfile.SoundFile(file, "w", RATE, 1, format="FLAC") as clip:
        clip.comment = row["transcript"]  # what is said in it
        clip.write(samples)
    flac = file.getvalue()
    return {
        "audio": {"bytes": flac, "path": f"{hashed_hex(flac.hex(), 16)}.flac"},
        "duration": seconds,
        "continuation": f"and so on, {row['topic'] or 'anyhow'}",
        "warmth": 10.0 * len(words),
        "mood": context.config.mood,
        "remark": f"said by {row['speaker'] or 'nobody'}",
    }
    yield


STAGE = Stage(
    name="toy_utter",
    config=Config,
    reads=lambda config: ("transcript",),
    optional=lambda config: ("speaker", "topic"),
    writes=lambda config: ("audio", "duration", "continuation", "warmth", "mood", "remark"),
    run=run,
    columns={
        "warmth": Column(pa.float32(), "how warm it sounds | or not", "measure", step=0.5),
        "mood": Column(pa.string(), "how the speaker feels", "label"),
        "remark": Column(pa.string(), "what there is to say about it", "text"),
        "topic": Column(pa.string(), "what it is about", "label", given=True),
        "weight": Column(pa.int32(), "how much it counts", "measure", given=True, step=1.0),
    },
)
