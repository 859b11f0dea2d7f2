"""A voice bank: a folder of reference clips with what is said in them, for voices that are cloned.

    bank/manifest.jsonl   a line a voice: {"id": …, "path": "audio/anna.flac", "text": …, "licence": …}
    bank/audio/anna.flac  3 to 30 s of one person's clean speech

A voice's digest is of its clip and text together: whatever is said in it depends on both, and on no other voice.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from voxsmith.models import audio
from voxsmith.models.audio_size import MOST_BYTES, check_size
from voxsmith.models.references import ModelMissing
from voxsmith.models.text.wer import error_rates
from voxsmith.schemas.lines import by_hand, checked
from voxsmith.schemas.paths import EITHER
from voxsmith.schemas.voice import Voice
from voxsmith.stages.engines.base import Engine, Refused
from voxsmith.stages.requests.asr import Transcribe

SHORTEST, LONGEST = 3.0, 30.0  # seconds of a reference clip: what CosyVoice wants, and takes
LEAST_SNR = 20.0  # dB of speech over what is heard in its pauses
MOST_CLIPPED = 0.001  # share of samples that are flat tops
MOST_WER = 0.25  # of what ASR hears in the clip against its text


@dataclass(frozen=True)
class Reference:
    """A voice whose clip is there."""

    voice: Voice
    file: Path
    digest: str

    def clip(self) -> bytes:
        return self.file.read_bytes()


def read_bank(folder: str) -> dict[str, Reference]:
    """The bank's voices by name. Raises ModelMissing: no bank, a line that is wrong, a clip that isn't there."""
    manifest = Path(os.path.expanduser(folder)) / "manifest.jsonl"
    if not os.path.isfile(manifest):
        raise ModelMissing(
            f"no voice bank in {folder} ({EITHER}): it needs a manifest.jsonl with a line a voice (id, path, text)"
        )
    stats = manifest.stat()
    return _read(manifest, stats.st_size, stats.st_mtime_ns)


def digests(folder: str) -> dict[str, str]:
    """Each voice of the bank and what names its clip and text. Raises ModelMissing."""
    return {name: one.digest for name, one in read_bank(folder).items()}


def licences(folder: str) -> dict[str, str]:
    """Each voice of the bank and its clip's terms. Raises ModelMissing."""
    return {name: one.voice.licence for name, one in read_bank(folder).items()}


@cache
def _read(manifest: Path, size: int, changed: int) -> dict[str, Reference]:
    references: dict[str, Reference] = {}
    for number, line in by_hand(manifest):
        where = f"{manifest}, line {number}"
        try:
            if not (text := checked(line)):
                continue
            voice = Voice.model_validate_json(text)
        except ValidationError as error:
            problem = error.errors()[0]
            raise ModelMissing(
                f"{where}: {'.'.join(map(str, problem['loc']))} {problem['msg']}".replace(":  ", ": ")
            ) from None
        except ValueError as error:
            raise ModelMissing(f"{where}: {error}") from None
        if voice.id in references:
            raise ModelMissing(f"{where}: there are two voices '{voice.id}'")
        references[voice.id] = _reference(manifest.parent, voice, where)
    if not references:
        raise ModelMissing(f"{manifest}: no voice in it")
    return references


def _reference(bank: Path, voice: Voice, where: str) -> Reference:
    """The voice with its clip's digest. Raises ModelMissing: the clip is not in the bank, or can't be read."""
    try:
        file = (bank / voice.path).resolve()
        if not file.is_relative_to(bank.resolve()):
            raise ModelMissing(f"{where}: {voice.path} is not in the bank's folder")
        if (size := file.stat().st_size) > MOST_BYTES:
            raise ModelMissing(f"{where}: {file} has {size} bytes, and a clip {MOST_BYTES} at most")
        if file.exists() and not file.is_file():
            raise ModelMissing(f"{where}: the clip can't be read: {file} is no file")
        content = file.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a path that isn't one; links in a circle
        problem = error.strerror if isinstance(error, OSError) else error
        raise ModelMissing(f"{where}: the clip can't be read: {bank / voice.path}: {problem}") from None
    return Reference(voice, file, hashlib.sha256(content + b"\n" + voice.text.encode()).hexdigest()[:32])


@dataclass(frozen=True)
class Checked:
    """What a reference clip is like. `snr` in dB: of speech over the quietest tenth of the clip; `clipped`: a share;
    `wer`: of what ASR hears in it against its text, None where none listened.
    """

    seconds: float
    snr: float
    clipped: float
    heard: str = ""
    wer: float | None = None

    def faults(self) -> Iterator[str]:
        """What is wrong with it as a voice to clone."""
        if not SHORTEST <= self.seconds <= LONGEST:
            yield f"it lasts {self.seconds:.1f} s; a reference has {SHORTEST:g} to {LONGEST:g}"
        if self.snr < LEAST_SNR:
            yield f"speech is {self.snr:.0f} dB over the noise in its pauses; at least {LEAST_SNR:g} is asked for"
        if self.clipped > MOST_CLIPPED:
            yield f"{self.clipped:.2%} of its samples are flat tops: it is clipped"
        if self.wer is not None and self.wer > MOST_WER:
            yield f"its text isn't what is said: a word error rate of {self.wer:.2f}; heard: {self.heard}"


def check(reference: Reference, asr: Engine | None = None) -> Checked:
    """Listen to a reference clip; what is said in it, with an engine that hears. Raises ModelMissing where it can't be
    read, Unavailable.
    """
    try:
        clip = reference.clip()
        check_size(clip)
        samples, rate = audio.decode(clip)
    except (audio.BadAudio, OSError) as error:
        raise ModelMissing(f"{reference.file}: {error}") from None
    heard, wer = "", None
    if asr is not None:
        heard = asr.submit(Transcribe(clip=reference.clip(), careful=True)).result().text
        wer = error_rates(reference.voice.text, heard)[0]
    return Checked(len(samples) / rate, snr(samples, rate), audio.clipping(samples), heard, wer)


def check_bank(folder: str, asr: Engine | None = None) -> dict[str, Checked | Refused]:
    """Each voice of the bank and what its clip is like, or why it can't be heard. Raises ModelMissing, Unavailable."""
    clips: dict[str, Checked | Refused] = {}
    for name, reference in read_bank(folder).items():
        try:
            clips[name] = check(reference, asr)
        except Refused as refused:
            clips[name] = refused
    return clips


def refuse_faulty(references: Iterable[Reference]) -> None:
    """Raises ModelMissing where the signal of a clip is no good to clone: what is made of it would be no better."""
    bad = [f"{one.voice.id}: {'; '.join(faults)}" for one in references if (faults := list(check(one).faults()))]
    if bad:
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise ModelMissing(
            f"the voice bank has clips that are no good to clone: {'; '.join(bad[:3])}{more}. Take their lines out of its "
            "manifest.jsonl, or name the good ones as the stage's voices; all of it: voxsmith voices RECIPE"
        )


def snr(samples: np.ndarray, rate: int) -> float:
    """dB of active speech over the quietest tenth of 20 ms frames, at most 100: what is left when nobody speaks."""
    step = max(1, round(0.02 * rate))
    frames = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    if not len(frames):
        return 0.0
    noise = np.quantile((frames**2).mean(axis=1), 0.1)
    return min(100.0, audio.active_level(samples, rate) - float(10 * np.log10(max(noise, 1e-12))))
