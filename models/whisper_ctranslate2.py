"""Whisper in CTranslate2 (faster-whisper), which hears samples.

Whisper was trained on windows of 30 s, and padding a clip of some seconds to that is most of the work. Its encoder takes
shorter input as well: given the clip and 3 s of silence it hears nearly as well, at a quarter of the cost; now and then
it says a short clip twice. The whole window is used where such a reply shows Whisper's own signs of failure, where a clip
is long, and where a hearing is to be `careful`.
"""

import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from voxsmith.models import cublas
from voxsmith.models.references import ModelMissing
from voxsmith.schemas.resources import Resources

RATE = 16000
SHORTEST = RATE // 10  # samples; shorter clips get silence behind them
LONGEST = 26 * RATE  # samples of a clip that is heard without the whole window
SILENCE = 3 * RATE  # samples put behind such a clip: without them its last words get lost or repeated
FRAME = 320  # samples of an encoder position
WINDOW = 30 * RATE  # samples of what Whisper was trained to see
TOKENS = 224  # of a reply at most: half of Whisper's text context, as in its own decoding
# Signs of a failed decoding, and their limits: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak
# Supervision", section 4.5.
MOST_COMPRESSED = 2.4
LEAST_LIKELY = -1.0
MOST_SILENT = 0.6


class Recogniser:
    """A loaded Whisper. `languages`: codes that it knows. It is on a GPU where `resources` give it one; `backend`: who asks
    for it, for messages. `window`: what its encoder sees: the clip and 3 s of silence, or always 30 s.
    """

    def __init__(
        self,
        backend: str,
        path: Path,
        resources: Resources,
        compute_type: str = "int8",
        beam_size: int = 1,
        window: Literal["clip", "full"] = "clip",
    ) -> None:
        """`path`: a CTranslate2 folder; `compute_type`: CTranslate2's; `beam_size`: hypotheses that the search keeps. Raises
        ModelMissing.
        """
        import ctranslate2
        from faster_whisper import WhisperModel

        self.beam_size, self.window = beam_size, window
        self.view = ctranslate2.StorageView
        on_gpu = resources.num_gpus > 0
        if on_gpu:
            cublas.open_libraries()
        _check(path)
        self.model = WhisperModel(
            str(path),
            device="cuda" if on_gpu else "cpu",
            compute_type=compute_type,
            cpu_threads=resources.threads,
            num_workers=1,
        )
        _check_loaded(path, self.model)
        if on_gpu:
            mel = self.model.feature_extractor(np.zeros(WINDOW, np.float32))
            with cublas.tried_out(backend):
                self.model.encode(mel[:, : WINDOW // self.model.feature_extractor.hop_length])
        self.languages = self.model.supported_languages

    def hear(self, samples: np.ndarray, language: str = "en", careful: bool = False) -> str:
        """What is said in a clip, float32 [n] at 16 kHz, n > 0, in one of the `languages`. `careful`: in whole windows."""
        if self.window == "clip" and len(samples) <= LONGEST and not careful:
            text = self._within_clip(samples, language)
            if text is not None:
                return text
        return self._in_full(samples, language)

    def hear_together(self, clips: list[np.ndarray], languages: list[str]) -> list[str]:
        """One pass over whole windows. What is longer than one, or shows signs of failure, is heard alone."""
        short = [place for place, clip in enumerate(clips) if len(clip) <= WINDOW]
        mels = [self.model.feature_extractor(np.pad(clips[place], (0, WINDOW - len(clips[place])))) for place in short]
        frames = WINDOW // self.model.feature_extractor.hop_length
        texts: dict[int, str | None] = {}
        if short:
            mel = np.stack([mel[:, :frames] for mel in mels])
            texts = dict(zip(short, self._decode(mel, [languages[place] for place in short]), strict=True))
        in_order = [texts.get(place) for place in range(len(clips))]
        return [
            self._in_full(clip, language) if text is None else text
            for text, clip, language in zip(in_order, clips, languages, strict=True)
        ]

    def _within_clip(self, samples: np.ndarray, language: str) -> str | None:
        """What is said, or None where the decoding shows signs of failure."""
        length = -(-(len(samples) + SILENCE) // FRAME) * FRAME
        mel = self.model.feature_extractor(np.pad(samples, (0, length - len(samples))), padding=0)
        return self._decode(mel[None], [language])[0]

    def _decode(self, mel: np.ndarray, languages: list[str]) -> list[str | None]:
        """What is said in each of the windows (float32 [clips, mels, frames]), or None where decoding shows signs of
        failure.
        """
        from faster_whisper.tokenizer import Tokenizer

        multilingual, hf_tokenizer = self.model.model.is_multilingual, self.model.hf_tokenizer
        tokenizers = [Tokenizer(hf_tokenizer, multilingual, task="transcribe", language=name) for name in languages]
        starts = [[*tokenizer.sot_sequence, tokenizer.no_timestamps] for tokenizer in tokenizers]
        results = self.model.model.generate(
            self.view.from_array(np.ascontiguousarray(mel, np.float32)),
            starts,
            beam_size=self.beam_size,
            max_length=TOKENS + len(starts[0]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [_unless_failed(tokenizer, result) for tokenizer, result in zip(tokenizers, results, strict=True)]

    def _in_full(self, samples: np.ndarray, language: str) -> str:
        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        # Neither clips heard before nor chance may change a text: it depends on the clip alone.
        segments, _ = self.model.transcribe(
            samples,
            language=language,
            beam_size=self.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        return "".join(segment.text for segment in segments).strip()


def _check(path: Path) -> None:
    """Raises ModelMissing where faster-whisper would ask the hub for what isn't here, and might take another model's."""
    for name in ("model.bin", "config.json", "tokenizer.json"):
        if not (path / name).is_file():
            raise ModelMissing(f"{path}: no CTranslate2 folder of Whisper: {name} isn't there; was it fetched whole?")


def _check_loaded(path: Path, model: Any) -> None:
    """Raises ModelMissing where the files beside the weights are another model's: each clip would fail on them."""
    if model.hf_tokenizer.token_to_id("<|startoftranscript|>") is None:
        raise ModelMissing(f"{path / 'tokenizer.json'}: not Whisper's: it has no <|startoftranscript|>")
    made, wanted = len(model.feature_extractor.mel_filters), model.model.n_mels
    if made != wanted:
        raise ModelMissing(
            f"{path}: the model takes {wanted} mel bands, and preprocessor_config.json, where 80 stand if it isn't there, "
            f"makes {made}: fetch it from where the model is from"
        )


def _unless_failed(tokenizer: Any, result: Any) -> str | None:
    tokens = result.sequences_ids[0]
    text = str(tokenizer.decode(tokens)).strip()
    data = text.encode()
    failed = (
        not text
        or len(tokens) >= TOKENS
        or len(data) / len(zlib.compress(data)) > MOST_COMPRESSED
        or result.scores[0] < LEAST_LIKELY
        or result.no_speech_prob > MOST_SILENT
    )
    return None if failed else text
