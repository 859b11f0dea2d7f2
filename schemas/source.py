"""Where rows come from: an entry of the recipe's `sources`."""

import glob
import os
import re
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import COLUMNS, Recorded
from voxsmith.schemas.globs import expanded, files, lacking
from voxsmith.schemas.languages import LanguageCode
from voxsmith.schemas.names import closest, nearest
from voxsmith.schemas.paths import FilePath, find, folders, looked_in
from voxsmith.schemas.speech import PLACES, SPEECH, SPEECH_SUFFIXES, Layout, Votes, folder_of_clips
from voxsmith.schemas.strict import Strict

LayoutName = Literal[
    "alpaca", "messages", "ultrachat", "columns",
    "manifest", "nemo", "librispeech", "common_voice", "ljspeech", "vctk", "kaldi",
    "lhotse", "shar", "webdataset", "audio_dataset", "dailytalk",
]  # fmt: skip
LAYOUTS: tuple[str, ...] = get_args(LayoutName)

DIALOGUES = ("messages", "ultrachat")  # one reader: files of either hold what the other's do

SUFFIXES = (
    ".json", ".jsonl", ".json.gz", ".jsonl.gz", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet"
)  # fmt: skip

# The columns that a record may bring with it, ours. The rest of a row is made: ids of content, source and licence of the
# recipe.
TARGETS = tuple(name for name, column in COLUMNS.items() if column.given)
_ON_THE_HUB = r"(hf://|buckets/).*|\w[\w.-]*(/\w[\w.-]*)?"  # what can be a dataset's name there
TASKS = ("instruction", "query_text")  # either is what the user wants


_RECORDING = "recording"  # of `turns`


