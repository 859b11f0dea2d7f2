"""Golden numbers for the unit vocoder: a tiny random code HiFi-GAN in fairseq's files, and what fairseq makes of units.

Run once, in the environment that make_units.py names. Writes into tests/golden/vocoder/: g_00500000, config.json (the names
that fairseq's vocoders have) and golden.npz: waves with given and with predicted durations.
"""

import json
from pathlib import Path

import numpy as np
import torch
from fairseq.models.text_to_speech.codehifigan import CodeGenerator
from fairseq.models.text_to_speech.vocoder import CodeHiFiGANVocoder

FOLDER = Path(__file__).parent / "vocoder"
CONFIG = {
    "resblock": "1",
    "upsample_rates": [5, 4, 4, 2, 2],
    "upsample_kernel_sizes": [11, 8, 8, 4, 4],
    "upsample_initial_channel": 64,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "num_embeddings": 20,
    "embedding_dim": 16,
    "model_in_dim": 16,
    "segment_size": 8960,
    "code_hop_size": 320,
    "f0": False,
    "num_mels": 80,
    "sampling_rate": 16000,
    "dur_prediction_weight": 1.0,
    "dur_predictor_params": {
        "encoder_embed_dim": 16,
        "var_pred_hidden_dim": 16,
        "var_pred_kernel_size": 3,
        "var_pred_dropout": 0.5,
    },
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(7)
    generator = CodeGenerator(CONFIG)
    with torch.no_grad():
        for name, value in generator.named_parameters():
            value += 0.02 * torch.randn(value.shape)
            value *= 2 if name.endswith("weight_g") and "ups" in name else 1  # so that it isn't nearly silent
        generator.dur_predictor.proj.bias += 1.2
    torch.save({"generator": generator.state_dict()}, FOLDER / "g_00500000")
    (FOLDER / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    vocoder = CodeHiFiGANVocoder(str(FOLDER / "g_00500000"), CONFIG)
    draw = np.random.RandomState(7)
    units = draw.randint(0, 20, 25)
    durations = draw.randint(1, 6, 25)
    given = vocoder({"code": torch.from_numpy(np.repeat(units, durations))[None]}).numpy()
    predicted = vocoder({"code": torch.from_numpy(units)[None]}, dur_prediction=True).numpy()
    print(
        f"given {given.shape} up to {abs(given).max():.3f}; predicted {predicted.shape[0] / 320:g} frames of 25 units"
    )
    np.savez_compressed(FOLDER / "golden.npz", units=units, durations=durations, given=given, predicted=predicted)


if __name__ == "__main__":
    main()
