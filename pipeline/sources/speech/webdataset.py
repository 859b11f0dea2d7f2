"""WebDataset: tars of samples, whose files follow each other and share a name up to the first dot: KEY.flac, KEY.json."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from voxsmith.pipeline.sources.record.files import kind
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.archive import Member, members, opened
from voxsmith.pipeline.sources.speech.fields import Fields
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.globs import files
from voxsmith.schemas.source import Source

AUDIO = ("flac", "wav", "mp3", "ogg", "opus", "m4a")
_TEXTS = ("txt", "text", "transcript")
_FIELDS = {
    "source_transcript": ("text", "transcript", "transcription", "sentence"),
    "speaker": ("speaker", "speaker_id"),
    "language": ("language", "lang"),
    "duration": ("duration",),
}

Sample = dict[str, Member | str]  # by what follows the key's dot: a clip, or a text's content


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """A sample's text is what its KEY.txt holds, or a field of its KEY.json. It is named by its tar and its key: many sets
    count anew in each tar.
    """
    fields = Fields(_FIELDS, source, columns)
    path = str(source.path)
    for file in [path] if is_url(path) else [str(one.absolute()) for one in files(path)]:
        watch.unread(file)
        with opened(file) as stream:
            for key, sample in _samples(members(stream, file)):
                place = f"{file}, {key}"
                try:
                    yield _utterance(file, key, sample, fields, place)
                except Unfit as unfit:
                    yield Lost(place, unfit.reason, unfit.message, f"{_name(file)} {key}")


def _samples(tar: Iterable[Member]) -> Iterator[tuple[str, Sample]]:
    """The samples by their keys. Texts are read at once: a tar goes on behind them."""
    key, sample = "", Sample()
    for member in tar:
        folder, sign, base = member.name.rpartition("/")
        stem, _, end = base.partition(".")
        if not stem:  # .DS_Store, ._clip.flac
            continue
        if folder + sign + stem != key:
            if sample:
                yield key, sample
            key, sample = folder + sign + stem, {}
        end = end.lower()
        sample[end] = member if end in AUDIO else member.text() if end in (*_TEXTS, "json") else ""
    if sample:
        yield key, sample


def _utterance(file: str, key: str, sample: Sample, fields: Fields, place: str) -> Utterance:
    clip = next((one for end in AUDIO if isinstance(one := sample.get(end), Member)), None)
    if clip is None:
        raise Unfit("missing_clip", f"'{key}' has no clip, but {', '.join(sample)}")
    record = _record(str(sample["json"])) if "json" in sample else {}
    if (text := next((sample[end] for end in _TEXTS if end in sample), None)) is not None:
        record = record | {"text": " ".join(str(text).split())}
    return fields.utterance(record, place, file, member=clip.name, name=f"{_name(file)}/{key}")


def _name(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".tar")


def _record(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unfit("bad_line", f"its json is none: {str(error)[:200]}") from None
    if not isinstance(record, dict):
        raise Unfit("bad_line", f"its json is no object but {kind(record)}")
    return record
