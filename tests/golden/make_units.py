"""Golden numbers for the encoders: tiny random models in fairseq's own checkpoints, and what fairseq makes of clips.

Run once, in an environment of its own (Python 3.11; fairseq-fixed compiles for some minutes):

    pip install torch==2.13.0 fairseq-fixed==0.12.3.1 scikit-learn joblib && python tests/golden/make_units.py

Writes into tests/golden/units/: <name>.pt, <name>.npz (features of two layers of three clips, and units), <name>_km20.bin
or .npy. The clips are those of clips.py, so that no audio lies here.
"""

from argparse import Namespace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from clips import clip
from fairseq.data import Dictionary
from fairseq.models.hubert import HubertConfig, HubertModel
from fairseq.models.wav2vec import Wav2Vec2Config, Wav2Vec2Model
from fairseq.tasks.hubert_pretraining import HubertPretrainingConfig
from omegaconf import OmegaConf
from sklearn.cluster import MiniBatchKMeans

FOLDER = Path(__file__).parent / "units"
TINY = Path(__file__).parents[2] / "configs" / "data" / "tiny"  # hubert_base, which a recipe names too
LAYERS = (2, 3)  # the last one of three, too
SMALL = {
    "encoder_layers": 3,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4,
    "conv_feature_layers": "[(16,10,5)] + [(16,3,2)] * 4 + [(16,2,2)] * 2",
    "final_dim": 8,
}
LARGE = {"extractor_mode": "layer_norm", "layer_norm_first": True, "conv_bias": True}


def shaken(model: torch.nn.Module) -> torch.nn.Module:
    """The model with no weight as training starts it, so that each one shows in what comes out."""
    with torch.no_grad():
        for value in model.parameters():
            value += 0.1 * torch.randn(value.shape)
    return model.eval()


def plain(model: Any, task: Any) -> Any:
    return OmegaConf.to_container(OmegaConf.create({"model": model, "task": task}), resolve=True, enum_to_str=True)


def features(model: torch.nn.Module, samples: np.ndarray, layer: int, normalise: bool) -> np.ndarray:
    source = torch.from_numpy(samples)[None]
    if normalise:
        source = torch.nn.functional.layer_norm(source, source.shape)
    with torch.inference_mode():
        if isinstance(model, HubertModel):
            hidden, _ = model.extract_features(source, padding_mask=None, mask=False, output_layer=layer)
        else:
            hidden = model.extract_features(source, padding_mask=None, mask=False, layer=layer - 1)["x"]
    return hidden[0].numpy()


def write(name: str, model: torch.nn.Module, settings: Any, task: Any, normalise: bool) -> None:
    checkpoint = {"args": settings} if isinstance(settings, Namespace) else {"args": None, "cfg": settings}
    state = {
        **checkpoint,
        "model": model.state_dict(),
        "criterion": None,
        "optimizer_history": [{"criterion_name": "HubertCriterion", "num_updates": 1, "best": np.float64(1.5)}],
        "task_state": task,
        "extra_state": {"epoch": 1},
        "last_optimizer_state": None,
    }
    folder = TINY if name == "hubert_base" else FOLDER
    torch.save(state, folder / f"{name}.pt")
    arrays = {f"layer{n}_clip{m}": features(model, clip(m), n, normalise) for m in range(3) for n in LAYERS}
    frames = np.concatenate([arrays[f"layer{LAYERS[0]}_clip{m}"] for m in range(3)])
    fitted = MiniBatchKMeans(20, n_init=3, random_state=0, batch_size=256).fit(frames)
    if name == "wav2vec2":
        np.save(folder / f"{name}_km20.npy", fitted.cluster_centers_.astype(np.float32))
    else:
        joblib.dump(fitted, folder / f"{name}_km20.bin")
    for m in range(3):
        one = arrays[f"layer{LAYERS[0]}_clip{m}"]
        arrays[f"units_clip{m}"] = fitted.predict(one).astype(np.uint16)
        distances = np.sort(((one[:, None] - fitted.cluster_centers_[None]) ** 2).sum(-1), axis=1)
        print(f"{name} clip {m}: {one.shape} frames, nearest margin {np.diff(distances[:, :2]).min():.5f}")
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(7)
    words = Dictionary()
    for number in range(5):
        words.add_symbol(str(number))
    base = OmegaConf.structured(HubertConfig(**SMALL, label_rate=50))
    task = OmegaConf.structured(
        HubertPretrainingConfig(data="data", label_dir="labels", labels=["km"], normalize=False)
    )
    write(
        "hubert_base",
        shaken(HubertModel(base, task, [words])),
        plain(base, task),
        {"dictionaries": [words]},
        False,
    )
    large = OmegaConf.structured(HubertConfig(**SMALL, **LARGE, label_rate=50))
    task.normalize = True
    write(
        "hubert_large",
        shaken(HubertModel(large, task, [words])),
        OmegaConf.create(plain(large, task)),  # as versions of 2021 left it
        {"dictionaries": [words]},
        True,
    )
    xlsr = Wav2Vec2Config(**SMALL, **LARGE, quantize_targets=True, latent_vars=4, latent_dim=8)
    write("wav2vec2", shaken(Wav2Vec2Model(xlsr)), Namespace(**vars(xlsr), normalize=True), {}, True)


if __name__ == "__main__":
    main()
