"""`tts_vits` against transformers' own call on one text after another: the same model and texts, one run.

    python benchmarks/vits_against_one_by_one.py [--texts 16] [--gpu --batch 16]

The model has the shape of MMS's voices and random weights, so the speed is true and nobody understands it. Texts have 20
to 300 letters. Told are seconds of audio a second (on a CPU, of processor time: others may be at work) and their ratio; a
batch on a card shares one seed, so that lengths differ between the two, and each is held against its own.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers

from voxsmith.stages.engines.tts import vits as tts_vits
from voxsmith.stages.requests.tts import Speak

LETTERS = "abcdefghijklmnopqrstuvwxyz' ,.?!-"


def make(folder: Path) -> None:
    torch.manual_seed(7)
    transformers.VitsModel(transformers.VitsConfig(vocab_size=len(LETTERS) + 2, sampling_rate=16000)).save_pretrained(
        folder
    )
    vocabulary = {letter: number for number, letter in enumerate(["<pad>", "<unk>", *LETTERS])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    settings = {"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False, "language": "eng"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "VitsTokenizer", **settings}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    clock = time.monotonic if options.gpu else time.process_time
    draw = np.random.default_rng(7)
    lengths = draw.integers(20, 300, options.texts)
    texts = ["".join(draw.choice(list(LETTERS), length)) for length in lengths]
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        resources = {"num_gpus": int(options.gpu), "batch": options.batch}
        engine = tts_vits.BACKEND.load(tts_vits.Config.model_validate({"model": name, "resources": resources}))
        asked = [Speak(text, "speaker_0", seed=number) for number, text in enumerate(texts)]
        engine.say_together(asked[:1])  # warm
        start = clock()
        groups = [asked[first : first + engine.batch] for first in range(0, len(asked), engine.batch)]
        ours = sum(len(clip) for group in groups for clip in engine.say_together(group)) / 16000
        took = clock() - start
        engine.close()

        device = "cuda" if options.gpu else "cpu"
        model = transformers.VitsModel.from_pretrained(name).eval().to(device)
        tokenizer = transformers.VitsTokenizer.from_pretrained(name)
        theirs = 0.0
        with torch.inference_mode():
            model(**tokenizer(texts[0], return_tensors="pt").to(device))
            start = clock()
            for number, text in enumerate(texts):
                torch.manual_seed(number)
                wave = model(**tokenizer(text, return_tensors="pt").to(device)).waveform
                theirs += wave.shape[-1] / 16000
            loop = clock() - start
    print(f"{options.texts} texts, {sum(lengths)} letters, batches of {engine.batch}")
    print(f"one by one   {theirs / loop:8.1f} s of audio a second")
    print(f"tts_vits     {ours / took:8.1f} s of audio a second")
    print(f"ratio        {(ours / took) / (theirs / loop):8.2f}")


if __name__ == "__main__":
    main()
