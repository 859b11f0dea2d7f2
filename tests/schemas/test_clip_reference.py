"""A reference to a clip and its text."""

import hashlib
import json

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.paths import ROOT
from voxsmith.schemas.clip_reference import ClipReference

SAFE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/\\:"), min_size=1).filter(
    lambda name: name not in ("..", ".")
)
REFERENCES = st.builds(
    ClipReference,
    path=st.lists(SAFE, min_size=1, max_size=3).map("/".join),
    member=st.just("") | SAFE,
    offset=st.floats(0, 1e6) | st.integers(0, 1000),
    duration=st.none() | st.floats(1e-3, 1e6) | st.integers(1, 1000),
    channel=st.none() | st.integers(0, 7),
    size=st.none() | st.integers(0, 2**60),
    time_ns=st.none() | st.integers(0, 2**63),
    etag=st.just("") | SAFE,
    length=st.none() | st.floats(1e-3, 1e6) | st.integers(1, 1000),
)


def test_its_text_is_compact_and_leaves_defaults_out() -> None:
    assert ClipReference("a b/ä.flac").text == '{"path":"a b/ä.flac"}'
    reference = ClipReference("x.wav", offset=1, duration=2.5, size=70, time_ns=5)
    assert reference.text == '{"duration":2.5,"offset":1.0,"path":"x.wav","size":70,"time_ns":5}'
    assert ClipReference("s3://bucket/x.wav", member="0:7", channel=0, etag="e").text == (
        '{"channel":0,"etag":"e","member":"0:7","path":"s3://bucket/x.wav"}'
    )


@given(REFERENCES)
def test_parse_gives_back_what_text_wrote(reference: ClipReference) -> None:
    assert ClipReference.parse(reference.text) == reference
    assert ClipReference.parse(reference.text).text == reference.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x.wav", "is no reference"),
        ("[]", "is no reference"),
        ("[" * 100_000, "is no reference"),
        ('{"member":"x"}', "is no reference"),
        ('{"path":"x","mtime":1}', "has no 'mtime'"),
        ('{"path":""}', "empty"),
        ('{"path":7}', "not Unicode text"),
        ('{"path":"/etc/passwd"}', "absolute path"),
        ('{"path":"a/../../x"}', "leads out"),
        ('{"path":"s3://bucket/../x"}', "leads out"),
        ('{"path":"https://host/%2e%2e/x"}', "leads out"),
        ('{"path":"a\\\\u0000"}'.replace("\\\\", "\\"), "not Unicode text"),
        ('{"path":"\\\\udc80"}'.replace("\\\\", "\\"), "not Unicode text"),
        ('{"path":"x.tar","member":"../y"}', "out of its archive"),
        ('{"path":"x.tar","member":"/y"}', "out of its archive"),
        ('{"path":"x","offset":-1}', "'offset'"),
        ('{"path":"x","offset":NaN}', "'offset'"),
        ('{"path":"x","offset":true}', "'offset'"),
        ('{"path":"x","duration":0}', "'duration'"),
        ('{"path":"x","duration":Infinity}', "'duration'"),
        ('{"path":"x","offset":1e308}', "'offset'"),
        ('{"path":"x","offset":%s}' % ("9" * 4000), "'offset' is a number beyond all measure"),
        ('{"path":"x","duration":%s}' % ("9" * 400), "'duration' is a number beyond all measure"),
        ('{"path":"x","length":0}', "'length'"),
        ('{"path":"x","length":NaN}', "'length'"),
        ('{"path":"x","channel":-1}', "'channel'"),
        ('{"path":"x","channel":%s}' % ("9" * 400), "'channel' is a number beyond all measure"),
        ('{"path":"x","size":"5"}', "'size'"),
    ],
)
def test_what_can_be_no_place_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        ClipReference.parse(text)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_the_clips_for_tests_are_what_their_manifest_says() -> None:
    folder = ROOT / "tests/data/asr"
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len({row["id"] for row in rows}) == 24 and len({row["speaker"] for row in rows}) == 18
    assert {row["path"] for row in rows} == {f"audio/{file.name}" for file in (folder / "audio").iterdir()}
    contents = {hashlib.sha256((folder / row["path"]).read_bytes()).digest() for row in rows}
    assert len(contents) == 24
    for row in rows:
        info = soundfile.info(folder / row["path"])
        assert (info.format, info.samplerate) == ("FLAC", row["sample_rate"])
        assert info.duration == pytest.approx(row["duration"], abs=1e-3) and 1.9 <= info.duration <= 6.2
        assert row["text"].strip() and row["licence"].startswith(("CC BY 4.0", "Public domain"))
