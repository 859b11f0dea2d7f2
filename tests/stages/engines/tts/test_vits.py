"""VITS of random weights in transformers' own files: what comes out is what transformers' own call gives."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.helpers import tiny_models
from tests.helpers.tiny_models import RATE
from voxsmith.models import audio
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.tts.vits import BACKEND, Config, Vits
from voxsmith.stages.requests.tts import Speak

TEXT = "the cat sat on the mat, and it was happy."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.vits(tmp_path_factory.mktemp("vits"))


@pytest.fixture(scope="module")
def vits(folder: Path) -> Iterator[Vits]:
    engine = BACKEND.load(Config(model=str(folder)))
    yield engine
    engine.close()


def plain(folder: Path, text: str, speaker: int, seed: int) -> np.ndarray:
    """transformers' own call."""
    model = transformers.VitsModel.from_pretrained(folder).eval()
    tokenizer = transformers.VitsTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    with torch.inference_mode():
        return model(**tokenizer(text, return_tensors="pt"), speaker_id=speaker).waveform[0].numpy()


@pytest.mark.parametrize(("voice", "seed"), [("speaker_0", 1), ("speaker_1", 1), ("speaker_1", 2)])
def test_a_text_sounds_as_the_reference_says_it(folder: Path, vits: Vits, voice: str, seed: int) -> None:
    (samples,) = vits.say_together([Speak(TEXT, voice, seed=seed)])
    wanted = audio.trim(plain(folder, TEXT, int(voice[-1]), seed), RATE)
    np.testing.assert_allclose(samples, wanted, atol=1e-5)


def test_voices_and_seeds_differ_and_the_same_is_the_same(vits: Vits) -> None:
    asked = [Speak(TEXT, voice, seed=seed) for voice in ("speaker_0", "speaker_1") for seed in (1, 2)]
    clips = [vits.submit(one).result(60).flac for one in (*asked, asked[0])]
    assert len(set(clips)) == 4 and clips[0] == clips[4]
    samples, rate = audio.decode(vits.submit(replace(asked[0], sample_rate=24000)).result(60).flac)
    assert rate == 24000 and len(samples) > 0.1 * rate


def test_texts_together_are_those_alone_but_for_their_last_sounds(folder: Path) -> None:
    """No noise is drawn here. The last 50 ms hear what follows: nothing, or a neighbour's padding."""
    still = Vits(Config(model=str(folder), noise=0, noise_duration=0))
    still.batch = 4
    asked = [Speak(TEXT[:length], f"speaker_{length % 2}") for length in (40, 8, 23, 15, 31)]
    together = still.say_together(asked)
    for one, clip in zip(asked, together, strict=True):
        (alone,) = still.say_together([one])
        assert len(alone) == len(clip)
        np.testing.assert_allclose(clip[: -RATE // 20], alone[: -RATE // 20], atol=2e-3)
    still.close()


def test_a_long_text_is_said_in_pieces(folder: Path, vits: Vits) -> None:
    short = Vits(Config(model=str(folder), longest=50))
    text = f"{TEXT} {TEXT.upper()} and a last one without an end {TEXT}"
    (samples,) = short.say_together([Speak(text, "speaker_0")])
    (one,) = short.say_together([Speak(TEXT, "speaker_0")])
    assert len(samples) > 2.5 * len(one)
    short.close()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Speak("", "speaker_0"), "unspeakable"),
        (Speak("?!", "speaker_0"), "unspeakable"),
        (Speak("你好", "speaker_0"), "unspeakable"),
        (Speak(TEXT, "speaker_2"), "unknown_voice"),
        (Speak(TEXT, "anna"), "unknown_voice"),
    ],
)
def test_what_cannot_be_said_is_refused(vits: Vits, request_: Speak, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        vits.submit(request_).result(60)
    assert caught.value.reason == reason


def test_samples_that_are_no_numbers_are_refused(folder: Path) -> None:
    broken = BACKEND.load(Config(model=str(folder)))
    with torch.inference_mode():
        next(broken.model.decoder.parameters()).fill_(float("nan"))
    with pytest.raises(Refused, match="aren't finite"):
        broken.submit(Speak(TEXT, "speaker_0")).result(60)
    broken.close()


PIECES = Speak(f"{TEXT} {TEXT} {TEXT} {TEXT} {TEXT}", "speaker_0")


def test_texts_that_do_not_fit_into_memory_at_once_are_halved(folder: Path) -> None:
    small = BACKEND.load(Config(model=str(folder), longest=50))
    whole = small.submit(PIECES).result(60)
    small.batch, forward = 8, small.model.forward  # as on a card

    def too_much(input_ids: Any, **given: Any) -> Any:
        if len(input_ids) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(input_ids=input_ids, **given)

    small.model.forward = too_much
    assert small.submit(PIECES).result(60) == whole
    assert small.batch == 1
    small.close()


def test_pieces_that_are_no_numbers_are_refused(folder: Path) -> None:
    broken = BACKEND.load(Config(model=str(folder), longest=50))
    broken.batch = 8
    with torch.inference_mode():
        next(broken.model.decoder.parameters()).fill_(float("nan"))
    with pytest.raises(Refused, match="aren't finite"):
        broken.submit(PIECES).result(60)
    broken.close()


def broken_folders(folder: Path, path: Path) -> Iterator[tuple[Path, str]]:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(folder, path / name))

    weights = (folder / "model.safetensors").read_bytes()
    (other := copy("other") / "config.json").write_text(json.dumps({"model_type": "bert"}))
    yield other.parent, "config.json says model_type 'bert', not vits"
    (cut := copy("cut") / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    yield cut.parent, "can't be loaded"
    (mute := copy("mute") / "vocab.json").unlink()
    yield mute.parent, "can't be loaded"
    yield path / "nowhere", "no such model file or folder"
    spoken = copy("spoken") / "tokenizer_config.json"
    spoken.write_text(json.dumps(json.loads(spoken.read_text()) | {"phonemize": True}))
    yield spoken.parent, "pip install phonemizer"


def test_models_that_cannot_be_loaded_are_told_in_a_line(folder: Path, tmp_path: Path) -> None:
    for path, message in broken_folders(folder, tmp_path):
        with pytest.raises(ModelMissing, match=message) as caught:
            BACKEND.load(Config(model=str(path)))
        assert "\n" not in str(caught.value)


def test_a_missing_package_says_how_to_get_it(folder: Path) -> None:
    lacking = replace(BACKEND, packages=("torch", "a_package_that_is_not_here"))
    with pytest.raises(ModelMissing, match=r"pip install 'voxsmith\[torch\]'"):
        lacking.load(Config(model=str(folder)))


def test_identity_holds_what_replies_depend_on(folder: Path) -> None:
    first: dict[str, Any] = BACKEND.identity(Config(model=str(folder)))
    assert first != BACKEND.identity(Config(model=str(folder), noise=0.5))
    assert first == BACKEND.identity(Config(model=str(folder), resources={"batch": 3}))
