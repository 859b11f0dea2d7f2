"""UTMOS's tiny network in the genuine file format against the numbers of SpeechMOS's own code (tests/golden/make_utmos.py)."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.helpers.paths import DATA, GOLDEN
from voxsmith.models import audio
from voxsmith.models.references import ModelMissing
from voxsmith.models.utmos import CHECKPOINT, WINDOW
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.quality.mos_utmos import BACKEND, Config, Utmos
from voxsmith.stages.requests.mos import Rate

FOLDER = GOLDEN / "utmos"
VOICES = DATA / "voices" / "audio"


@pytest.fixture(scope="module")
def utmos() -> Utmos:
    return BACKEND.load(Config(model=str(FOLDER)))


def clip(samples: np.ndarray, rate: int = 16000) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, samples, rate, format="WAV", subtype="FLOAT")
    return data.getvalue()


def test_scores_are_those_of_the_reference(utmos: Utmos, ask: Callable[..., Any]) -> None:
    golden = json.loads((FOLDER / "scores.json").read_text())
    files = [VOICES / f"{name}.flac" for name in golden if "," not in name]
    scores = {
        file.stem: score.mos
        for file, score in zip(files, ask(utmos, [Rate(f.read_bytes()) for f in files]), strict=True)
    }
    for file in files:
        samples = audio.resample(*audio.decode(file.read_bytes()), 16000)
        scores[f"{file.stem}, 1 s"] = utmos.rate(samples[16000:32000])
    worst = max(abs(scores[name] - score) for name, score in golden.items())
    print(f"largest difference {worst:.1e}")
    assert worst <= 1e-4


def test_clips_of_all_kinds(utmos: Utmos, ask: Callable[..., Any]) -> None:
    samples, rate = soundfile.read(VOICES / "LJ001-0025.flac", dtype="float32")
    rng = np.random.default_rng(0)
    kinds = {
        "a click": rng.normal(0, 0.1, 160).astype(np.float32),
        "silence": np.zeros(16000, np.float32),
        "long": rng.normal(0, 0.1, 2 * WINDOW + 5).astype(np.float32),
    }
    scores = ask(utmos, [Rate(clip(kind)) for kind in kinds.values()] + [Rate(clip(np.stack([samples] * 2, 1), rate))])
    assert all(1 <= score.mos <= 5 for score in scores)
    assert scores[-1].mos == pytest.approx(ask(utmos, [Rate(clip(samples, rate))])[0].mos, abs=1e-5), "two channels"
    halves = [utmos.rate(half) for half in np.array_split(kinds["long"], 3)]
    assert scores[2].mos == pytest.approx(np.mean(halves), abs=1e-4)
    for bad in (clip(np.full(1600, np.nan, np.float32)), clip(np.zeros(0, np.float32)), b"no clip"):
        with pytest.raises(Refused, match="bad_audio"):
            ask(utmos, [Rate(bad)])


def test_what_cannot_be_loaded_is_told_in_a_line(tmp_path: Path) -> None:
    weights = torch.load(FOLDER / CHECKPOINT, weights_only=True)
    whole = (FOLDER / CHECKPOINT).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").mkdir()
    torch.save({name: value for name, value in weights.items() if "judge" not in name}, tmp_path / "half.pt")
    torch.save(weights | {"projection.2.weight": torch.zeros(1, 7)}, tmp_path / "odd.pt")
    torch.save(weights | {"wav2vec2.strange": torch.zeros(1)}, tmp_path / "strange.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    messages = {
        "cut.pt": "broken",
        "half.pt": "judge_emb isn't there",
        "odd.pt": "don't fit together",
        "list.pt": "no weights",
    }
    for name, text in (
        messages | {"empty": "isn't there", "strange.pt": "'strange' is no weight", "nowhere.pt": "no such"}
    ).items():
        with pytest.raises(ModelMissing) as error:
            BACKEND.load(Config(model=str(tmp_path / name)))
        assert text in str(error.value) and "\n" not in str(error.value), name


def test_what_doctor_keys_and_cards_get() -> None:
    here = Config(model=str(FOLDER / CHECKPOINT))
    assert BACKEND.trouble(here) == "" and BACKEND.licence(here) == "MIT"
    assert BACKEND.identity(here) == BACKEND.identity(
        here.model_copy(update={"resources": here.resources.model_copy(update={"threads": 2})})
    )
    assert BACKEND.identity(here)["model"] != BACKEND.identity(Config())["model"]
