"""Which real clips `read_clip` takes for clipped: as they are, and turned up beyond full scale.

    python -m benchmarks.clipped FOLDER

FOLDER holds manifest.jsonl, with a `path` in each line. Each clip's peak is brought to full scale first, so that 6 dB more
clip it; then it is stored as 16 bits. The last lines are of codecs whose steps are coarse or that round flat tops.
"""

import argparse
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voxsmith.models.clipped import clipped_share
from voxsmith.stages.read_clip import Config

LIMIT = Config().max_clipping
Change = Callable[[np.ndarray, int], tuple[np.ndarray, int]]


def up(decibels: float, after: Change = lambda samples, rate: (samples, rate)) -> Change:
    return lambda samples, rate: after(np.clip(samples * 10 ** (decibels / 20), -1, 1), rate)


def stored(format: str, subtype: str | None = None, gain: float = 1.0) -> Change:
    def change(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
        file = io.BytesIO()
        soundfile.write(file, gain * samples, rate, format=format, subtype=subtype)
        file.seek(0)
        return soundfile.read(file, dtype="float32")

    return change


CHANGES: dict[str, Change] = {
    "as it is": stored("WAV"),
    "at -20 dB": stored("WAV", gain=0.1),
    "8 bits": stored("WAV", "PCM_U8"),
    "mu-law at -6 dB": stored("WAV", "ULAW", 0.5),
    "A-law at -6 dB": stored("WAV", "ALAW", 0.5),
    "MP3 at -6 dB": stored("MP3", gain=0.5),
    "+3 dB": up(3, stored("WAV")),
    "+6 dB": up(6, stored("WAV")),
    "+12 dB": up(12, stored("WAV")),
    "+12 dB, then -14 dB": up(12, stored("WAV", gain=0.2)),
    "+12 dB, mu-law": up(12, stored("WAV", "ULAW")),
    "+12 dB, then MP3": up(12, stored("MP3", gain=0.9)),
    "+12 dB, then at 8 kHz": up(12, lambda samples, rate: (soxr.resample(samples, rate, 8000), 8000)),
}


def clips(folder: Path) -> Iterator[tuple[np.ndarray, int]]:
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        samples, rate = soundfile.read(folder / json.loads(line)["path"], dtype="float32", always_2d=True)
        samples = samples.mean(axis=1)
        yield samples / np.abs(samples).max(), rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    shares: dict[str, list[float]] = {name: [] for name in CHANGES}
    for samples, rate in clips(parser.parse_args().folder):
        for name, change in CHANGES.items():
            shares[name].append(clipped_share(*change(samples, rate)))
    for name, all_of in shares.items():
        over = sum(share > LIMIT for share in all_of)
        print(f"{name:<22} clipped: {over} of {len(all_of)}; share of the clip: at most {max(all_of):.4f}")


if __name__ == "__main__":
    main()
