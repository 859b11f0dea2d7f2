"""Hugging Face datasets with an Audio column: on the Hub, or a folder of Parquet or Arrow files."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from voxsmith.pipeline.sources.dataset.process import dataset_rows
from voxsmith.pipeline.sources.dataset.tables import CLIP
from voxsmith.pipeline.sources.record.values import Unfit, dump
from voxsmith.pipeline.sources.speech.fields import Fields
from voxsmith.pipeline.sources.speech.folder import File, Folder
from voxsmith.pipeline.sources.speech.unnamed import some_have
from voxsmith.pipeline.sources.speech.utterance import Lost, Read
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.lines import TooLarge
from voxsmith.schemas.source import Source


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    fields = Fields(source, columns)
    with closing(dataset_rows(name, source, ())) as rows:
        for number, record in enumerate(some_have(name, source, rows, _texts)):
            yield _read(record, f"row {number}", fields, watch)


def _read(record: dict[str, Any] | TooLarge, place: str, fields: Fields, watch: Watch) -> Read:
    if isinstance(record, TooLarge):
        return Lost(place, "bad_line", f"a row's texts have {record.size} bytes", record.name)
    clip = record.pop(CLIP)
    path, member = clip["path"], clip["member"]
    place = f"{path}, {member}"
    if not is_url(path):
        watch.unread(path)
    located = File(path, clip["size"], None) if is_url(path) else None  # its commit is in the address
    try:
        return fields.utterance(record, place, path, member=member, located=located)
    except Unfit as unfit:
        return Lost(place, unfit.reason, unfit.message, dump([member, record]))


def _texts(record: dict[str, Any] | TooLarge) -> dict[str, Any] | None:
    if isinstance(record, TooLarge):
        return None
    return {field: value for field, value in record.items() if field != CLIP}
