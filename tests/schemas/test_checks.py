"""Limits of checks: setting one leaves the others as they are."""

import json

import pytest

from voxsmith.schemas.checks import Checks


@pytest.mark.parametrize("group", ["query_text", "answer_text", "query_clip", "answer_clip"])
def test_setting_one_limit_leaves_the_others(group: str) -> None:
    plain = Checks().model_dump()[group]
    for name, value in plain.items():
        assert Checks.model_validate({group: {name: value}}).model_dump()[group] == plain
    assert Checks.model_validate({group: {}}).model_dump()[group] == plain


def test_the_limits_of_a_recipe_that_sets_none_are_what_they_were() -> None:
    """They are in keys: another order or name would have everything run again."""
    limits = json.loads(Checks().model_dump_json())
    assert limits["query_clip"] == limits["answer_clip"] | {"max_wer": 0.2}
    assert list(limits["query_clip"]) == list(limits["answer_clip"])
    assert list(limits["query_clip"])[:3] == ["max_wer", "max_cer", "max_lost"]
