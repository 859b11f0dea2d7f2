"""Limits of checks: setting one leaves the others as they are."""

import json

import pytest
from pydantic import BaseModel, ValidationError

from voxsmith.schemas.checks import Checks, SourceLimits


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


def numbers(model: type[BaseModel], at: str = "") -> list[tuple[str, str]]:
    """(group, key) of each number that a recipe may set."""
    named = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            named += numbers(kind, name)
        elif kind in (int, float, int | None, float | None):
            named.append((at, name))
    return named


GROUPS = [(group, name) for group, name in numbers(Checks) if group] + [
    ("recorded.sources.a", name) for _, name in numbers(SourceLimits)
]


@pytest.mark.parametrize(("group", "name"), GROUPS)
def test_a_limit_that_limits_nothing_is_refused(group: str, name: str) -> None:
    for value in (-1e6, 1e6, float("nan"), float("inf"), 1.1 if name in ("max_wer", "max_cer") else -1e6):
        changed: dict = {name: int(value) if abs(value) == 1e6 else value}
        for part in reversed(group.split(".")):
            changed = {part: changed}
        with pytest.raises(ValidationError):
            Checks.model_validate(changed)


@pytest.mark.parametrize(
    ("group", "limits", "message"),
    [
        ("answer_text", {"min_words": 81}, "min_words is 81, max_words 80: nothing is between"),
        ("translation_text", {"max_ratio": 0.2}, "min_ratio is 0.3, max_ratio 0.2: nothing is between"),
        ("clip", {"min_letters_per_second": 23}, "min_letters_per_second is 23, max_letters_per_second 22: nothing"),
    ],
)
def test_limits_that_leave_nothing_are_refused(group: str, limits: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Checks.model_validate({group: limits})
