"""Self-supervised speech encoders (HuBERT, wav2vec 2.0, XLS-R, WavLM): clips to the frames of one layer.

The models are transformers'. What is done here is what lets clips of unlike length share a batch: the statistics of
the first convolution's normalisation are taken over each clip's own frames, so that padding changes nothing.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voxsmith.models import fairseq_checkpoint
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite, check_report

if TYPE_CHECKING:
    import torch

RATE = 16000
KINDS = {"hubert": "HubertModel", "wav2vec2": "Wav2Vec2Model", "wavlm": "WavLMModel"}
# Added to the variance where a clip is normalised: in transformers, and in fairseq's layer_norm.
_EPSILON, _EPSILON_FAIRSEQ = 1e-7, 1e-5
_UNUSED = "masked_spec_embed"  # takes the place of what training masks


class SpeechEncoder:
    """A loaded model, cut off above the layer that is wanted.

    `width` of a frame; `hop` samples from frame to frame, of which each sees `field`.
    """

    def __init__(self, model: Any, epsilon: float | None, layer: int, device: str, dtype: str) -> None:
        """`model`: transformers'; `epsilon`: of a clip's normalisation, None where there is none."""
        import torch

        self.model, self.epsilon = model, epsilon
        config, encoder = model.config, model.encoder
        encoder.layers = encoder.layers[:layer]
        if config.do_stable_layer_norm:  # its last norm comes after all layers, and so after none that is asked for
            encoder.layer_norm = torch.nn.Identity()
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)
        self.model.eval().requires_grad_(False).to(self.device, self.dtype)
        torch.backends.cudnn.allow_tf32 = False  # float32 means float32
        self.shape = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.width, self.hop, self.field = config.hidden_size, 1, 1
        for kernel, stride in self.shape:
            self.field += (kernel - 1) * self.hop
            self.hop *= stride

    def frames(self, samples: int) -> int:
        """How many frames so many samples give."""
        return max(0, (samples - self.field) // self.hop + 1)

    def prepare(self, samples: np.ndarray) -> np.ndarray:
        """The clip as the model takes it: normalised where it was trained so, and long enough for a frame."""
        if self.epsilon is not None:
            values = samples.astype(np.float64)
            samples = ((values - values.mean()) / np.sqrt(values.var() + self.epsilon)).astype(np.float32)
        return np.pad(samples, (0, max(0, self.field - len(samples))))

    def encode(self, clips: list[np.ndarray]) -> "list[torch.Tensor]":
        """One pass over all clips (prepared, float32 [n]) at once: float32 [frames(n), width] for each, on the device."""
        import torch

        longest = max(len(clip) for clip in clips)
        padded = np.zeros((len(clips), longest), np.float32)
        for row, clip in zip(padded, clips, strict=True):
            row[: len(clip)] = clip
        counts = [self.frames(len(clip)) for clip in clips]
        with torch.inference_mode():
            hidden = self._convolve(torch.from_numpy(padded).to(self.device), [len(clip) for clip in clips])
            projected = self.model.feature_projection(hidden.transpose(1, 2))
            projected = projected[0] if isinstance(projected, tuple) else projected
            mask = None
            if min(counts) < max(counts):
                mask = torch.arange(max(counts), device=self.device) < torch.tensor(counts, device=self.device)[:, None]
            output = self.model.encoder(projected, attention_mask=mask).last_hidden_state
        return [row[:count].float() for row, count in zip(output, counts, strict=True)]

    def _convolve(self, samples: "torch.Tensor", lengths: list[int]) -> "torch.Tensor":
        import torch

        first, *others = self.model.feature_extractor.conv_layers
        hidden: torch.Tensor = samples[:, None].to(self.dtype)
        if self.model.config.feat_extract_norm == "group":
            kernel, stride = self.shape[0]
            hidden = first.conv(hidden)
            hidden = first.activation(
                _own_norm(hidden, [(n - kernel) // stride + 1 for n in lengths], first.layer_norm)
            )
        else:
            hidden = first(hidden)
        for layer in others:
            hidden = layer(hidden)
        return hidden


def open_encoder(path: Path, layer: int, device: str, dtype: str, heads: int | None = None) -> SpeechEncoder:
    """Of a Hugging Face folder, or a checkpoint. Raises ModelMissing: not the architecture, not that many layers, broken
    files.
    """
    model, epsilon = assembled(path, fairseq_checkpoint.read(path, heads)) if path.is_file() else _from_folder(path)
    if not 1 <= layer <= model.config.num_hidden_layers:
        raise ModelMissing(f"{path}: layer {layer}: the model has layers 1 to {model.config.num_hidden_layers}")
    return SpeechEncoder(model, epsilon, layer, device, dtype)


def _own_norm(hidden: "torch.Tensor", counts: list[int], norm: Any) -> "torch.Tensor":
    """Each channel of each clip to mean 0, variance 1 over the clip's own frames: a group norm with a group a channel."""
    import torch

    for row, count in zip(hidden, counts, strict=True):
        own = row[None, :, :count].float()
        row[:, :count] = torch.nn.functional.group_norm(
            own, norm.num_groups, norm.weight.float(), norm.bias.float(), norm.eps
        )[0].to(hidden.dtype)
    return hidden


def _from_folder(path: Path) -> tuple[Any, float | None]:
    """Of a Hugging Face folder: the model, and the epsilon of its normalisation, None where it has none."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    config = _json(path / "config.json", f"{path}: no Hugging Face folder of a speech encoder")
    kind = config.get("model_type")
    if kind not in KINDS:
        raise ModelMissing(f"{path}: config.json says model_type '{kind}', not one of {', '.join(KINDS)}")
    features = path / "preprocessor_config.json"
    preprocessing = _json(features, "") if features.is_file() else {}
    if preprocessing.get("sampling_rate", RATE) != RATE:
        raise ModelMissing(
            f"{path}: the model wants {preprocessing['sampling_rate']} Hz; only those of {RATE} Hz are known here"
        )
    with reading(path, "can't be loaded"):
        model, report = getattr(transformers, KINDS[kind]).from_pretrained(
            path,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype="float32",
            ignore_mismatched_sizes=True,
        )
    check_report(path, report, _UNUSED)
    check_finite(path, model)
    return model, _EPSILON if preprocessing.get("do_normalize", True) else None


def assembled(path: Path, checkpoint: fairseq_checkpoint.Checkpoint) -> tuple[Any, float | None]:
    """The model and the epsilon of its normalisation, of a checkpoint at that path. Raises ModelMissing."""
    import transformers

    config = {"hubert": transformers.HubertConfig, "wav2vec2": transformers.Wav2Vec2Config}[checkpoint.kind]
    with reading(path, "its weights don't fit together"):
        model = getattr(transformers, KINDS[checkpoint.kind])(config(**checkpoint.settings, mask_time_prob=0.0))
        lacking, left = model.load_state_dict(checkpoint.weights, strict=False)
    if left or (lacking := [name for name in lacking if name != _UNUSED]):
        mismatch = f"is left over: {left[0]}" if left else f"is missing: {lacking[0]}"
        raise ModelMissing(f"{path}: a weight {mismatch}")
    check_finite(path, model)
    return model, _EPSILON_FAIRSEQ if checkpoint.normalise else None


def _json(path: Path, missing: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelMissing(f"{missing}: {path.name} isn't there") from None
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{path}: can't be read: {error}") from None
    return content if isinstance(content, dict) else {}
