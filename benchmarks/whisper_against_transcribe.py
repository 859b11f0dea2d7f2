"""`asr_whisper` against faster-whisper's own `transcribe` on one clip after another: the same model and clips, one run.

    python benchmarks/whisper_against_transcribe.py [--clips FOLDER] [--model base] [--beam 1]
        [--gpu --compute float16 --batch 16]

Clips are cuts of 2 to 15 s of the recordings in the folder. Told are seconds of audio a second (on a CPU, of processor
time: others may be at work), their ratio, and how far the two texts of a clip are apart: cuts begin and end within words,
so that not all of them need be alike. On a CPU the engine hears the clip and 3 s of silence instead of a whole window of
30 s; on a card whole windows go together.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from voxsmith.models import audio, references
from voxsmith.models.text.wer import error_rates
from voxsmith.stages.engines.asr import whisper as asr_whisper
from voxsmith.stages.engines.clips import RATE, hear
from voxsmith.stages.requests.asr import Transcribe

ROOT = Path(__file__).parents[1]


def cuts(folder: Path, count: int) -> list[np.ndarray]:
    """Pieces of 2 to 15 s, drawn anew for each, at 16 kHz."""
    draw = np.random.default_rng(7)
    recordings = [hear(file.read_bytes()) for file in sorted(folder.glob("*.flac"))]
    pieces = []
    while len(pieces) < count:
        samples = recordings[len(pieces) % len(recordings)]
        length = min(len(samples), round(RATE * draw.uniform(2, 15)))
        start = int(draw.integers(0, len(samples) - length + 1))
        pieces.append(samples[start : start + length])
    return pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=ROOT / "tests/data/voices/audio")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--model", default=asr_whisper.Config().model)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--compute", default=asr_whisper.Config().compute_type)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    clock = time.monotonic if options.gpu else time.process_time
    samples = cuts(options.clips, options.count)
    seconds = sum(map(len, samples)) / RATE
    asked = [Transcribe(audio.encode(one, RATE)) for one in samples]
    config = {"model": options.model, "beam_size": options.beam, "compute_type": options.compute}
    config |= {"window": "full" if options.gpu else "clip"}
    resources = {"num_gpus": int(options.gpu), "batch": options.batch}
    engine = asr_whisper.BACKEND.load(asr_whisper.Config.model_validate(config | {"resources": resources}))

    engine.submit(asked[0]).result()  # warm
    start = clock()
    ours = [future.result().text for future in [engine.submit(request) for request in asked]]
    took = clock() - start
    engine.close()

    from faster_whisper import WhisperModel

    path, device = str(references.resolve(options.model)), "cuda" if options.gpu else "cpu"
    plain = WhisperModel(path, device=device, compute_type=options.compute, cpu_threads=1)

    def transcribe(one: np.ndarray) -> str:
        segments, _ = plain.transcribe(one, language="en", beam_size=options.beam)
        return "".join(segment.text for segment in segments).strip()

    transcribe(samples[0])
    start = clock()
    theirs = [transcribe(one) for one in samples]
    loop = clock() - start
    apart = np.mean([error_rates(one, other)[0] for one, other in zip(theirs, ours, strict=True)])
    print(f"{options.model}, {options.compute}, beam {options.beam}, {len(samples)} clips, {seconds:.0f} s of audio")
    print(f"transcribe   {seconds / loop:8.1f} s of audio a second")
    print(f"asr_whisper  {seconds / took:8.1f} s of audio a second")
    print(f"ratio        {loop / took:8.2f}; texts are {apart:.3f} apart (WER, mean)")


if __name__ == "__main__":
    main()
