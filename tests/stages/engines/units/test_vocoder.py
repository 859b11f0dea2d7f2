"""The unit vocoder's engine: clips of units, and all that can be wrong."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.helpers.paths import GOLDEN
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.units import vocoder as unit_vocoder
from voxsmith.stages.requests.units import Vocode

FOLDER = GOLDEN / "vocoder"


def packed(values: Any) -> bytes:
    return np.asarray(values, "<u2").tobytes()


@pytest.fixture(scope="module")
def vocoder() -> Iterator[unit_vocoder.UnitVocoder]:
    engine = unit_vocoder.BACKEND.load(unit_vocoder.Config(model=str(FOLDER)))
    yield engine
    engine.close()


def test_a_clip_comes_out(vocoder: unit_vocoder.UnitVocoder, ask) -> None:
    wanted = np.load(FOLDER / "golden.npz")
    requests = [Vocode(packed(wanted["units"]), packed(wanted["durations"])), Vocode(packed(wanted["units"]))]
    together = ask(vocoder, requests)
    assert together == [ask(vocoder, [request])[0] for request in requests]
    for reply, name in zip(together, ("given", "predicted"), strict=True):
        samples, rate = soundfile.read(io.BytesIO(reply.flac))
        assert rate == 16000
        assert np.abs(samples - wanted[name]).max() < 1e-4


@pytest.mark.parametrize(
    ("units", "durations", "message"),
    [
        ([], [], "there must be units"),
        ([1, 2], [1], "one for each of them"),
        ([1, 2], [0, 0], "one for each of them"),
        ([1, 20], [], "the vocoder knows 0 to 19"),
        ([1, 2], [65535, 2], "60000 at most"),
    ],
)
def test_units_that_are_none_of_its_own_are_refused(
    vocoder: unit_vocoder.UnitVocoder, ask, units: list[int], durations: list[int], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        ask(vocoder, [Vocode(packed(units), packed(durations))])


def test_wrong_files_are_told(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(ModelMissing) as caught:
            unit_vocoder.BACKEND.load(unit_vocoder.Config(model=str(path)))
        return str(caught.value)

    def folder(name: str, **changes: Any) -> Path:
        shutil.copytree(FOLDER, tmp_path / name)
        config = json.loads((FOLDER / "config.json").read_text())
        (tmp_path / name / "config.json").write_text(json.dumps(config | changes))
        return tmp_path / name

    assert "no such model file or folder" in refused(tmp_path / "nowhere")
    assert "there is no g_00500000 in it" in refused(tmp_path)
    assert "it has multispkr, and only vocoders of one speaker" in refused(folder("speakers", multispkr=True))
    assert "doesn't fit config.json: size mismatch for embedding.weight" in refused(folder("more", num_embeddings=30))
    assert "not as wide as its embedding" in refused(folder("wide", embedding_dim=8))
    broken = folder("broken")
    (broken / "g_00500000").write_bytes((FOLDER / "g_00500000").read_bytes()[:5000])
    assert "broken, or no unit vocoder" in refused(broken)
    torch.save({"generator": {"other.weight": torch.zeros(1)}}, broken / "g_00500000")
    assert "'other.weight' is no weight of a unit vocoder" in refused(broken)
    (broken / "config.json").unlink()
    assert "config.json isn't there" in refused(broken)


def test_samples_that_are_no_numbers_are_refused(ask) -> None:
    broken = unit_vocoder.BACKEND.load(unit_vocoder.Config(model=str(FOLDER)))
    with torch.inference_mode():
        broken.network.parts["generator"].conv_post.bias.fill_(float("nan"))
    with pytest.raises(Refused, match="aren't finite"):
        ask(broken, [Vocode(packed([1, 2, 3]))])
    broken.close()
