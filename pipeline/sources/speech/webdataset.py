"""WebDataset: tars of samples, whose files follow each other and share a name up to the first dot: KEY.flac, KEY.json."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from voxsmith.models.tar_members import BrokenTar, Member, members
from voxsmith.pipeline.sources.record.files import kind
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.archive import opened, text_of
from voxsmith.pipeline.sources.speech.fields import Fields
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.unnamed import some_have
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.globs import expanded, files
from voxsmith.schemas.source import Source

AUDIO = ("flac", "wav", "mp3", "ogg", "opus", "m4a")
_TEXTS = ("txt", "text", "transcript")
Sample = dict[str, Member | str]  # by what follows the key's dot: a clip, or a text's content


class _Read(NamedTuple):
    """A sample, of which tar and under which key."""

    file: str
    key: str
    sample: Sample

    def record(self) -> dict[str, Any]:
        """Its texts. Raises Unfit."""
        record = _record(str(self.sample["json"])) if "json" in self.sample else {}
        if (text := next((self.sample[end] for end in _TEXTS if end in self.sample), None)) is not None:
            record = record | {"text": " ".join(str(text).split())}
        return record


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """A sample's text is what its KEY.txt holds, or a field of its KEY.json. It is named by its tar and its key: many sets
    count anew in each tar.
    """
    fields = Fields(source, columns)
    for one in some_have(name, source, _read(source, watch), _shown, ", or put it into KEY.txt"):
        if isinstance(one, Lost):
            yield one
            continue
        place = f"{one.file}, {one.key}"
        try:
            yield _utterance(one, fields, place)
        except Unfit as unfit:
            yield Lost(place, unfit.reason, unfit.message, f"{_name(one.file)} {one.key}")


def _read(source: Source, watch: Watch) -> Iterator[_Read | Lost]:
    path = str(source.path)
    for file in expanded(path) if is_url(path) else [str(one.absolute()) for one in files(path)]:
        watch.unread(file)
        with opened(file) as stream:
            count = 0
            try:
                for key, sample in _samples(stream):
                    count += 1
                    yield _Read(file, key, sample)
            except BrokenTar as broken:
                kept = f"{broken}; its first {count} samples are listed" if count else str(broken)
                yield Lost(file, "bad_archive", kept, _name(file))


def _shown(one: _Read | Lost) -> dict[str, Any] | None:
    """The sample's fields; and the ends of its files, for messages."""
    if isinstance(one, Lost):
        return None
    try:
        return one.record() | {f".{end}": None for end in one.sample}
    except Unfit:
        return None


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


def _utterance(one: _Read, fields: Fields, place: str) -> Utterance:
    clip = next((clip for end in AUDIO if isinstance(clip := one.sample.get(end), Member)), None)
    if clip is None:
        raise Unfit("missing_clip", f"'{one.key}' has no clip, but {', '.join(one.sample)}")
    if clip.again:
        raise Unfit("repeated_id", f"a '{clip.name}' comes before it in the tar, and that one alone can be read")
    return fields.utterance(one.record(), place, one.file, member=clip.name, name=f"{_name(one.file)}/{one.key}")


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
