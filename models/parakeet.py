"""NVIDIA's Parakeet (FastConformer with a CTC or TDT head, arXiv:2305.05084, arXiv:2304.06795) in transformers' classes.

Clips go together, padded with silence to the longest; masks keep padding out of what is heard. A clip that is longer
than one pass is cut where it is softest.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite, check_report

if TYPE_CHECKING:
    import torch

RATE = 16000
CLASSES = {"parakeet_ctc": "ParakeetForCTC", "parakeet_tdt": "ParakeetForTDT"}
READABLE = "hub:nvidia/parakeet-tdt-0.6b-v3 or hub:nvidia/parakeet-ctc-1.1b"
_SHORTEST = 0.2  # seconds: what is shorter has too few frames for a mean and a deviation, and is padded
_SOFT = 0.2  # seconds of a pause in which a long clip is cut
_LAST = 1 / 3  # of a pass, in which its end is looked for


class Parakeet:
    """A loaded model: one of CLASSES, and its processor. `longest`: seconds in one pass."""

    def __init__(self, model: Any, processor: Any, device: "torch.device", dtype: str, longest: float) -> None:
        import torch

        self.device, self.dtype, self.longest = device, getattr(torch, dtype), longest
        self.kind, self.model, self.processor = model.config.model_type, model, processor
        self.model.eval().requires_grad_(False).to(self.device, self.dtype)
        torch.backends.cudnn.allow_tf32 = False  # float32 means float32
        self._finite: list[bool] = []
        self._frames: list[int] = []
        self.model.encoder.register_forward_hook(self._note)

    def cut(self, samples: np.ndarray) -> list[np.ndarray]:
        """The clip (16 kHz, float32 [n]) in parts of `longest` seconds at most."""
        return cut(samples, round(self.longest * RATE))

    def hear(self, clips: list[np.ndarray]) -> list[str | None]:
        """What is said in each of the clips (parts that `cut` gave), in one pass; None where the network's own numbers aren't
        finite.
        """
        import torch

        padded = [np.pad(clip, (0, max(0, round(_SHORTEST * RATE) - len(clip)))) for clip in clips]
        inputs = self.processor(padded, sampling_rate=RATE)
        features = inputs["input_features"].to(self.device, self.dtype)
        with torch.inference_mode():
            output = self.model.generate(
                input_features=features,
                attention_mask=inputs["attention_mask"].to(self.device),
                return_dict_in_generate=True,
                **self._how(features.shape[1]),
            )
        tokens = output.sequences.tolist()
        if self.kind == "parakeet_tdt":
            tokens = list(map(self._within, tokens, output.durations.tolist(), self._frames))
        texts = [self._text(row) for row in tokens]
        return [text if finite else None for text, finite in zip(texts, self._finite, strict=True)]

    def _how(self, mels: int) -> dict[str, Any]:
        """How transducers are asked, which a folder's generation_config.json need not say."""
        config = self.model.config
        if self.kind == "parakeet_ctc":
            return {}
        # Scores of durations stand behind those of tokens, and are no tokens.
        durations = range(config.vocab_size, config.vocab_size + len(config.durations))
        frames = mels // config.encoder_config.subsampling_factor + 1
        return {
            "decoder_start_token_id": config.blank_token_id,
            "suppress_tokens": list(durations),
            "max_new_tokens": config.max_symbols_per_step * frames,
        }

    def _within(self, tokens: list[int], durations: list[int], frames: int) -> list[int]:
        """The tokens of a clip's own frames. The library goes on until the longest clip of a batch ends, and takes what the
        others say meanwhile for said. The first token is what it starts with.
        """
        config, kept, at = self.model.config, list[int](), 0
        for token, duration in zip(tokens[1:], durations[1:], strict=True):
            if at >= frames:
                break
            if token not in (config.blank_token_id, config.pad_token_id):
                kept.append(token)
            at += duration
        return kept

    def _text(self, tokens: list[int]) -> str:
        """CTC says a token for each frame, and repeats mean one; TDT says each as often as it is heard."""
        text = self.processor.tokenizer.decode(
            tokens, skip_special_tokens=True, group_tokens=self.kind == "parakeet_ctc"
        )
        return str(text).strip()

    def _note(self, encoder: Any, inputs: Any, output: Any) -> None:
        self._finite = output.last_hidden_state.isfinite().flatten(1).all(1).tolist()
        self._frames = output.attention_mask.sum(-1).tolist()


def cut(samples: np.ndarray, longest: int) -> list[np.ndarray]:
    """Parts of `longest` samples at most, each ended in the middle of the softest fifth of a second of its last third."""
    parts = []
    step = max(1, round(_SOFT * RATE))
    while len(samples) > longest:
        first = round(longest * (1 - _LAST))
        power = np.concatenate([[0.0], np.cumsum(samples[first:longest].astype(np.float64) ** 2)])
        end = first + int((power[step:] - power[:-step]).argmin()) + step // 2 if len(power) > step else longest
        parts.append(samples[:end])
        samples = samples[end:]
    return [*parts, samples]


def check_folder(path: Path) -> None:
    """Raises ModelMissing where it isn't a folder of transformers: NVIDIA publishes some Parakeets for NeMo alone."""
    if not (path / "config.json").is_file():
        raise ModelMissing(
            f"{path}: no Parakeet of transformers: config.json isn't there. A .nemo checkpoint can't be read: use {READABLE}"
        )


def open_parakeet(path: Path, device: "torch.device", dtype: str, longest: float) -> Parakeet:
    """Of a Hugging Face folder. Raises ModelMissing: another kind of model, broken or missing files."""
    return Parakeet(*_loaded(path), device, dtype, longest)


def _loaded(path: Path) -> tuple[Any, Any]:
    """The model and its processor. Raises ModelMissing."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    check_folder(path)
    with reading(path, "can't be loaded"):
        config = transformers.AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        if config.model_type not in CLASSES:
            raise ModelMissing(f"{path}: config.json says model_type '{config.model_type}', not {' or '.join(CLASSES)}")
        model, report = getattr(transformers, CLASSES[config.model_type]).from_pretrained(
            path, output_loading_info=True, local_files_only=True, dtype="float32", ignore_mismatched_sizes=True
        )
    with reading(path, "its processor or tokenizer can't be loaded"):
        processor = transformers.ParakeetProcessor.from_pretrained(path, local_files_only=True)
    check_report(path, report)
    check_finite(path, model)
    _check_beside(path, config, processor)
    return model, processor


def _check_beside(path: Path, config: Any, processor: Any) -> None:
    """Raises ModelMissing where tokenizer or features are another model's."""
    bins, made = config.encoder_config.num_mel_bins, processor.feature_extractor.feature_size
    if bins != made or processor.feature_extractor.sampling_rate != RATE:
        raise ModelMissing(f"{path}: the model takes {bins} mel bands of {RATE} Hz, its processor makes {made}")
    if (most := len(processor.tokenizer)) > config.vocab_size:
        raise ModelMissing(f"{path}: the tokenizer has {most} tokens, the model {config.vocab_size}: another model's")
