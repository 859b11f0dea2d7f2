"""Exports as they lie on the disk: with splits and without, with a manifest and without, and clips of all kinds."""

import io
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import soundfile

from tests.helpers.made_corpus import row, tone, write_corpus
from voxsmith.trainer.data.exports import BadExport, Export, clip


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("split")
    write_corpus(folder, [row(i) for i in range(16)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    return folder


def test_a_folder_of_voxsmith_or_the_dataset_alone(split: Path) -> None:
    whole, bare = Export(split, "test"), Export(split / "dataset", "test")
    assert len(whole) == len(bare) == 8 and whole.columns == bare.columns
    assert whole.row(0, ("id", "query_audio")) == bare.row(0, ("id", "query_audio"))
    assert whole.rows([2, 0], ("id",)) == {"id": [whole.row(2, ("id",))["id"], whole.row(0, ("id",))["id"]]}
    assert whole.manifest == {}, "there is none beside it"
    (split / "manifest.json").write_text('{"name": "x"}')
    assert Export(split, "test").manifest == {"name": "x"} and Export(split / "dataset").manifest == {}


def test_splits_that_are_not_there_are_named(split: Path, tmp_path: Path) -> None:
    assert len(Export(split)) == 8, "the first one"
    with pytest.raises(BadExport, match=r"no split 'dev'; there is train, test$"):
        Export(split, "dev")
    write_corpus(tmp_path, [row(0)], [])
    assert len(Export(tmp_path)) == 1
    with pytest.raises(BadExport, match=r"it has no splits, so leave out split: train$"):
        Export(tmp_path, "train")
    with pytest.raises(BadExport, match="no exported dataset"):
        Export(tmp_path / "nowhere")


def test_columns_that_are_lacking_are_named(split: Path) -> None:
    Export(split).need("id", "answer_units")
    with pytest.raises(BadExport, match="it lacks continuation, translation; it has id, "):
        Export(split).need("id", "continuation", "translation")


def encoded(samples: np.ndarray, rate: int, kind: str) -> dict[str, Any]:
    data = io.BytesIO()
    soundfile.write(data, samples, rate, format=kind)
    return {"bytes": data.getvalue(), "path": f"x.{kind.lower()}"}


@pytest.mark.parametrize(("rate", "kind"), [(44100, "FLAC"), (8000, "WAV"), (16000, "WAV")])
def test_stereo_of_another_rate_is_16_khz_mono(rate: int, kind: str) -> None:
    """A sine of 440 Hz on the left and silence on the right: half of it, by its definition at the samples of 16 kHz."""
    at = np.arange(rate) / rate
    left = 0.5 * np.sin(2 * np.pi * 440 * at)
    heard = clip(encoded(np.stack([left, np.zeros(rate)], axis=1), rate, kind))
    assert heard.dtype == np.float32 and heard.shape == (16000,)
    wanted = 0.25 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    inside = slice(1600, 14400)  # the resampler's edges aside
    assert float(np.abs(heard[inside] - wanted[inside]).max()) < 2e-3


def test_a_clip_that_can_t_be_decoded_is_one_line() -> None:
    whole = tone(0.3)
    for data in (b"", b"no sound at all", whole[:20], None):
        with pytest.raises(BadExport, match=r"^the clip x\.flac can't be decoded: ") as wrong:
            clip({"bytes": data, "path": "x.flac"})
        assert "\n" not in str(wrong.value)


def test_what_is_no_dataset_is_one_line(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"id": ["a"]}).save_to_disk(str(tmp_path / "cut"))
    (tmp_path / "cut" / "dataset_info.json").unlink()
    with pytest.raises(BadExport) as wrong:
        Export(tmp_path / "cut")
    assert "no exported dataset" in str(wrong.value) and "\n" not in str(wrong.value)
