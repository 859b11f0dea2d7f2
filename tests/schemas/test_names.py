"""Advice for names that are wrong."""

from voxsmith.schemas.names import closest, nearest


def test_what_was_meant() -> None:
    assert closest("atempts", ["voices", "attempts"]) == "attempts"
    assert nearest("atempts", ["voices", "attempts"]) == "did you mean 'attempts'?"


def test_what_there_is_where_nothing_is_near() -> None:
    assert closest("zzz", ["voices", "attempts"]) is None
    assert nearest("zzz", ["voices", "attempts"]) == "there is attempts, voices"
    assert nearest("zzz", []) == "there is none"


def test_of_many_names_the_nearest_alone() -> None:
    many = [f"column_{n}" for n in range(170)]
    advice = nearest("col", many)
    assert advice.startswith("the nearest of 170 names are column_") and advice.count(",") == 4
    assert nearest("", many) == "there is column_0, column_1, column_10, column_100, column_101 and 165 more"
    assert nearest("zzz", many[:60]).count(",") == 59
