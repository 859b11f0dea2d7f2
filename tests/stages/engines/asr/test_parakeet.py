"""`asr_parakeet` on tiny random networks in the genuine format: what transformers itself hears in each clip alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.helpers import tiny_models
from tests.helpers.paths import DATA
from tests.helpers.signals import RATE, flac
from voxsmith.models import audio
from voxsmith.models.parakeet import cut, open_parakeet
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.asr.parakeet import BACKEND, Config, Ears
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.requests.asr import Heard, Transcribe

CLIPS = [path.read_bytes() for path in sorted((DATA / "asr" / "audio").glob("*.flac"))[:6]]
SAMPLES = [audio.resample(*audio.decode(clip), RATE) for clip in CLIPS]
# The library says so of its own call, which is asked as its documentation asks it.
pytestmark = pytest.mark.filterwarnings("ignore:Using the model-agnostic default")
Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module", params=["CTC", "TDT"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.parakeet(tmp_path_factory.mktemp("parakeet"), kind)


@pytest.fixture(scope="module")
def ears(folder: Path) -> Ears:
    return BACKEND.load(Config(model=str(folder)))


@pytest.fixture(scope="module")
def golden(kind: str, folder: Path) -> list[str]:
    """By the library's own call, as its documentation has it: a clip at a time, its own decoding, its processor's text."""
    processor = transformers.AutoProcessor.from_pretrained(folder)
    model = getattr(transformers, f"ParakeetFor{kind}").from_pretrained(folder).eval()
    texts = []
    for samples in SAMPLES:
        made = model.generate(**processor(samples, sampling_rate=RATE))
        tokens = made if kind == "CTC" else made.sequences
        texts += processor.batch_decode(tokens, skip_special_tokens=True)
    return texts


def test_texts_are_those_of_the_library(ears: Ears, golden: list[str], ask: Ask) -> None:
    assert [heard.text for heard in ask(ears, [Transcribe(clip) for clip in CLIPS])] == golden
    assert len(set(golden)) > 3 and all(golden), "it says something else of each"


def test_padding_changes_nothing(ears: Ears, golden: list[str]) -> None:
    """All clips in one pass: the library itself goes on with the shorter ones, up to the end of the longest."""
    assert ears.network.hear(SAMPLES) == golden == ears.network.hear(SAMPLES[::-1])[::-1]
    network, processor = ears.network.model, ears.network.processor
    together = processor(SAMPLES, sampling_rate=RATE)
    with torch.inference_mode():
        states = network.encoder(**together)
        for samples, row, mask in zip(SAMPLES, states.last_hidden_state, states.attention_mask, strict=True):
            alone = network.encoder(**processor(samples, sampling_rate=RATE))
            count = int(mask.sum())
            assert count == int(alone.attention_mask.sum())
            assert torch.allclose(row[:count], alone.last_hidden_state[0, :count], atol=1e-4)


def test_bfloat16_hears_and_half_of_a_batch_that_is_too_large_too(folder: Path, golden: list[str]) -> None:
    network = open_parakeet(folder, torch.device("cpu"), "bfloat16", 60)
    assert len(network.hear(SAMPLES)) == 6
    ears = BACKEND.load(Config(model=str(folder)))
    ears.batch, passes, whole = 6, [], ears.network.hear

    def small(clips: list[np.ndarray]) -> list[str | None]:
        passes.append(len(clips))
        if len(clips) > 2:
            raise RuntimeError("CUDA out of memory")
        return whole(clips)

    ears.network.hear = small  # type: ignore[method-assign]
    assert ears.hear_together([Transcribe(clip) for clip in CLIPS]) == golden
    assert max(passes) > 2 and ears.batch < 6
    ears.close()


def test_no_room_for_one_clip_alone(folder: Path) -> None:
    ears = BACKEND.load(Config(model=str(folder)))

    def none(clips: list[np.ndarray]) -> list[str | None]:
        raise RuntimeError("CUDA out of memory")

    ears.network.hear = none  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="out of memory on 6 s of audio alone; a smaller `longest`"):
        ears.submit(Transcribe(CLIPS[0])).result(60)
    ears.close()


def test_english_alone(ears: Ears, golden: list[str]) -> None:
    german = ears.submit(Transcribe(CLIPS[0], language="de"))
    english = ears.submit(Transcribe(CLIPS[0]))
    with pytest.raises(Refused, match="unknown_language: asr_parakeet hears English alone, not 'de'"):
        german.result(60)
    assert english.result(60) == Heard(golden[0])


def test_a_careful_request_is_not_heard_anew(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ears.submit(Transcribe(CLIPS[1])).result(60)
    with monkeypatch.context() as patch:
        patch.setattr(ears.network, "hear", lambda clips: pytest.fail("it is heard again"))
        assert ears.submit(Transcribe(CLIPS[1], careful=True)).result(60) == first
    assert isinstance(ears.submit(Transcribe(CLIPS[5], careful=True)).result(60), Heard)


def test_a_long_clip_is_cut_in_its_pauses(ears: Ears) -> None:
    """Six clips with half a second of silence between them, no part longer than 12 s: cuts are in the silence."""
    pause = np.zeros(RATE // 2, np.float32)
    whole = np.concatenate([part for samples in SAMPLES for part in (samples, pause)])
    parts = cut(whole, 12 * RATE)
    assert np.array_equal(np.concatenate(parts), whole) and 1 < len(parts) < 12
    assert all(len(part) <= 12 * RATE for part in parts)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    for end in ends:
        assert np.abs(whole[end - RATE // 100 : end + RATE // 100]).max() < 0.01
    short = BACKEND.load(Config(model=str(ears.network.model.config._name_or_path), longest=12))
    texts = [one.text for one in (short.submit(Transcribe(flac(part))).result(60) for part in parts)]
    assert short.submit(Transcribe(flac(whole))).result(60).text == " ".join(filter(None, texts))
    short.close()


def test_numbers_that_are_none_are_a_reject(folder: Path) -> None:
    ears = BACKEND.load(Config(model=str(folder)))
    with torch.inference_mode():
        ears.network.model.encoder.layers[0].norm_out.bias.fill_(float("nan"))
    with pytest.raises(Refused, match="bad_features"):
        ears.submit(Transcribe(CLIPS[0])).result(60)
    ears.close()


def test_a_checkpoint_of_nemo_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "parakeet-tdt-0.6b-v2.nemo").write_bytes(b"")
    for model in (tmp_path, tmp_path / "parakeet-tdt-0.6b-v2.nemo"):
        for way in (BACKEND.identity, BACKEND.load):
            with pytest.raises(
                ModelMissing, match=r"\.nemo checkpoint can't be read: use hub:nvidia/parakeet-tdt-0.6b-v3"
            ):
                way(Config(model=str(model)))


def test_settings_that_shape_replies_are_in_the_identity(folder: Path) -> None:
    identities = [
        str(BACKEND.identity(Config(model=str(folder), **settings)))
        for settings in ({}, {"dtype": "bfloat16"}, {"longest": 30}, {"resources": {"batch": 7}})
    ]
    assert len(set(identities)) == 3 and identities[0] == identities[3]
    assert BACKEND.is_batch_invariant(Config(model=str(folder)))
    assert not BACKEND.is_batch_invariant(Config(model=str(folder), resources={"num_gpus": 1, "batch": 16}))
