"""What hears and rates the speech of answers: the recogniser and the MOS models that corpora are checked with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
import torch

from voxsmith.models import audio, dnsmos, references, utmos
from voxsmith.models.loading import loading
from voxsmith.models.whisper_ctranslate2 import RATE, Recogniser
from voxsmith.schemas.resources import Resources
from voxsmith.trainer.generated.answered import Answered

ASR, DNSMOS = "whisper-base", "dnsmos"
_NAME, _EXTRA = "the ASR of answers", "quickstart"


@dataclass(frozen=True)
class Ears:
    """`hear`: what is said in samples; `rate`: how good they sound, by the name of the model. Samples: float32 [n] at 16 kHz, n > 0.
    `asr`: the recogniser's name; `lacking`: a line for each MOS model that isn't on this machine.
    """

    asr: str
    hear: Callable[[np.ndarray], str]
    rate: dict[str, Callable[[np.ndarray], float]] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()


def open_ears(asr: str = ASR, mos: bool = True) -> Ears:
    """On the CPU, whatever the network is on. `asr`: a CTranslate2 folder of Whisper, or its name; `mos`: rate speech, too, with
    those of DNSMOS and UTMOS that are on this machine. Raises ModelMissing.
    """
    resources = Resources(threads=torch.get_num_threads())
    with loading(_NAME, asr, _EXTRA):
        recogniser = Recogniser(_NAME, references.resolve(asr), resources)
    rate: dict[str, Callable[[np.ndarray], float]] = {}
    lacking = []
    if mos:
        if (path := references.locate(DNSMOS)) is not None:
            with loading("DNSMOS", DNSMOS, _EXTRA):
                rate["dnsmos"] = dnsmos.Dnsmos("DNSMOS", path, resources).rate
        else:
            lacking.append(f"DNSMOS isn't on this machine: voxsmith fetch {DNSMOS}")
        if (path := references.locate(utmos.REFERENCE)) is not None:
            with loading("UTMOS", utmos.REFERENCE, "train"):
                rate["utmos"] = utmos.Utmos(path, torch.device("cpu")).rate
        else:
            lacking.append(f"UTMOS isn't on this machine: voxsmith fetch {utmos.REFERENCE}")
    return Ears(asr, recogniser.hear, rate, tuple(lacking))


def listen(rows: Sequence[Answered], ears: Ears) -> None:
    """Note what is heard of each row that has speech, and how good it sounds. What can't be rated has no score."""
    for row in rows:
        if row.speech is None:
            continue
        row.heard = ""
        if len(row.speech):
            samples = audio.resample(row.speech, row.rate, RATE)
            row.heard = ears.hear(samples)
            scores = {name: rate(samples) for name, rate in ears.rate.items()}
            row.mos = {name: float(np.clip(score, 1, 5)) for name, score in scores.items() if isfinite(score)}
