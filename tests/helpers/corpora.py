"""Small trees of recorded speech, in the forms that corpora come in, made of the clips in tests/data/asr."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.helpers.paths import DATA
from voxsmith.pipeline.sources import read_source
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.schemas.source import Source

ASR = DATA / "asr"
CLIPS: list[dict[str, Any]] = [json.loads(line) for line in (ASR / "manifest.jsonl").read_text("utf-8").splitlines()]
LONG_AGO = 1_600_000_000  # seconds since 1970: before any listing


def of_corpus(start: str) -> list[dict[str, Any]]:
    """The clips whose ids start so."""
    return [clip for clip in CLIPS if clip["id"].startswith(start)]


def put(clip: dict[str, Any], place: Path) -> None:
    """A copy of the clip, old enough to be trusted."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ASR / clip["path"], place)
    os.utime(place, (LONG_AGO, LONG_AGO))


def age(folder: Path) -> None:
    """Make all in the folder old enough for a listing to trust it."""
    for place in [folder, *folder.rglob("*")]:
        os.utime(place, (LONG_AGO, LONG_AGO), follow_symlinks=False)


def librispeech(folder: Path) -> Path:
    """SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt with the clips of LibriSpeech."""
    for clip in of_corpus("ls-"):
        utterance = clip["id"].removeprefix("ls-")
        speaker, chapter, _ = utterance.split("-")
        place = folder / "train-tiny" / speaker / chapter
        put(clip, place / f"{utterance}.flac")
        with open(place / f"{speaker}-{chapter}.trans.txt", "a", encoding="utf-8") as stream:
            stream.write(f"{utterance} {clip['text']}\n")
    return folder


def ljspeech(folder: Path) -> Path:
    """metadata.csv and wavs/, with the clips of LJSpeech."""
    lines = []
    for clip in of_corpus("LJ"):
        put(clip, folder / "wavs" / f"{clip['id']}.flac")
        lines.append(f"{clip['id']}|{clip['text'].upper()}|{clip['text']}\n")
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def vctk(folder: Path, trimmed: bool = True) -> Path:
    """txt/ and wav48_silence_trimmed/ or wav48/, with the clips of VCTK."""
    for clip in of_corpus("vctk-"):
        utterance = clip["id"].removeprefix("vctk-")
        speaker = utterance.partition("_")[0]
        (folder / "txt" / speaker).mkdir(parents=True, exist_ok=True)
        (folder / "txt" / speaker / f"{utterance}.txt").write_text(f"{clip['text']}\n")
        name = (
            f"wav48_silence_trimmed/{speaker}/{utterance}_mic1.flac" if trimmed else f"wav48/{speaker}/{utterance}.wav"
        )
        put(clip, folder / name)
    return folder


def manifest(file: Path, records: list[Any]) -> Path:
    """A file of JSON lines; texts go in as they are."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    file.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return file


def rows(layout: str, path: Path | str, **settings: Any) -> list[dict[str, Any]]:
    """The rows of a source named "speech", in order."""
    source = Source.model_validate({"layout": layout, "path": str(path), "licence": "CC BY 4.0", **settings})
    return [row for shard in read_source("speech", source) for row in shard]


def reasons(some: list[dict[str, Any]]) -> list[str | None]:
    """Why each row was rejected; None for one that wasn't."""
    return [row["reject"][0] if row["reject"] else None for row in some]


def reference(row: dict[str, Any], column: str = "clip") -> ClipReference:
    return ClipReference.parse(row[column])
