"""HuBERT's units: clips whose features are no numbers, and the terms of a codebook from elsewhere."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from golden.clips import clip

from tests.helpers.paths import TINY
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.units import hubert as units_hubert
from voxsmith.stages.requests.units import Encode, Quantise

MODEL, CODEBOOK = TINY / "hubert_base.pt", TINY / "hubert_base_km20.bin"


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.parametrize("kind", [Encode, lambda clip: Quantise(clip, b"")], ids=["features", "units"])
def test_features_that_are_no_numbers_cost_their_clip_alone(kind: Callable[[bytes], Encode | Quantise]) -> None:
    engine = units_hubert.BACKEND.load(units_hubert.Config(model=str(MODEL), layer=2, codebook=str(CODEBOOK)))
    engine.batch, encode = 4, engine.encoder.encode  # as on a card

    def overflowing(clips: list[np.ndarray]) -> list[torch.Tensor]:
        """As half precision does on some clips: inf, and from there NaN."""
        return [f * float("nan") if len(c) < 16000 else f for c, f in zip(clips, encode(clips), strict=True)]

    engine.encoder.encode = overflowing  # type: ignore[method-assign]
    futures = [engine.submit(kind(wav(one))) for one in (clip(0), clip(1)[:8000], clip(2))]
    assert [len(futures[place].result(60).frames) for place in (0, 2)] == [49, 73]
    with pytest.raises(Refused, match="bad_features"):
        futures[1].result(60)
    engine.close()


def test_a_codebooks_terms_bind_as_its_models_do(tmp_path: Path) -> None:
    places = []
    for file, terms in ((MODEL, "cc-by-nc-sa-4.0"), (CODEBOOK, "llama3")):
        (folder := tmp_path / file.stem).mkdir()
        (folder / "README.md").write_text(f"---\nlicense: {terms}\n---\n")
        places.append(str(shutil.copy(file, folder / file.name)))
    config = units_hubert.Config(model=places[0], layer=2, codebook=places[1])
    assert units_hubert.BACKEND.licence(config) == "cc-by-nc-sa-4.0 AND llama3"
