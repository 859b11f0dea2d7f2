"""What a trained vocoder makes of an export's units, heard by the ASR and rated by the MOS models that corpora are checked with.

    python benchmarks/vocoder_heard.py runs/vocoder_tiny out/quickstart --split train [--rows 50] [--generator griffin_lim]

Told are the error rate of words over all rows (normalised, against the answers' texts), the mean of DNSMOS, and processor seconds a
second of speech, of one thread: for the clips as they are, for their mel spectrograms through the generator, and for units with true
and with predicted durations.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from voxsmith.models import audio, references
from voxsmith.models.hifigan_mel import hifigan_mel
from voxsmith.models.mel_form import RATE
from voxsmith.models.mel_vocoder import MelVocoder, open_generator
from voxsmith.models.text.wer import Errors, compared
from voxsmith.models.vocoder import open_any
from voxsmith.trainer.data.exports import Export, clip
from voxsmith.trainer.generated.ears import Ears, open_ears
from voxsmith.trainer.vocoder.data import AUDIO, DURATIONS, UNITS

ASR_RATE = 16000
TEXT = "answer_text"


def measured(rows: list[dict], ears: Ears, speak: Callable[[dict], np.ndarray]) -> str:
    wrong, scores, took, seconds = Errors(), [], 0.0, 0.0
    for row in rows:
        began = time.process_time()
        wave = speak(row)
        took, seconds = took + time.process_time() - began, seconds + len(wave) / RATE
        samples = audio.resample(wave, RATE, ASR_RATE)
        wrong += compared(row[TEXT], ears.hear(samples))
        scores.append(ears.rate["dnsmos"](samples))
    return f"WER {wrong.wer:.3f} of {wrong.words} words, DNSMOS {np.mean(scores):.2f}, {took / seconds:.2f} s a second"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("run")
    options.add_argument("export", type=Path)
    options.add_argument("--split")
    options.add_argument("--rows", type=int, default=50)
    options.add_argument("--generator", help="another than the run's")
    given = options.parse_args()
    torch.set_num_threads(1)
    ears, export = open_ears(), Export(given.export, given.split)
    vocoder = open_any(references.resolve(given.run), torch.device("cpu"))
    if not isinstance(vocoder, MelVocoder):
        raise SystemExit(f"{given.run} was not trained here")
    if given.generator:
        vocoder.generator = open_generator(given.generator)
    rows = [export.row(place, ("id", TEXT, AUDIO, UNITS, DURATIONS)) for place in range(min(given.rows, len(export)))]

    def arrays(row: dict) -> tuple[np.ndarray, np.ndarray]:
        return np.array(row[UNITS], np.int64), np.array(row[DURATIONS], np.int64)

    def copied(row: dict) -> np.ndarray:
        return np.asarray(vocoder.spoken(hifigan_mel(torch.from_numpy(clip(row[AUDIO], RATE))).T, 0).numpy())

    ways: dict[str, Callable[[dict], np.ndarray]] = {
        "the clips": lambda row: clip(row[AUDIO], RATE),
        "their mel": copied,
        "true durations": lambda row: vocoder.wave(*arrays(row)),
        "predicted durations": lambda row: vocoder.wave(arrays(row)[0]),
    }
    print(
        f"{len(rows)} rows of {given.export}, {given.split or 'first split'}; {given.generator or 'the generator of the run'}"
    )
    for name, speak in ways.items():
        print(f"{name:20} {measured(rows, ears, speak)}", flush=True)


if __name__ == "__main__":
    main()
