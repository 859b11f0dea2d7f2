"""Kept frames against the encoder itself, through a recipe's batches; and what the folder does when it is full or broken."""

import json
from pathlib import Path

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders
from voxsmith.models.chat import Chat
from voxsmith.trainer.build import Built, build
from voxsmith.trainer.data.features import Features
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.fit.corpus import Corpus, corpus
from voxsmith.trainer.fit.features import kept_features, with_frames
from voxsmith.trainer.recipe import TrainRecipe


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    made = write_corpus(folder / "export", [row(i) for i in range(8)], [])
    (folder / "export" / "manifest.json").write_text(json.dumps(made))
    return folder


def recipe(ready: Path, kept: Path, precision: str = "float32", **encoder: object) -> TrainRecipe:
    return TrainRecipe.model_validate(
        {
            "name": "x",
            "phase": "answer",
            "data": [{"path": str(ready / "export")}],
            "llm": {"model": str(ready / "llm")},
            "encoder": {"model": str(ready / "whisper"), "features": str(kept), **encoder},
            "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
            "schedule": {"steps": 1},
            "run": {"precision": precision},
        }
    )


def opened(of: TrainRecipe) -> tuple[Built, Corpus, Features]:
    features = kept_features(of)
    assert features is not None
    built = build(of)
    built.network.requires_grad_(False).eval()
    return built, corpus(of.data, of, built, Chat(built.tokenizer), features), features


PLACES = [Place(0, number) for number in range(4)]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_kept_frames_are_the_encoder_s(ready: Path, tmp_path: Path, precision: str) -> None:
    of = recipe(ready, tmp_path / "kept", precision)
    built, data, features = opened(of)
    first = data.collate(PLACES)
    assert first.frames is None and len(set(first.keys)) == 4
    live = built.network.states(first)
    filled = with_frames(first, built.network, of, features)
    second = data.collate(PLACES)
    assert second.frames is not None and second.mel.shape[-1] == 0
    assert torch.equal(second.frames, filled.frames) and torch.equal(second.mel_lengths, first.mel_lengths)
    tolerance = 1e-5 if precision == "float32" else 0.05
    assert torch.allclose(built.network.states(second).float(), live.float(), atol=tolerance, rtol=tolerance)
    # In another batch, whose encoder saw other padding: rows that are kept, and one that isn't.
    shorter = data.collate(PLACES[1:3])
    assert shorter.frames is not None and data.collate([*PLACES, Place(0, 5)]).frames is None


def test_another_encoder_length_or_precision_has_other_names(tmp_path: Path) -> None:
    stores = [
        Features(tmp_path, identity, dtype, 1000)
        for identity, dtype in (("a", torch.float32), ("b", torch.float32), ("a", torch.bfloat16))
    ]
    keys = {store.key(clip, seconds) for store in stores for clip in (b"x", b"y") for seconds in (None, 30.0)}
    assert len(keys) == 12


def test_a_full_folder_takes_no_more_and_a_broken_file_is_none(tmp_path: Path) -> None:
    store = Features(tmp_path, "a", torch.float32, 1000)
    frames = torch.randn(10, 16)  # 640 bytes
    one, two = store.key(b"1", None), store.key(b"2", None)
    store.put(one, frames)
    store.put(two, frames)
    kept = store.get(one)
    assert kept is not None and torch.equal(kept, frames) and store.get(two) is None
    assert Features(tmp_path, "a", torch.float32, 2000).get(one) is not None
    (file,) = tmp_path.glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[:50])
    assert store.get(one) is None
    assert not list(tmp_path.glob("*/.*"))
