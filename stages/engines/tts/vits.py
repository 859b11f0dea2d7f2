"""TTS: VITS voices through transformers (MMS, LJSpeech, VCTK …): a Hugging Face folder, or hub:org/name.

VITS draws noise for how a text is said and how long each sound lasts. A text alone is said as its seed has it; on a GPU
several go together, share the first one's seed, and hear their neighbours' padding in their last 50 ms (silence, mostly).
"""

from functools import partial
from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.models import references as catalogue
from voxsmith.models.loading import reading
from voxsmith.models.optional import versions
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_device import torch_device
from voxsmith.models.torch_weights import check_finite, check_report
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused
from voxsmith.stages.engines.tts.long_texts import joined, pieces
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip, Speak

NAME = "tts_vits"
_PACKAGES = ("torch", "transformers")
_SPEAKER = "speaker_"


class Config(EngineConfig):
    """Settings of `tts_vits`. Its voices are speaker_0, speaker_1, … as many as the model has."""

    model: str = Field(description="a Hugging Face folder, or hub:org/name[@revision]")
    noise: float = Field(0.667, ge=0, description="of how a sound is said; 0: always alike")
    noise_duration: float = Field(0.8, ge=0, description="of how long sounds last; 0: always alike")
    longest: int = Field(400, ge=50, description="characters said at once; a longer text is cut between sentences")


def identity(config: Config) -> dict[str, Any]:
    """What replies depend on. Raises ModelMissing."""
    how = {name: getattr(config, name) for name in ("noise", "noise_duration", "longest")}
    model = catalogue.identity(config.model)
    return {"backend": NAME, "version": versions(config.resources.python, *_PACKAGES), "model": model} | how


