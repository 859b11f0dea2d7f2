"""WebDataset: tars of samples, whose files follow each other and share a name up to the first dot: KEY.flac, KEY.json."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from voxsmith.models.tar_members import BrokenTar, Member, members
from voxsmith.pipeline.sources.record.files import kind
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.archive import opened, text_of
from voxsmith.pipeline.sources.speech.fields import Fields
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.globs import expanded, files
from voxsmith.schemas.source import Source

AUDIO = ("flac", "wav", "mp3", "ogg", "opus", "m4a")
_TEXTS = ("txt", "text", "transcript")
Sample = dict[str, Member | str]  # by what follows the key's dot: a clip, or a text's content


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """A sample's text is what its KEY.txt holds, or a field of its KEY.json. It is named by its tar and its key: many sets
    count anew in each tar.
    """
    fields = Fields(source, columns)
    path = str(source.path)
    for file in expanded(path) if is_url(path) else [str(one.absolute()) for one in files(path)]:
        watch.unread(file)
        with opened(file) as stream:
            count = 0
            try:
                for key, sample in _samples(stream):
                    place, count = f"{file}, {key}", count + 1
                    try:
                        yield _utterance(file, key, sample, fields, place)
                    except Unfit as unfit:
                        yield Lost(place, unfit.reason, unfit.message, f"{_name(file)} {key}")
            except BrokenTar as broken:
                kept = f"{broken}; its first {count} samples are listed" if count else str(broken)
                yield Lost(file, "bad_archive", kept, _name(file))


def _samples(stream: BinaryIO) -> Iterator[tuple[str, Sample]]:
    """The samples by their keys. A key that comes again, and an ending that does, begin another sample, as two with one key
    may be neighbours. Where the tar breaks off, the last one is left out if it may have been cut. Raises BrokenTar.
    """
    key, sample, broken = "", Sample(), None
    try:
        for member in members(stream):
            name, end = _halves(member.name)
            if not name:  # .DS_Store, ._clip.flac
                continue
            if name != key or end in sample:
                if sample:
                    yield key, sample
                key, sample = name, {}
            sample[end] = member if end in AUDIO else text_of(stream, member) if end in (*_TEXTS, "json") else ""
    except BrokenTar as error:
        broken = error
    cut = "" if broken is None or broken.complete else _halves(broken.member)[0] or key
    has_both = bool({*AUDIO} & {*sample} and {*_TEXTS, "json"} & {*sample})
    if sample and (cut != key or (has_both and not (broken and broken.member))):
        yield key, sample
    if broken:
        raise broken


def _halves(member: str) -> tuple[str, str]:
    """(key, ending in small letters); the key is "" of what hides."""
    folder, sign, base = member.rpartition("/")
    stem, _, end = base.partition(".")
    return folder + sign + stem if stem else "", end.lower()


def _utterance(file: str, key: str, sample: Sample, fields: Fields, place: str) -> Utterance:
    clip = next((one for end in AUDIO if isinstance(one := sample.get(end), Member)), None)
    if clip is None:
        raise Unfit("missing_clip", f"'{key}' has no clip, but {', '.join(sample)}")
    if clip.again:
        raise Unfit("repeated_id", f"a '{clip.name}' comes before it in the tar, and that one alone can be read")
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
