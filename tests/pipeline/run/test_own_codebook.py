"""A recipe whose units are of a codebook that the encoder comes with: no fit_units, and what goes wrong is told by `plan`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.recipes import ROOT, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.errors import RecipeError

TINY = ROOT / "configs" / "data" / "tiny"
HUBERT = {
    "backend": "units_hubert",
    "model": str(TINY / "hubert_base.pt"),
    "layer": 2,
    "codebook": str(TINY / "hubert_base_km20.bin"),
    "licence": "MIT",
}
S3 = {"backend": "units_s3", "model": str(TINY / "speech_tokenizer_v2.onnx")}


def recipe(folder: Path, encoder: dict[str, Any], **stages: Any) -> str:
    texts = ["Name three colours of the rainbow, please.", "How far is it from here to the moon?"]
    path = write_recipe(
        folder,
        texts,
        sources__rows__columns={"instruction": "instruction", "query_text": "instruction"},
        engines={"tts": {"backend": "tts_null"}, "asr": {"backend": "asr_null"}, "encoder": encoder},
        stages={
            "normalise": {"of": "query"},
            "speak": {"of": "query", "engine": "tts", "sample_rate": 16000, "voices": ["null_0"]},
            "listen": {"of": "query", "engine": "asr"},
            "pick": {"of": "query"},
            **stages,
        },
    )
    return path


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize(("encoder", "rate"), [(HUBERT, 50), (S3, 25)])
def test_units_of_the_engines_own_codebook(tmp_path: Path, encoder: dict[str, Any], rate: int, merge: bool) -> None:
    units = {"of": "query", "engine": "encoder", "codebook": "engine", "merge": merge}
    state = open_state(recipe(tmp_path, encoder, units=units))
    assert run_inline(state) == {}
    seconds, unitss, durations = (texts_of(state, f"query_{name}") for name in ("duration", "units", "unit_durations"))
    assert len(unitss) == 2 and all(unitss)
    for length, one, lasting in zip(seconds, unitss, durations, strict=True):
        assert abs(sum(lasting) - length * rate) <= 2
        assert merge or lasting == [1] * len(one)
        assert not merge or not (np.diff(one) == 0).any()
    again = open_state(recipe(tmp_path, encoder, units=units))
    again.resolve_all()
    assert not again.ready, "nothing runs twice"


@pytest.mark.parametrize(
    ("encoder", "stages", "message"),
    [
        (
            HUBERT | {"codebook": ""},
            {"units": {"of": "query", "engine": "encoder", "codebook": "engine"}},
            "stages.units: codebook: engine: the engine has none of its own",
        ),
        (S3, {"units": {"of": "query", "engine": "encoder"}}, "stages.units: codebook: fitted: the engine's codebook"),
        (S3, {"fit_units": {"of": "query", "engine": "encoder"}}, "stages.fit_units: the engine's codebook is part"),
        (
            HUBERT,
            {"units": {"of": "query", "engine": "encoder"}},
            "needs 'codebook', which no stage fits; add a stage fit_units",
        ),
    ],
)
def test_a_codebook_that_is_not_there_is_told_before_anything_runs(
    tmp_path: Path, encoder: dict[str, Any], stages: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        open_state(recipe(tmp_path, encoder, **stages))
    assert any(message in line for line in caught.value.lines)
