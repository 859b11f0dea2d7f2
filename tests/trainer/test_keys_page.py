"""The page of training keys."""

import pytest

from tests.helpers.paths import ROOT
from voxsmith.trainer import cli


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys"]) == 0
    kept = (ROOT / "docs" / "training_keys.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == kept, "python -m voxsmith.trainer keys > docs/training_keys.md"


def test_keys_of_all_depths_are_on_it() -> None:
    kept = (ROOT / "docs" / "training_keys.md").read_text(encoding="utf-8")
    for key in ("name", "data.weight", "llm.lora.rank", "decoder.upsampling", "schedule.minutes"):
        assert f"\n| `{key}` | " in kept
