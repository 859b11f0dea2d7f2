"""Layouts of recorded speech: what each reads, and where its clips lie."""

import os
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.globs import has_pattern
from voxsmith.schemas.strict import Strict

# What `columns` may name beside our columns: parts of the reference to a clip, and the utterance's id.
PLACES = ("clip", "offset", "duration", "channel", "id")


class Layout(NamedTuple):
    """`records`: whether `columns` says which field is what; `apart`: whether its clips may lie in a folder `clips`; `talks`:
    whether its rows are turns of conversations; `turns`: whether they may be, where the recipe says so.
    """

    reads: Literal["folder", "files", "dataset"]
    what: str
    records: bool = False
    apart: bool = False
    talks: bool = False
    turns: bool = False


SPEECH = {
    "manifest": Layout("files", "a .json or .jsonl file of records {path, text, …}", records=True, apart=True),
    "nemo": Layout("files", "a .json or .jsonl file of records {audio_filepath, text, …}", records=True, apart=True),
    "common_voice": Layout("files", "a .tsv file of Common Voice", records=True, apart=True),
    "librispeech": Layout("folder", "a folder with *.trans.txt files in it or below"),
    "ljspeech": Layout("folder", "a folder with metadata.csv and wavs/"),
    "vctk": Layout("folder", "a folder with txt/ and wav48_silence_trimmed/ or wav48/"),
    "kaldi": Layout("folder", "a folder with wav.scp and text", apart=True, turns=True),
    "lhotse": Layout("files", "a .jsonl or .jsonl.gz file of Lhotse's cuts", apart=True, turns=True),
    "shar": Layout("folder", "a folder with Lhotse's cuts.000000.jsonl.gz and recording.000000.tar", turns=True),
    "webdataset": Layout("files", "a .tar file of WebDataset", records=True),
    "audio_dataset": Layout("dataset", "a Hugging Face dataset with an Audio column", records=True),
    "dailytalk": Layout("folder", "a folder with metadata.json and data/", talks=True),
}
_JSON = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
SPEECH_SUFFIXES = {
    "manifest": _JSON,
    "nemo": _JSON,
    "common_voice": (".tsv",),
    "lhotse": (".jsonl", ".jsonl.gz"),
    "webdataset": (".tar",),
}


class Votes(Strict):
    """Which clips of Common Voice are taken, by what listeners said of them."""

    least_up: int = Field(0, ge=0, description="fewest listeners who said that the clip is right")
    most_down: int | None = Field(None, ge=0, description="most listeners who said that it is wrong")


def folder_of_clips(layout: Layout, path: str, clips: str | None) -> str:
    """The folder, or the URL of one, that all clips of a source lie in."""
    if clips is not None or layout.reads == "folder":
        return clips or path
    if is_url(path):
        return "/".join(takewhile(lambda part: not has_pattern(part), path.split("/")[:-1]))
    parts = Path(path).parts
    fixed = parts[:-1] if Path(path).is_file() else takewhile(lambda part: not has_pattern(part), parts)
    return os.path.abspath(os.path.join("", *fixed))  # whichever files match a glob: paths in rows start from it
