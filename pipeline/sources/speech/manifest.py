"""Manifests: records that name a clip's file. JSON lines or lists (ours, NeMo's), and the tables of Common Voice."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from voxsmith.pipeline.sources.record.files import Bad, Record, records_of
from voxsmith.pipeline.sources.record.values import Unfit, dump, text_of
from voxsmith.pipeline.sources.speech.fields import Fields
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.table import rows_of_table
from voxsmith.pipeline.sources.speech.unnamed import some_have
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.globs import expanded, files
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import Votes

_CLIPS = "clips"  # Common Voice's folder of them, beside its tables


class _Based(NamedTuple):
    """A record, where it stands, and where its relative paths start."""

    base: str
    place: str
    record: Record


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    fields = Fields(source, columns)
    for base, place, record in some_have(name, source, _records(name, source, watch, fields), _record):
        if isinstance(record, Bad):
            yield Lost(place, "bad_line", record.message, record.raw)
            continue
        try:
            yield _utterance(place, record, fields, source, base)
        except Unfit as unfit:
            yield Lost(place, unfit.reason, unfit.message, dump(record))


def _records(name: str, source: Source, watch: Watch, fields: Fields) -> Iterator[_Based]:
    path = str(source.path)
    for file in expanded(path) if is_url(path) else files(path):
        base = (
            "" if source.clips else str(file.parent.absolute()) if isinstance(file, Path) else file.rpartition("/")[0]
        )
        if source.layout == "common_voice" and not source.clips:
            base = f"{base}/{_CLIPS}"
        watch.file(str(file))
        if source.layout == "common_voice":
            placed = rows_of_table(name, file, [fields.of(one, {}) for one in ("clip", "source_transcript")])
        else:
            placed = records_of(file)
        yield from (_Based(base, *one) for one in placed)


def _record(read: _Based) -> dict[str, Any] | None:
    return read.record if isinstance(read.record, dict) else None


def _utterance(place: str, record: dict[str, Any], fields: Fields, source: Source, base: str) -> Utterance:
    field = fields.of("clip", record)
    clip = text_of(record, field)
    if not clip:
        raise Unfit("missing_clip", f"'{field}' is empty")
    _check_votes(record, source.votes)
    name = None
    if source.layout == "common_voice":
        name = clip.rpartition("/")[2].removesuffix(".mp3")
        clip += "" if "." in clip.rpartition("/")[2] else ".mp3"  # as of its first releases
    return fields.utterance(record, place, clip, name=name)._replace(base=base)


def _check_votes(record: dict[str, Any], votes: Votes | None) -> None:
    """Raises Unfit where listeners didn't find enough of the clip right, or too much of it wrong."""
    if votes is None:
        return
    try:
        up, down = (int(record.get(field) or 0) for field in ("up_votes", "down_votes"))
    except (TypeError, ValueError):
        raise Unfit("missing_field", "'up_votes' or 'down_votes' is no whole number") from None
    if up < votes.least_up:
        raise Unfit("few_votes", f"{up} listeners said that it is right; {votes.least_up} are wanted")
    if votes.most_down is not None and down > votes.most_down:
        raise Unfit("many_votes", f"{down} listeners said that it is wrong; {votes.most_down} at most are taken")
