"""UTMOS, the strong learner without phonemes (Saeki et al. 2022, arXiv:2204.02152), which guesses how natural people would
find a clip.

The checkpoint is SpeechMOS's utmos22_strong_step7459_v1.pt: wav2vec 2.0 by fairseq's names, the embeddings of one listener
and one set of clips, an LSTM that goes both ways, two layers. The score is the mean over frames, times 2 plus 3.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voxsmith.models import fairseq_checkpoint, ssl_encoder
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite

if TYPE_CHECKING:
    import torch

RATE = 16000
CHECKPOINT = "utmos22_strong_step7459_v1.pt"
REFERENCE = f"https://github.com/tarepan/SpeechMOS/releases/download/v1.0.0/{CHECKPOINT}"
WINDOW = 30 * RATE  # samples heard at once; a longer clip's score is the mean over its windows
_ENCODER, _LSTM = "wav2vec2.", "blstm."
_OTHERS = (
    "domain_emb",
    "judge_emb",
    "projection.0.weight",
    "projection.0.bias",
    "projection.2.weight",
    "projection.2.bias",
)


class Utmos:
    """A loaded model. `path`: the checkpoint, or a folder with it. Raises ModelMissing."""

    def __init__(self, path: Path, device: "torch.device") -> None:
        import torch

        self.device = device
        path = path / CHECKPOINT if path.is_dir() else path
        weights = _weights(path)
        inner = {name.removeprefix(_ENCODER): value for name, value in weights.items() if name.startswith(_ENCODER)}
        checkpoint = fairseq_checkpoint.encoder_of(path, inner, {}, {})
        model, _ = ssl_encoder.assembled(path, checkpoint)
        self.encoder = ssl_encoder.SpeechEncoder(
            model, None, checkpoint.settings["num_hidden_layers"], self.device.type, "float32"
        )
        self.head = _head(path, weights).to(self.device)
        embeddings = [weights[name].reshape(1, -1).to(self.device) for name in ("domain_emb", "judge_emb")]
        self.embeddings = torch.cat(embeddings, dim=1)
        self._score(np.zeros(RATE // 10, np.float32))  # parts that don't fit together show here, and not row by row

    def rate(self, samples: np.ndarray) -> float:
        """The score of a clip (16 kHz, float32 [n], n > 0), about 1 to 5: of its windows, by their length."""
        windows = np.array_split(samples, -(-len(samples) // WINDOW))
        scores = [self._score(window) for window in windows]
        return float(np.average(scores, weights=[len(window) for window in windows]))

    def _score(self, samples: np.ndarray) -> float:
        import torch

        (frames,) = self.encoder.encode([self.encoder.prepare(samples)])  # float32 [frames, width]
        with torch.inference_mode():
            hidden, _ = self.head["blstm"](torch.cat([frames, self.embeddings.expand(len(frames), -1)], dim=1)[None])
            scores = self.head["projection"](hidden)
        return float(scores.mean() * 2 + 3)


def _weights(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise ModelMissing(f"{path} isn't there; it is {CHECKPOINT} of SpeechMOS")
    weights = fairseq_checkpoint.load(path)
    if not isinstance(weights, Mapping) or not all(hasattr(value, "shape") for value in weights.values()):
        raise ModelMissing(f"{path}: no weights of UTMOS")
    for name in (*_OTHERS, f"{_LSTM}weight_hh_l0"):
        if name not in weights:
            raise ModelMissing(f"{path}: no weights of UTMOS: {name} isn't there")
    return weights


def _head(path: Path, weights: Mapping[str, Any]) -> "torch.nn.ModuleDict":
    """What comes after the encoder, in shapes that the weights have."""
    import torch

    hidden, width = weights[f"{_LSTM}weight_hh_l0"].shape[1], weights[f"{_LSTM}weight_ih_l0"].shape[1]
    between = weights["projection.0.weight"].shape[0]
    linear = torch.nn.Linear
    head = torch.nn.ModuleDict(
        {
            "blstm": torch.nn.LSTM(width, hidden, batch_first=True, bidirectional=True),
            "projection": torch.nn.Sequential(linear(2 * hidden, between), torch.nn.ReLU(), linear(between, 1)),
        }
    )
    try:
        head.load_state_dict(
            {name: value for name, value in weights.items() if name.startswith(tuple(f"{part}." for part in head))}
        )
    except RuntimeError as error:
        raise ModelMissing(f"{path}: its weights don't fit together: {str(error).splitlines()[-1].strip()}") from None
    check_finite(path, head)
    return head.eval().requires_grad_(False)