class ShardSizes(Strict):
    """How many rows a shard has. Shards are cut where the content says so: `target` is about the mean."""

    target: int = Field(256, ge=1, description="rows of a shard, on average")
    least: int | None = Field(None, ge=1, description="fewest rows; a quarter of the target if not given")
    most: int | None = Field(None, ge=1, description="most rows; 4 targets if not given")

    @model_validator(mode="after")
    def _in_order(self) -> "ShardSizes":
        least, target, most = self.bounds
        if not least <= target <= most:
            raise ValueError(f"least <= target <= most is needed; least is {least}, target {target}, most {most}")
        return self

    @property
    def bounds(self) -> tuple[int, int, int]:
        """(least, target, most), in rows."""
        least = max(1, self.target // 4) if self.least is None else self.least
        return least, self.target, 4 * self.target if self.most is None else self.most


class DrawnTurns(Strict):
    """So many turns of a dialogue as a draw from a Poisson distribution says, 1 at least; the dialogue's content decides."""

    mean: float = Field(gt=0, le=100, description="of the distribution")
    most: int = Field(ge=1, description="turns")


class Source(Strict):
    """Files, a folder or a Hugging Face dataset, and how their records become conversations.

    Of texts: "alpaca" is {instruction, input, output}; "messages" (or "ultrachat") is a dialogue as {messages: [{role,
    content}]}, ShareGPT's {conversations: [{from, value}]} or UltraChat's {data: [user, assistant, …]}, which may differ from
    record to record; "columns" says in `columns` which field is which of our columns, and
    rows that follow each other with one `conversation_id` are one conversation. Of recorded speech: see schemas/speech.py.
    """

    layout: LayoutName = Field(description="how records are written; columns: as `columns` says")
    path: str | None = Field(
        None,
        description="a .json, .jsonl, .csv, .tsv (gzipped or not) or .parquet file, or a glob of them; of recorded speech what "
        "the layout reads",
    )
    dataset: FilePath | None = Field(None, description="name of a Hugging Face dataset, or a folder that holds one")
    config: str | None = Field(None, description="which configuration of the dataset")
    split: str = Field("train", description="which split of the dataset")
    revision: str | None = Field(
        None, description="commit, tag or branch of a dataset of the Hub; else its main branch"
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="our column: the record's field; of recorded speech also clip, offset, duration, channel and id",
    )
    clips: str | None = Field(
        None, description="the folder, or URL of one, that the clips of a manifest lie in; else the manifest's own"
    )
    of: Recorded = Field(
        "row", description="whose words the clips are: clip, source_transcript; query_clip, query_source_transcript; …"
    )
    language: LanguageCode | None = Field(
        None, description="spoken in clips whose layout doesn't say it, as a code: en"
    )
    votes: Votes | None = Field(None, description="limits for clips of Common Voice")
    transcripts: bool = Field(
        True, description="whether a clip without a transcript is a reject; false: nobody wrote down what is said"
    )
    microphone: Literal[1, 2] = Field(1, description="which recording of VCTK 0.92 is taken")
    turns: int | Literal["all", "recording"] | DrawnTurns = Field(
        1,
        description="of a dialogue, from the first (layout messages): a number, all, or {mean: 2, most: 5} to draw one; "
        "recording (layouts kaldi, lhotse and shar): the utterances of a recording are turns of one conversation",
    )
    licence: str = Field(min_length=1, description="terms of the text, e.g. MIT or CC-BY-NC-4.0")
    limit: int | None = Field(None, ge=1, le=10**15, description="take the first so many conversations")
    shard: ShardSizes = ShardSizes()

    @field_validator("layout", mode="before")
    @classmethod
    def _layout_is_known(cls, layout: object) -> object:
        if isinstance(layout, str) and layout not in LAYOUTS:
            raise ValueError(f"there is no layout '{layout[:80]}'; {nearest(layout, LAYOUTS)}")
        return layout

    @field_validator("path")
    @classmethod
    def _files_are_there(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None or "layout" not in info.data:
            return path
        kind = SPEECH.get(info.data["layout"])
        if kind and kind.reads == "dataset":
            raise ValueError(
                f"'layout: {info.data['layout']}' reads {kind.what}, a name on the Hub or a folder; write 'dataset'"
            )
        if is_url(path) and kind:
            if kind.reads == "files" and any(sign in path for sign in "*["):
                raise ValueError("what a URL's * stands for isn't looked up; write numbers: shard-{000..099}.tar")
            expanded(path)
            return _url(path)
        if kind and kind.reads == "folder":
            return _folder(path, info, info.data["layout"])
        suffixes = SPEECH_SUFFIXES.get(info.data["layout"], SUFFIXES)
        opened = find(path, info, lambda candidate: bool(files(candidate)))
        if opened is None and (folder := find(path, info)):
            usual = ".jsonl" if ".jsonl" in suffixes else suffixes[0]
            raise ValueError(f"'{folder}' is a folder; name its files, {Path(path) / f'*{usual}'} say")
        if opened is None:
            advice = [_nearest_file(folder / path, suffixes) for folder in folders(info)]
            best = next((one for one in advice if "did you mean" in one), advice[0])
            raise ValueError(f"no such file: {path}{looked_in(path, info)}; {best}")
        if gone := lacking(opened):
            raise ValueError(f"{len(gone)} of the files that '{path}' names aren't there; the first: {gone[0]}")
        for file in files(opened):
            if not file.name.endswith(suffixes):
                raise ValueError(f"'{file}' can't be read: name a file that ends in {', '.join(suffixes)}")
        return opened

    @field_validator("dataset")
    @classmethod
    def _dataset_may_be_there(cls, dataset: str | None, info: ValidationInfo) -> str | None:
        """A name that the Hub may have is for the reader to look up; what can only be a folder is one."""
        if dataset is None or os.path.isdir(dataset) or re.fullmatch(_ON_THE_HUB, dataset, re.ASCII):
            return dataset
        if "huggingface.co/datasets/" in dataset:
            raise ValueError(f"write the dataset's name: {'/'.join(dataset.partition('/datasets/')[2].split('/')[:2])}")
        if is_url(dataset):
            raise ValueError(f"'{dataset}' is a URL, and a dataset is a name on the Hub or a folder of this machine")
        if os.path.isfile(dataset) or glob.has_magic(dataset):
            raise ValueError(f"'{dataset}' is no folder; name the one that the dataset's files lie in")
        return _folder(dataset, info, "")

    @field_validator("clips")
    @classmethod
    def _clips_are_there(cls, clips: str | None, info: ValidationInfo) -> str | None:
        if clips is None:
            return None
        return _url(clips) if is_url(clips) else _folder(clips, info, "")

    @field_validator("columns")
    @classmethod
    def _targets_are_known(cls, columns: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        speech = info.data.get("layout") in SPEECH
        for name in columns:
            if speech and name in PLACES:
                continue
            if name in COLUMNS and name not in TARGETS:
                raise ValueError(f"'{name}' is made by a stage or by the reader, not given; {nearest(name, TARGETS)}")
        return columns  # those that aren't ours may be declared by a stage: whoever knows the stages checks them

    @field_validator("turns", mode="before")
    @classmethod
    def _some_turns(cls, turns: object) -> object:
        if isinstance(turns, DrawnTurns):
            return turns
        if isinstance(turns, dict):
            try:
                return DrawnTurns.model_validate(turns)
            except ValueError:
                raise ValueError("write {mean: 2, most: 5}, with numbers above 0") from None
        if turns not in ("all", _RECORDING) and (isinstance(turns, bool) or not isinstance(turns, int) or turns < 1):
            raise ValueError("write a number from 1 up, all, or {mean: 2, most: 5}")
        return turns

    @model_validator(mode="after")
    def _consistent(self) -> "Source":
        if (self.path is None) == (self.dataset is None):
            raise ValueError("give either 'path' (files) or 'dataset' (a Hugging Face dataset)")
        if self.path is not None and (self.config or self.revision or "split" in self.model_fields_set):
            raise ValueError("'config', 'split' and 'revision' belong to a dataset, not to a path")
        if self.layout in SPEECH:
            self._check_speech(SPEECH[self.layout])
            return self
        for key in ("clips", "of", "language", "votes", "microphone", "transcripts"):
            if key in self.model_fields_set:
                raise ValueError(f"'{key}' goes with recorded speech, not with 'layout: {self.layout}'")
        if (self.layout == "columns") != bool(self.columns):
            raise ValueError("'layout: columns' and 'columns' (our column: the record's field) need each other")
        if self.columns and set(self.columns) <= set(TARGETS) - {*TASKS, "transcript", "audio"}:
            raise ValueError("'columns' must name the field of instruction, of query_text, or of transcript")
        if "turn" in self.columns and "conversation_id" not in self.columns:
            raise ValueError("'columns' names turn, so it must name conversation_id too")
        if self.layout not in DIALOGUES and self.turns != 1:
            raise ValueError("'turns' goes with 'layout: messages'")
        if self.turns == _RECORDING:
            raise ValueError("'turns: recording' goes with recorded speech; write a number, all, or {mean: 2, most: 5}")
        return self

    def _check_speech(self, kind: Layout) -> None:
        key = "dataset" if kind.reads == "dataset" else "path"
        if getattr(self, key) is None:
            raise ValueError(f"'layout: {self.layout}' reads {kind.what}; name it as '{key}'")
        for key, goes in (("columns", kind.records), ("clips", kind.apart)):
            if key in self.model_fields_set and not goes:
                layouts = ", ".join(
                    name for name, one in SPEECH.items() if (one.records if key == "columns" else one.apart)
                )
                raise ValueError(f"'{key}' goes with the layouts {layouts}, not with {self.layout}")
        if "turns" in self.model_fields_set and (not kind.turns or self.turns != _RECORDING):
            layouts = ", ".join(name for name, one in SPEECH.items() if one.turns)
            raise ValueError(f"'turns' goes with 'layout: messages'; 'turns: recording' with the layouts {layouts}")
        for key, layout in (("votes", "common_voice"), ("microphone", "vctk")):
            if key in self.model_fields_set and self.layout != layout:
                raise ValueError(f"'{key}' goes with 'layout: {layout}'")
        if "turn" in self.columns and "conversation_id" not in self.columns:
            raise ValueError("'columns' names turn, so it must name conversation_id too")

    @property
    def is_speech(self) -> bool:
        """Whether its rows have recorded clips."""
        return self.layout in SPEECH

    @property
    def root(self) -> str | None:
        """The folder, or URL of one, that the paths in its references to clips start from; None of texts."""
        if not self.is_speech:
            return None
        if self.path is None:  # a dataset of the Hub has its files' addresses in its references
            return str(self.dataset) if os.path.isdir(str(self.dataset)) else ""
        return folder_of_clips(SPEECH[self.layout], self.path, self.clips)

    @property
    def has_talks(self) -> bool:
        """Whether rows that follow each other may be one conversation."""
        talks = self.is_speech and (SPEECH[self.layout].talks or self.turns == _RECORDING)
        return talks or "conversation_id" in self.columns

    @property
    def has_tasks(self) -> bool:
        """Whether its rows have an instruction; else each is an utterance, with a transcript."""
        if self.is_speech:
            return "instruction" in self.columns
        return self.layout != "columns" or any(name in self.columns for name in TASKS)


def _url(url: str) -> str:
    if "?" in url or "@" in url.split("://", 1)[1].partition("/")[0]:
        raise ValueError("a URL of recorded speech holds no keys and no '?': put them into the environment")
    if url.startswith(("file:", "local:")):
        raise ValueError("write the folder's path, without file://")
    return url.rstrip("/")


def _folder(path: str, info: ValidationInfo, layout: str) -> str:
    """The folder as it can be opened. Raises ValueError where there is none."""
    if opened := find(path, info, os.path.isdir):
        return opened
    if file := find(path, info):
        what = f"layout {layout} reads {SPEECH[layout].what}" if layout else "name the folder that the clips lie in"
        raise ValueError(f"'{file}' is a file; {what}")
    for folder in folders(info):
        above = (folder / path).parent
        names = [entry.name for entry in above.iterdir() if entry.is_dir()] if above.is_dir() else []
        if near := closest(Path(path).name, names):
            raise ValueError(f"no such folder: {path}; did you mean '{above / near}'?")
    raise ValueError(f"no such folder: {path}{looked_in(path, info)}")


def _nearest_file(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """Advice where the file's folder, or the folder above that, holds nearly such a name; else what the folder holds."""
    folder = path.parent
    if not folder.is_dir():
        above = folder.parent
        names = [entry.name for entry in above.iterdir() if entry.is_dir()] if above.is_dir() else []
        near = closest(folder.name, names)
        return f"there is no folder '{folder}'" + (f"; did you mean '{above / near}'?" if near else "")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(suffixes))
    if near := closest(path.name, names):
        return f"did you mean '{folder / near}'?"
    ends = " or ".join(suffixes[:2])
    return f"'{folder}' holds {', '.join(names[:5]) or f'no file that ends in {ends}'}"
