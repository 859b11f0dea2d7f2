"""Mislabelled and broken recordings from the file to the verdict: read, heard by the real Whisper base, verified."""

from pathlib import Path

import pytest

from tests.helpers.mislabelled import (
    BROKEN,
    GOOD,
    KINDS,
    MORE_KINDS,
    Planted,
    counted,
    mistakes,
    records_of,
    verdicts,
    write,
)
from tests.helpers.paths import DATA

CLIPS = DATA / "asr"


@pytest.mark.parametrize(
    ("clips", "each"), [(3, 1), pytest.param(24, 5, marks=pytest.mark.heavy)], ids=["a few", "all"]
)
def test_bad_recordings_are_caught_and_good_ones_pass(clips: int, each: int, tmp_path: Path) -> None:
    records = sorted(records_of(CLIPS), key=lambda record: record["duration"])[:clips]
    planted = [Planted(GOOD, record, record["text"]) for record in records]
    for kind in KINDS:
        planted += mistakes(records, kind, each)
    rejected = verdicts(write(tmp_path, CLIPS, planted))
    table = counted(planted, rejected)
    assert table[BROKEN] == (10, 10), rejected
    refused, good = table.pop(GOOD)
    assert good == clips and refused <= 0.05 * good, rejected
    caught, bad = (sum(numbers) for numbers in zip(*table.values(), strict=True))
    assert bad == 4 * each + 10 and caught >= 0.95 * bad, table


def test_mistakes_are_planted_as_their_names_say() -> None:
    records = [{"id": "a", "text": "one two three four five six"}, {"id": "b", "text": "so it goes"}]
    texts = {kind: [one.text for one in mistakes(records, kind, 2)] for kind in (*KINDS, *MORE_KINDS)}
    assert texts["another clip's"] == ["so it goes", "one two three four five six"]
    assert texts["cut"] == ["one two three"]
    assert texts["its second half"] == ["four five six"]
    assert texts["without its middle third"] == ["one two five six"]
    assert texts["a doubled word"] == ["one two three four four five six", "so it it goes"]
    assert len(set(texts["another language"])) == 2
