"""Units in batches of like length against one clip at a time, on the same clips of mixed lengths, in one run.

    python benchmarks/units_against_one_by_one.py [--size base] [--layer 11] [--clips 24] [--batch 8]
        [--gpu --dtype bfloat16 --peak 989]

The model has a true shape and random weights, so the speed is true and the units mean nothing. The loop is what people
write: transformers' model on one clip after another, all hidden states, the nearest of as many centroids. Lengths are
drawn like those of spoken answers (log-normal, median 12 s, 1 to 30 s); clips are noise, already decoded for both.
Told are seconds of audio a second (on one thread, of processor time: others may be at work), their ratio, the share of
padding in the engine's batches, and how many units agree. Of the model's floating point operations (two a weight and
frame, convolutions and attention counted) the share of the GPU's peak is told where `--peak` gives that, in TFLOP/s.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from voxsmith.models.windows import buckets
from voxsmith.stages.engines.units import hubert as units_hubert

SIZES: dict[str, dict[str, Any]] = {
    "base": {},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    "1b": {"hidden_size": 1280, "num_hidden_layers": 48, "num_attention_heads": 16, "intermediate_size": 5120},
}
STABLE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
RATE = 16000
clock = time.process_time


def make(folder: Path, size: str, centroids: int) -> None:
    torch.manual_seed(7)
    config = transformers.HubertConfig(**SIZES[size], **({} if size == "base" else STABLE))
    transformers.HubertModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=size != "base").save_pretrained(folder)
    draw = np.random.default_rng(7)
    np.save(folder / "km.npy", draw.normal(size=(centroids, config.hidden_size)).astype(np.float32))


def one_by_one(
    folder: Path, layer: int, clips: list[np.ndarray], device: str, dtype: torch.dtype
) -> tuple[list[Any], float]:
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=dtype).eval().to(device)
    centroids = torch.from_numpy(np.load(folder / "km.npy")).to(device)

    def units(samples: np.ndarray) -> np.ndarray:
        asked = extractor(samples, sampling_rate=RATE, return_tensors="pt").input_values.to(device, dtype)
        features = model(asked, output_hidden_states=True).hidden_states[layer][0].float()
        return torch.cdist(features, centroids).argmin(dim=1).cpu().numpy()

    with torch.inference_mode():
        units(clips[0])
        start = clock()
        return [units(samples) for samples in clips], clock() - start


def operations(folder: Path, layer: int, clips: list[np.ndarray]) -> float:
    """Floating point operations of the clips: convolutions, projections and feed-forward, attention over each clip."""
    config = transformers.AutoConfig.from_pretrained(folder)
    total = 0.0
    for samples in clips:
        frames, before = len(samples), 1
        for width, kernel, stride in zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True):
            frames = (frames - kernel) // stride + 1
            total += 2.0 * frames * kernel * width * before
            before = width
        size = config.hidden_size
        total += (
            2.0
            * frames
            * (before * size + config.num_conv_pos_embeddings * size * size / config.num_conv_pos_embedding_groups)
        )
        total += layer * 2.0 * frames * (4 * size * size + 2 * size * config.intermediate_size + 2 * frames * size)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--layer", type=int, default=11)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--centroids", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=2, help="passes of each, in turns; the quickest counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the GPU in that dtype")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.gpu or options.threads > 1:
        global clock
        clock = time.monotonic
    draw = np.random.default_rng(7)
    seconds = np.clip(draw.lognormal(np.log(12), 0.6, options.clips), 1, 30)
    clips = [draw.normal(0, 0.1, round(RATE * length)).astype(np.float32) for length in seconds]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, options.size, options.centroids)
        resources = {"num_gpus": int(options.gpu), "batch": options.batch, "threads": options.threads}
        engine = units_hubert.BACKEND.load(
            units_hubert.Config.model_validate(
                {"model": name, "layer": options.layer, "codebook": f"{name}/km.npy", "dtype": options.dtype}
                | {"resources": resources}
            )
        )
        codebook = engine.codebooks[b""]

        def batched() -> list[np.ndarray]:
            return [engine.nearest(frames, *codebook) for frames in engine.encode(clips)]

        engine.batch = options.batch  # of its own it takes one clip at a time on a CPU
        engine.encode(clips[: options.batch] if options.gpu else clips[:1])  # warm
        took, loop = float("inf"), float("inf")
        for _ in range(options.repeat):
            start = clock()
            ours = batched()
            took = min(took, clock() - start)
            theirs, seen = one_by_one(
                folder, options.layer, clips, "cuda" if options.gpu else "cpu", getattr(torch, options.dtype)
            )
            loop = min(loop, seen)
        lengths = [len(one) for one in ours]
        groups = buckets(lengths, options.batch)
        padded = sum(max(lengths[place] for place in group) * len(group) for group in groups)
        agree = np.mean(np.concatenate(ours) == np.concatenate(theirs))
        print(
            f"{options.size}, layer {options.layer}, {options.dtype}, {len(clips)} clips, {seconds.sum():.0f} s of audio"
        )
        print(f"one by one   {seconds.sum() / loop:8.1f} s of audio a second")
        print(f"in batches   {seconds.sum() / took:8.1f} s of audio a second, batches of {options.batch}")
        print(f"ratio        {loop / took:8.2f}")
        print(f"padding      {1 - sum(lengths) / padded:8.1%} of {len(groups)} batches; {agree:.2%} of units agree")
        if options.peak:
            print(f"MFU          {operations(folder, options.layer, clips) / took / options.peak / 1e12:8.1%}")
        engine.close()


if __name__ == "__main__":
    main()
