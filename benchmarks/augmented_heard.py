"""What each effect of `augment` costs, and what an ASR still hears in the clips.

    python -m benchmarks.augmented_heard tests/data/asr [--clips 12] [--model whisper-base]

The folder has a manifest.jsonl, whose lines have `path` and `text`; clips are taken from all over it. Printed are two tables
of docs/augmentation.md: milliseconds of CPU a clip, the mean, on one thread, reading and writing FLAC included, without what
is loaded at the first clip; and the word error rate over all words, in which a clip counts no more errors than it has words.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from voxsmith.models.audio import decode
from voxsmith.models.text.wer import compared
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.augment import Augment

Effect = dict[str, Any]


def room(rt60: float) -> Effect:
    place = {"size": [6.0, 5.0, 3.0], "source": [1.0, 1.5, 1.6], "microphone": [4.0, 3.0, 1.2]}
    return {"effect": "room", "kind": "simulated", "rt60": rt60, "seed": 3} | place


def noise(snr: float, kind: str = "pink") -> Effect:
    return {"effect": "noise", "kind": kind, "snr": snr, "seed": 11}


def codec(kind: str, kbps: float) -> Effect:
    return {"effect": "codec", "kind": kind, "kbps": kbps}


COSTS: dict[str, Effect] = {
    "speed": {"effect": "speed", "factor": 1.1},
    "room .6 s": room(0.6),
    "room 1.3 s": room(1.3),
    "noise, pink": noise(10),
    "gain": {"effect": "gain", "db": -6},
    "telephone": {"effect": "telephone"},
    "codec G.711": codec("mulaw", 64),
    "codec GSM": codec("gsm", 13.2),
    "codec AMR": codec("amr_nb", 12.2),
    "codec MP3": codec("mp3", 32),
    "codec Opus": codec("opus", 16),
}
HEARD: dict[str, list[Effect]] = {
    "clean": [],
    "pink 20 dB": [noise(20)],
    "10 dB": [noise(10)],
    "0 dB": [noise(0)],
    "-6 dB": [noise(-6)],
    "room .5 s": [room(0.5)],
    "1.2 s": [room(1.2)],
    "telephone": [{"effect": "telephone"}],
    "AMR 4.75": [codec("amr_nb", 4.75)],
    "Opus 8": [codec("opus", 8)],
}


def chosen(folder: Path, count: int) -> list[tuple[bytes, str]]:
    """(clip, transcript) of so many lines of the manifest, at equal steps."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(lines[place * len(lines) // count]) for place in range(min(count, len(lines)))]
    return [((folder / record["path"]).read_bytes(), record["text"]) for record in records]


def milliseconds(signal: Any, clips: list[bytes], effects: list[Effect]) -> float:
    """Of CPU a clip, reading and writing FLAC included."""
    signal.augmented(Augment(clips[0], json.dumps(effects)))
    start = time.process_time()
    for clip in clips:
        signal.augmented(Augment(clip, json.dumps(effects)))
    return (time.process_time() - start) / len(clips) * 1000


def word_error_rate(signal: Any, ears: Any, clips: list[tuple[bytes, str]], effects: list[Effect]) -> float:
    wrong = words = 0
    for clip, text in clips:
        flac = signal.augmented(Augment(clip, json.dumps(effects))).flac
        heard = ears.submit(Transcribe(flac)).result(120).text
        counted = compared(text, heard)
        wrong, words = wrong + min(counted.wrong_words, counted.words), words + counted.words
    return wrong / words


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="clips and their manifest.jsonl")
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--model", default="whisper-base", help="of asr_whisper; none: effects' costs alone")
    options = parser.parse_args(arguments)
    clips = chosen(options.folder, options.clips)
    sounds = [clip for clip, _ in clips]
    seconds = [len(samples) / rate for samples, rate in map(decode, sounds)]
    print(f"{len(clips)} clips of {sum(seconds) / len(clips):.1f} s on the mean, {sum(seconds):.0f} s in all\n")
    declared = backend("augmenter_signal")
    signal = declared.load(declared.config())
    print("| effect | ms |\n|---|---|")
    for name, effects in ({"none": []} | {name: [effect] for name, effect in COSTS.items()}).items():
        print(f"| {name} | {milliseconds(signal, sounds, effects):.0f} |", flush=True)
    if options.model == "none":
        return
    listening = backend("asr_whisper")
    ears = listening.load(listening.config(model=options.model))
    rates = [f"{word_error_rate(signal, ears, clips, effects):.3f}".lstrip("0") for effects in HEARD.values()]
    print(f"\n| {' | '.join(HEARD)} |\n{'|---' * len(HEARD)}|\n| {' | '.join(rates)} |")


if __name__ == "__main__":
    main()