class Vits(Batching):
    def __init__(self, config: Config) -> None:
        self.device = torch_device(NAME, config.resources)
        self.model, self.tokenizer = _loaded(catalogue.resolve(config.model))
        self.model.eval().requires_grad_(False).to(self.device)
        self.model.noise_scale, self.model.noise_scale_duration = config.noise, config.noise_duration
        self.rate: int = self.model.config.sampling_rate
        self.speakers: int = max(1, self.model.config.num_speakers)
        self.longest = config.longest
        # On a CPU a batch saves nothing, and a text alone has its own seed.
        super().__init__(config.resources.batch if self.device.type == "cuda" else 1)

    def cost(self, request: Request) -> float:
        return len(getattr(request, "text", ""))

    def answer(self, requests: list[Request]) -> list[Clip]:
        """Raises Refused: `unspeakable`, `unknown_voice`; Unavailable where the memory is too small for one text."""
        asked = [request for request in requests if isinstance(request, Speak)]
        return [
            self._finished(request, samples) for request, samples in zip(asked, self.say_together(asked), strict=True)
        ]

    def say_together(self, requests: list[Speak]) -> list[np.ndarray]:
        """What each text sounds like, float32 [n] at the model's rate."""
        parts = [
            (place, tokens)
            for place, request in enumerate(requests)
            for piece in pieces(" ".join(request.text.split()), lambda text: len(text) <= self.longest)
            if (tokens := self.tokens(piece))
        ]
        if lost := set(range(len(requests))) - {place for place, _ in parts}:
            raise Refused("unspeakable", f"the model's alphabet has nothing of {requests[min(lost)].text[:80]!r}")
        said: list[list[np.ndarray]] = [[] for _ in requests]
        # The model takes one speed and speaker at a time.
        alike: dict[tuple[float, int], list[tuple[int, list[int]]]] = {}
        for place, tokens in parts:
            request = requests[place]
            alike.setdefault((request.speed, self._speaker(request.voice)), []).append((place, tokens))
        size = self.batch  # which memory may make smaller meanwhile
        for (speed, speaker), some in alike.items():
            for start in range(0, len(some), size):
                batch = some[start : start + size]
                seed = requests[batch[0][0]].seed
                one_pass = partial(self._pass, speed=speed, speaker=speaker, seed=seed)
                clips = self.in_halves(one_pass, [tokens for _, tokens in batch], _alone)
                for (place, _), clip in zip(batch, clips, strict=True):
                    said[place].append(clip)
        return [joined(clips, self.rate) for clips in said]

    def tokens(self, text: str) -> list[int]:
        """The text as the model's tokens; none where nothing of it is in the model's alphabet."""
        if not any(letter.isalnum() for letter in text):
            return []
        tokens: list[int] = self.tokenizer(text)["input_ids"]
        blank = self.tokenizer.pad_token_id if self.tokenizer.add_blank else None
        return tokens if any(token != blank for token in tokens) else []

    def _pass(self, texts: list[list[int]], speed: float, speaker: int, seed: int) -> list[np.ndarray]:
        import torch

        longest = max(map(len, texts))
        tokens = torch.zeros(len(texts), longest, dtype=torch.long)
        mask = torch.zeros(len(texts), longest, dtype=torch.long)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        self.model.speaking_rate = speed
        torch.manual_seed(seed)
        with torch.inference_mode():
            output = self.model(
                input_ids=tokens.to(self.device),
                attention_mask=mask.to(self.device),
                speaker_id=speaker if self.speakers > 1 else None,
            )
        lengths = output.sequence_lengths.long().tolist()
        waves = output.waveform.float().cpu().numpy()
        if not np.isfinite(waves).all():
            raise Refused("unspeakable", "VITS made samples that aren't finite numbers")
        return [wave[:length] for wave, length in zip(waves, lengths, strict=True)]

    def _speaker(self, voice: str) -> int:
        number = voice.removeprefix(_SPEAKER)
        if not voice.startswith(_SPEAKER) or not number.isdecimal() or int(number) >= self.speakers:
            known = f"{_SPEAKER}0" + (f" to {_SPEAKER}{self.speakers - 1}" if self.speakers > 1 else "")
            raise Refused("unknown_voice", f"no voice '{voice}'; there is {known}")
        return int(number)

    def _finished(self, request: Speak, samples: np.ndarray) -> Clip:
        try:
            return Clip(audio.finish(samples, self.rate, request.sample_rate, request.loudness))
        except audio.BadAudio as error:
            raise Refused("unspeakable", f"VITS made no sound of {request.text[:80]!r}: {error}") from error


def _alone(tokens: list[int]) -> str:
    return f"a text of {len(tokens)} tokens alone; a smaller `longest`"


def _loaded(path: Any) -> tuple[Any, Any]:
    """Model and tokenizer of the folder. Raises ModelMissing: not a VITS, broken files, a package too few."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    with reading(path, "can't be loaded"):
        config = transformers.AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        if config.model_type != "vits":
            raise ModelMissing(f"{path}: config.json says model_type '{config.model_type}', not vits")
        if not (path / "tokenizer_config.json").is_file():  # without a word its texts would be taken for phonemes
            raise ModelMissing(f"{path}: no folder of a VITS: tokenizer_config.json isn't there")
        model, report = transformers.VitsModel.from_pretrained(
            path, output_loading_info=True, local_files_only=True, dtype="float32", ignore_mismatched_sizes=True
        )
        tokenizer = transformers.VitsTokenizer.from_pretrained(path, local_files_only=True)
    check_report(path, report)
    check_finite(path, model)
    if (most := max(tokenizer.encoder.values(), default=0)) >= config.vocab_size:
        raise ModelMissing(
            f"{path}: vocab.json goes up to {most}, the model to {config.vocab_size - 1}: another model's"
        )
    if tokenizer.phonemize:
        try:
            import phonemizer  # noqa: F401
        except ImportError:
            raise ModelMissing(
                f"{path}: its texts are phonemes; they take espeak-ng (GPL) and: pip install phonemizer"
            ) from None
    return model, tokenizer


BACKEND = Backend(name=NAME, config=Config, load=Vits, identity=identity, packages=_PACKAGES, extra="torch")
