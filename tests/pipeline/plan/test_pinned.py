"""What a fit stage fitted stays pinned, also where its code is declared to fit the same as before."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.recipes import finish, open_state, run_inline
from tests.helpers.spoken import write_spoken_recipe
from voxsmith.pipeline.plan import keys
from voxsmith.stages import fit_units, registry


@pytest.mark.parametrize("declared", [True, False])
def test_a_codebook_of_code_that_fits_the_same_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    path = write_spoken_recipe(tmp_path)
    state = open_state(path)
    assert run_inline(state) == {}
    code = state.fixed["fit_units"]["code"]
    assert not [node for node, _ in open_state(path).ready]

    real = keys.code_digest
    edited = {"voxsmith.stages.fit_units": "edited"}
    monkeypatch.setattr(keys, "code_digest", lambda module: edited.get(module) or real(module))
    if declared:
        same = replace(fit_units.STAGE, same_code=(code,))
        monkeypatch.setattr(fit_units, "STAGE", same)
        registry.stage.cache_clear()
    try:
        assert [node for node, _ in open_state(path).ready] == ([] if declared else ["fit_units"])
    finally:
        registry.stage.cache_clear()


def test_the_manifest_of_an_export_tells_codebooks_apart(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "again", "other"):
        path = write_spoken_recipe(tmp_path / name)
        if name == "other":
            text = Path(path).read_text()
            assert "20" in text
            Path(path).write_text(
                text.replace('"clusters": 20', '"clusters": 19').replace("clusters: 20", "clusters: 19")
            )
        finish(path)
        (file,) = (tmp_path / name).glob("out/*/manifest.json")
        digests.append(json.loads(file.read_text())["fitted"]["codebook"])
    assert digests[0] == digests[1] != digests[2]
