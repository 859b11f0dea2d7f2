"""Voice banks of a stranger: what is in them takes bounded memory, and what is wrong is one line."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.peak import measured
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.clips import hear
from voxsmith.stages.engines.voice_bank import check, read_bank

MEMORY = 600 * 2**20
GOOD = {"id": "anna", "path": "anna.flac", "text": "Hello."}
READ = """
import sys
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.voice_bank import check, read_bank
try:
    for voice in read_bank(sys.argv[1]).values():
        check(voice)
except ModelMissing as error:
    print(str(error))
"""


def spoken(seconds: int, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, "PCM_16", format="FLAC") as clip:
        clip.write(np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32))
        for _ in range(seconds - 1):
            clip.write(np.zeros(rate, np.float32))
    return file.getvalue()


def claiming_years() -> bytes:
    """A FLAC file whose header says that it has 2^36 - 1 samples; they are 36 bits of it, from bit 172."""
    clip = bytearray(spoken(2))
    assert clip[:4] == b"fLaC"
    clip[21] |= 0x0F
    clip[22:26] = b"\xff" * 4
    return bytes(clip)


def write_bank(folder: Path, line: bytes, clip: bytes) -> str:
    (folder / "manifest.jsonl").write_bytes(line)
    (folder / "anna.flac").write_bytes(clip)
    return str(folder)


CLIPS: dict[str, Callable[[], bytes]] = {
    "header": claiming_years,
    "silence": lambda: spoken(5 * 3600),
    "bytes": lambda: bytes(100 * 2**20),
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_that_claims_hours_is_one_line(tmp_path: Path, name: str) -> None:
    folder = write_bank(tmp_path, json.dumps(GOOD).encode(), CLIPS[name]())
    (line,), peak = measured(READ, folder)
    assert "anna.flac" in line and ("the most" in line or "at most" in line) and "\n" not in line
    assert peak < MEMORY, f"{peak / 2**20:.0f} MB"


def test_a_clip_that_claims_years_is_refused_by_engines_that_hear() -> None:
    with pytest.raises(Refused, match=r"it lasts 4294967 s, 68719476735 samples") as caught:
        hear(claiming_years())
    assert caught.value.reason == "bad_audio"
    assert len(hear(spoken(2))) == 2 * 16_000


LINES = {
    "large": (b'{"id": "' + b"a" * (100 << 20) + b'"}', "line 2: 104857610 bytes; a line has 67108864 at most"),
    "zeros": (bytes(100 << 20), "line 2: 104857600 bytes"),
    "latin": (b'{"id": "anna", "path": "caf\xe9.flac", "text": "Hello."}', "line 2: not UTF-8"),
    "deep": (b"[" * 200_000, "line 2: "),
    "values": (b"[" + b"{}," * (4 << 20) + b"1]", "line 2: more than 2097152 values"),
    "name": (json.dumps(GOOD | {"id": "a" * 300}).encode(), "line 2: id String should have at most 200 characters"),
    "nul": (json.dumps(GOOD | {"id": "b", "path": "a\0.flac"}).encode(), "line 2: the clip can't be read: "),
    "long": (json.dumps(GOOD | {"id": "b", "path": "a" * 1000}).encode(), "line 2: the clip can't be read: "),
}


@pytest.mark.parametrize("name", LINES)
def test_a_huge_or_wrong_line_is_named(tmp_path: Path, name: str) -> None:
    line, words = LINES[name]
    folder = write_bank(tmp_path, json.dumps(GOOD).encode() + b"\n" + line + b"\n", spoken(4))
    (message,), peak = measured(READ, folder)
    assert words in message and "\n" not in message and len(message) < 2000
    assert peak < MEMORY, f"{peak / 2**20:.0f} MB"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path.name, path)])
def test_what_is_no_file_is_no_clip(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "anna.flac")
    (tmp_path / "manifest.jsonl").write_text(json.dumps(GOOD))
    with pytest.raises(ModelMissing, match="line 1: the clip can't be read: "):
        read_bank(str(tmp_path))


def test_a_byte_order_mark_and_a_line_separator_are_no_trouble(tmp_path: Path) -> None:
    """A separator that ends no line of JSON stood for the end of one."""
    line = json.dumps(GOOD | {"text": "One\u2028two."}, ensure_ascii=False)
    folder = write_bank(tmp_path, b"\xef\xbb\xbf" + line.encode() + b"\r\n", spoken(4))
    (voice,) = read_bank(folder).values()
    assert voice.voice.text == "One\u2028two." and check(voice).seconds == 4.0
