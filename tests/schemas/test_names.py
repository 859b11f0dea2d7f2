"""Advice for names that are wrong."""

from voxsmith.schemas.names import closest, nearest


def test_what_was_meant() -> None:
    assert closest("atempts", ["voices", "attempts"]) == "attempts"
    assert nearest("atempts", ["voices", "attempts"]) == "did you mean 'attempts'?"


def test_what_there_is_where_nothing_is_near() -> None:
    assert closest("zzz", ["voices", "attempts"]) is None
    assert nearest("zzz", ["voices", "attempts"]) == "there is attempts, voices"
    assert nearest("zzz", []) == "there is none"
