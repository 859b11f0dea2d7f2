"""A CosyVoice model's folder, looked through before CosyVoice's own code opens it.

Its settings are HyperPyYAML, whose tags name what Python is to call, and its weights may be pickles: either could be a
program. So the settings may name what the genuine ones name and nothing else, and weights are read as data alone.
"""

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from voxsmith.models.joblib_arrays import Made, NotPlain, PickleMachine
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import refuse_packed

SETTINGS = {1: "cosyvoice.yaml", 2: "cosyvoice2.yaml"}  # CosyVoice-300M-SFT's, CosyVoice2-0.5B's
WEIGHTS = ("llm.pt", "flow.pt", "hift.pt")
SPEAKERS = "spk2info.pt"
LANGUAGE_MODEL = "CosyVoice-BlankEN"
# Each by its full name: under a package's name alone there is all that the package imports, `os` too.
_BUILT = {
    "cosyvoice.llm.llm": "TransformerLM Qwen2LM Qwen2Encoder",
    "cosyvoice.flow.flow": "MaskedDiffWithXvec CausalMaskedDiffWithXvec",
    "cosyvoice.flow.flow_matching": "ConditionalCFM CausalConditionalCFM",
    "cosyvoice.flow.decoder": "ConditionalDecoder CausalConditionalDecoder",
    "cosyvoice.flow.length_regulator": "InterpolateRegulator",
    "cosyvoice.transformer.encoder": "ConformerEncoder TransformerEncoder",
    "cosyvoice.transformer.upsample_encoder": "UpsampleConformerEncoder",
    "cosyvoice.hifigan.generator": "HiFTGenerator",
    "cosyvoice.hifigan.f0_predictor": "ConvRNNF0Predictor",
    "cosyvoice.hifigan.hifigan": "HiFiGan",
    "cosyvoice.hifigan.discriminator": "MultipleDiscriminator MultiResolutionDiscriminator MultiResSpecDiscriminator",
    "cosyvoice.tokenizer.tokenizer": "get_tokenizer get_qwen_tokenizer",
    "cosyvoice.utils.common": "ras_sampling nucleus_sampling random_sampling",
    "cosyvoice.dataset.processor": "parquet_opener tokenize filter resample truncate compute_fbank compute_f0 "
    "parse_embedding shuffle sort batch padding",
    "matcha.utils.audio": "mel_spectrogram",
    "matcha.hifigan.models": "MultiPeriodDiscriminator",
    "whisper.tokenizer": "get_tokenizer",
    "omegaconf": "DictConfig",
    "torchaudio.functional": "compute_kaldi_pitch",
}
_NAMES = {f"{module}.{name}" for module, names in _BUILT.items() for name in names.split()}
_APPLIED = {"random.seed", "numpy.random.seed", "torch.manual_seed", "torch.cuda.manual_seed_all"}
# The last two stand in a comment of the genuine files.
_TAGS = {"!ref", "!<name>", "!<new>"}
_TAGS |= {f"!{tag}:{name}" for tag in ("new", "name") for name in _NAMES} | {f"!apply:{name}" for name in _APPLIED}
_MARK = re.compile(r"!\S*")
_LIST = 1 << 26  # bytes of a list of voices, unpacked


def kind_of(folder: Path, bank: str) -> int:
    """1 or 2: which CosyVoice the folder holds, all its files there, its settings fit to be opened.

    Raises ModelMissing: another folder, a file too few, settings that name what isn't CosyVoice's, or a voice bank
    where the model has voices of its own, and the other way round.
    """
    kinds = [kind for kind, name in SETTINGS.items() if (folder / name).is_file()]
    if not kinds:
        third = " (CosyVoice 3 isn't known here)" if (folder / "cosyvoice3.yaml").is_file() else ""
        raise ModelMissing(f"{folder}: no CosyVoice model: there is no cosyvoice.yaml or cosyvoice2.yaml{third}")
    kind = kinds[-1]
    settings = folder / SETTINGS[kind]
    text = check_settings(settings)
    if ("cosyvoice.llm.llm.Qwen2LM" in text) != (kind == 2):
        other = "an early CosyVoice 2: fetch it again" if kind == 1 else "not those of CosyVoice 2"
        raise ModelMissing(f"{settings}: its settings are {other}")
    if kind == 1 and bank:
        raise ModelMissing(f"{folder}: CosyVoice 1 speaks in its own voices; `bank` takes CosyVoice2-0.5B")
    if kind == 2 and not bank:
        raise ModelMissing(f"{folder}: CosyVoice 2 has no voices of its own; give it a voice bank's folder as `bank`")
    needed = [*WEIGHTS, "campplus.onnx", f"speech_tokenizer_v{kind}.onnx"]
    needed += [SPEAKERS] if kind == 1 else [f"{LANGUAGE_MODEL}/config.json"]
    for name in needed:
        if not (folder / name).is_file():
            raise ModelMissing(f"{folder}: it lacks {name}; was it fetched whole?")
    return kind


def check_settings(path: Path) -> str:
    """The text of the settings. Raises ModelMissing where they name what the genuine ones don't.

    Every exclamation mark in the file is looked at, in comments and quotes too: so nothing depends on how which
    reader of YAML takes the file apart.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelMissing(f"{path}: can't be read: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):
        for tag in _MARK.findall(line):
            if tag not in _TAGS:
                raise ModelMissing(
                    f"{path}, line {number}: not opened: '{tag}' is none of CosyVoice's own; it may run code"
                )
    return text


def check_weights(folder: Path) -> None:
    """Raises ModelMissing where a file of weights is broken, or holds more than tensors and plain values by name."""
    import torch

    for path in (folder / name for name in (*WEIGHTS, SPEAKERS)):
        if path.name == SPEAKERS and not path.is_file():  # CosyVoice 2 reads it where there is one
            continue
        with reading(path, "broken, or not only weights"):
            refuse_packed(path)
            data = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        if not isinstance(data, dict) or not data:
            raise ModelMissing(f"{path}: no weights: it holds {type(data).__name__} and not tensors by name")


def speakers(path: Path) -> list[str]:
    """The names of the voices in spk2info.pt, read without PyTorch. Raises ModelMissing."""
    try:
        with zipfile.ZipFile(path) as archive:
            record = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(record) as stream:
                content = stream.read(_LIST + 1)
            if len(content) > _LIST:
                raise NotPlain(f"{record} has more than {_LIST} bytes")
            names = _Names(BytesIO(content)).run()
    except Exception as error:  # a broken file goes wrong in many ways
        raise ModelMissing(f"{path}: broken, or no list of voices: {error or type(error).__name__}") from None
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names):
        raise ModelMissing(f"{path}: it names no voice")
    return list(names)


class _Names(PickleMachine):
    """What a PyTorch file holds, each tensor as a `Made`: nothing is called, and no tensor is read."""

    def _step(self, name: str, argument: Any) -> None:
        if name == "BINPERSID":
            self.stack[-1] = Made("storage")
        else:
            super()._step(name, argument)

    def _named(self, name: str) -> Made:
        if name not in ("torch._utils._rebuild_tensor_v2", "collections.OrderedDict") and not name.startswith("torch."):
            raise NotPlain(f"names {name}, which is no part of a list of voices")
        return Made(name)
