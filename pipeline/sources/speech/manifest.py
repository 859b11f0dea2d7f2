"""Manifests: records that name a clip's file. JSON lines or lists (ours, NeMo's), and the tables of Common Voice."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voxsmith.pipeline.sources.record.files import Bad, Placed, kind, records_of
from voxsmith.pipeline.sources.record.values import Unfit, dump, identifier, ordinal, text_of, value_of
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.table import rows_of_table
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.globs import files
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import PLACES, Votes

# Which fields are what, where `columns` doesn't say it; the first that a record has.
_COMMON = {"speaker": ("speaker",), "offset": ("offset",), "duration": ("duration",), "channel": ("channel",)}
_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "manifest": _COMMON
    | {"clip": ("path",), "source_transcript": ("text", "transcript"), "language": ("language",), "id": ("id",)},
    "nemo": _COMMON
    | {"clip": ("audio_filepath",), "source_transcript": ("text",), "language": ("lang", "source_lang")},
    "common_voice": {
        "clip": ("path",), "source_transcript": ("sentence",), "speaker": ("client_id",), "language": ("locale",)
    },
}  # fmt: skip
_CLIPS = "clips"  # Common Voice's folder of them, beside its tables


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    fields = _FIELDS[source.layout] | {name: (field,) for name, field in source.columns.items()}
    path = str(source.path)
    for file in [path] if is_url(path) else files(path):
        base = (
            "" if source.clips else str(file.parent.absolute()) if isinstance(file, Path) else file.rpartition("/")[0]
        )
        if source.layout == "common_voice" and not source.clips:
            base = f"{base}/{_CLIPS}"
        watch.file(str(file))
        for place, record in _records(name, source, file, fields):
            if isinstance(record, Bad):
                yield Lost(place, "bad_line", record.message, record.raw)
                continue
            try:
                yield _utterance(place, record, fields, source, base, columns)
            except Unfit as unfit:
                yield Lost(place, unfit.reason, unfit.message, dump(record))


def _records(name: str, source: Source, file: Path | str, fields: Mapping[str, tuple[str, ...]]) -> Iterator[Placed]:
    if source.layout == "common_voice":
        return rows_of_table(name, file, [fields["clip"][0], fields["source_transcript"][0]])
    return records_of(file)


def _utterance(
    place: str,
    record: dict[str, Any],
    fields: Mapping[str, tuple[str, ...]],
    source: Source,
    base: str,
    columns: Mapping[str, Column],
) -> Utterance:
    def field(name: str) -> str | None:
        """The field that holds it; one that `columns` names is there, or the record is no row."""
        there = next((one for one in fields.get(name, ()) if one in record), None)
        return fields[name][0] if there is None and name in source.columns else there

    clip = text_of(record, field("clip") or fields["clip"][0])
    if not clip:
        raise Unfit("missing_clip", f"'{field('clip')}' is empty")
    values: dict[str, Any] = dict.fromkeys(("source_transcript", "speaker", "language"))
    for name in (*values, *source.columns):
        if name not in PLACES and name not in ("conversation_id", "turn") and (one := field(name)):
            values[name] = value_of(record, one, columns[name].type)
    values["language"] = values["language"] or source.language
    numbers: dict[str, Any] = {
        name: record.get(one) for name in ("offset", "duration", "channel") if (one := field(name))
    }
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Unfit("bad_segment", f"'{field(name)}' is not a number but {kind(value)}")
    _check_votes(record, source.votes)
    named = field("id")
    utterance = identifier(record, named) if named else None
    if source.layout == "common_voice":
        utterance = clip.rpartition("/")[2].removesuffix(".mp3")
        clip += "" if "." in clip.rpartition("/")[2] else ".mp3"  # as of its first releases
    return Utterance(
        place,
        clip,
        values,
        utterance,
        base=base,
        offset=numbers.get("offset"),
        duration=numbers.get("duration"),
        channel=numbers.get("channel"),
        conversation=identifier(record, one) if (one := field("conversation_id")) else None,
        turn=ordinal(record, one) if (one := field("turn")) else None,
    )


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
