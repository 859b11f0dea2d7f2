"""Lhotse's numbers and channels: none of them leads to other audio than the cut's."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.corpora import ASR, reasons, reference, rows
from voxsmith.pipeline.errors import RecipeError

NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e308", "-1", '"0.5"', "null", "true", "[0]", "{}", "9" * 400)


def cut(start: str = "1.0", duration: str = "1.9", said: str = "0.5", length: str = "1.0", **more: Any) -> str:
    """A line of cuts, of which any number may be any JSON."""
    recording = {
        "id": "r", "sources": [{"type": "file", "channels": [0, 1], "source": "audio/lv-0880.flac"}],
        "sampling_rate": 16000, "num_samples": 47840, "duration": 2.99, **more.get("recording", {}),
    }  # fmt: skip
    line = (
        '{"id": "c", "type": "MonoCut", "start": START, "duration": DURATION, "channel": CUT, "recording": REC, '
        '"supervisions": [{"id": "s", "start": SAID, "duration": LENGTH, "channel": SUP, "text": "he was"}]}'
    )
    values = {
        "START": start, "DURATION": duration, "SAID": said, "LENGTH": length, "REC": json.dumps(recording),
        "CUT": json.dumps(more.get("channel", 0)), "SUP": json.dumps(more.get("said_channel", more.get("channel", 0))),
    }  # fmt: skip
    for name, value in values.items():
        line = line.replace(name, value)
    return line


def listed(folder: Path, *lines: str) -> list[dict[str, Any]]:
    file = folder / "c.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return rows("lhotse", file, clips=str(ASR))


@pytest.mark.parametrize("field", ["start", "duration", "said", "length"])
def test_what_is_no_number_of_seconds_never_gives_the_whole_clip(tmp_path: Path, field: str) -> None:
    bad = [cut(**{field: value}) for value in NO_NUMBERS]
    some = listed(tmp_path, cut(), *bad)
    wrong = {line: why for line, why in zip(bad, reasons(some)[1:], strict=True) if why != "bad_segment"}
    assert wrong == {} and reasons(some)[0] is None


@pytest.mark.parametrize("field", ["num_samples", "sampling_rate"])
def test_a_recordings_length_that_is_no_number(tmp_path: Path, field: str) -> None:
    values = ("x", -1, 0, True, [1], 1e300, float("nan"))
    some = listed(tmp_path, cut(), *(cut(recording={field: value}) for value in values))
    assert reasons(some) == [None, *["bad_segment"] * len(values)]
    (row,) = listed(tmp_path, cut(recording={field: None}))
    assert row["reject"] is None and reference(row).length is None


def test_a_recordings_length_goes_with_its_ranges(tmp_path: Path) -> None:
    """47840 samples at 16 kHz are 2.99 s; a reader refuses the range of a recording that has another length."""
    (row,) = listed(tmp_path, cut())
    assert (reference(row).offset, reference(row).duration, reference(row).length) == (1.5, 1.0, 2.99)


@pytest.mark.parametrize(
    ("channel", "there", "expected"),
    [
        (1, [0, 1], 1), ([1], [0, 1], 1), ([0, 1], [0, 1], None), ([1, 0], [0, 1], None), (0, [0], None),
        (5, [4, 5], 1), ([2], [0, 1, 2], 2), (1, None, 1), (None, [0, 1], None), ([], [0, 1], None),
    ],
)  # fmt: skip
def test_the_channel_that_a_cut_takes(tmp_path: Path, channel: Any, there: Any, expected: int | None) -> None:
    source = {"type": "file", "channels": there, "source": "audio/lv-0880.flac"}
    (row,) = listed(tmp_path, cut(channel=channel, recording={"sources": [source]}))
    assert row["reject"] is None and reference(row).channel == expected


@pytest.mark.parametrize(
    ("channel", "there"),
    [([0, 2], [0, 1, 2]), (3, [0, 1]), ("1", [0, 1]), ([[1]], [0, 1]), (True, [0, 1]), (0, "x"), (0, [-1, 0])],
)
def test_channels_that_no_reference_can_say(tmp_path: Path, channel: Any, there: Any) -> None:
    source = {"type": "file", "channels": there, "source": "audio/lv-0880.flac"}
    assert reasons(listed(tmp_path, cut(), cut(channel=channel, recording={"sources": [source]}))) == [None, "bad_cut"]


def test_another_manifest_of_lhotses_is_told_what_to_do(tmp_path: Path) -> None:
    said = {"id": "s", "recording_id": "r", "start": 0.0, "duration": 1.0, "channel": 0, "text": "he was"}
    recording = {"id": "r", "sources": [], "sampling_rate": 16000, "num_samples": 1, "duration": 1.0}
    for record, what in ((said, "a supervision"), (recording, "a recording")):
        with pytest.raises(
            RecipeError, match=rf"c.jsonl, line 1: it is {what}, not a cut; make cuts .* lhotse cut simple"
        ):
            listed(tmp_path, json.dumps(record))
        some = listed(tmp_path, cut(), json.dumps(record))
        assert reasons(some) == [None, "bad_cut"] and "lhotse cut simple" in some[1]["reject"][1]
