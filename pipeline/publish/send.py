"""Sending a dataset: the terms, what there is to send, what is there already, and the rest in groups."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.names import CARD, PUBLISH
from voxsmith.pipeline.export.replace import look_at
from voxsmith.pipeline.publish import ultravox
from voxsmith.pipeline.publish.files import (
    Item,
    ReadyFile,
    There,
    Workshop,
    data_items,
    in_groups,
    other_items,
    small,
    ultravox_chunks,
)
from voxsmith.pipeline.publish.leaks import check_card, check_no_secret
from voxsmith.pipeline.publish.place import Place
from voxsmith.pipeline.publish.target import Target
from voxsmith.pipeline.publish.terms import check_terms
from voxsmith.pipeline.report.card import Published, render_card
from voxsmith.pipeline.report.full_manifest import checked_manifest
from voxsmith.pipeline.report.manifest import read_manifest
from voxsmith.pipeline.report.outputs import folder_of
from voxsmith.pipeline.report.statistics import from_json
from voxsmith.pipeline.store.digests import digest
from voxsmith.schemas.recipe import Recipe

# What an earlier publication of ours may have left; other files there are not ours to delete.
_OURS = re.compile(
    r"(?:dataset|rejects|preferences)/(?:[^/]+/)?(?:data-\d+-of-\d+\.(?:parquet|arrow)|state\.json|dataset_info\.json)"
    r"|(?:dataset|preferences)/dataset_dict\.json"
    r"|\w+/[^/]+/chunk-range-\d{9,}-\d{9,}/data-\d+-of-\d+\.parquet"
)


@dataclass(frozen=True)
class File:
    """A file of a publication, by its name there. `exact`: whether `size`, in bytes, is known or an estimate."""

    name: str
    size: int
    exact: bool = True


@dataclass(frozen=True)
class Publication:
    """What was published, or with `dry_run` would be: then nothing was sent, and the card (README.md) is not among the
    files, because its text depends on them. `sent` and `kept`: files that were sent, and that were there already;
    `deleted`: files of an earlier publication that are gone.
    """

    where: str
    files: tuple[File, ...]
    sent: int = 0
    kept: int = 0
    deleted: int = 0
    dry_run: bool = False

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def publish(recipe: Recipe, label: str, target: Target, dry_run: bool, say: Callable[[str], None]) -> Publication:
    """Publish out/<recipe>. `label`: how messages name the recipe; `say` gets sentences about what is being sent.

    Raises RecipeError for a target that is none, and RunFailed, with what to do, where the terms don't allow it, there is
    no export, or the place can't be written to.
    """
    target.check(recipe)
    folder = folder_of(recipe)
    manifest = _manifest(folder, recipe, label, say)
    try:
        if target.form == "ultravox":
            ultravox.check(ultravox.schema_of(data_items(folder, "arrow")[0].source), str(folder))
        check_terms(folder, manifest, label)
        workshop = Workshop(folder / PUBLISH)
        place = None if dry_run else target.connect(say)
        check_no_secret(folder, manifest, other_items(folder, target.form))
        if place is None:
            return _forecast(folder, workshop, target)
        with workshop.alone():
            return Sending(place, workshop, folder, manifest, target.form, say).send()
    except (OSError, pa.ArrowException) as error:  # of files here: errors of the place are RunFailed already
        message = " ".join(str(error).split())
        raise RunFailed(f"{folder}: {message}; once that is put right, the same command goes on from here") from None


class Sending:
    """One publication on its way."""

    def __init__(
        self,
        place: Place,
        workshop: Workshop,
        folder: Path,
        manifest: dict[str, Any],
        form: str,
        say: Callable[[str], None],
    ) -> None:
        self.place, self.workshop, self.folder, self.manifest = place, workshop, folder, manifest
        self.form, self.say = form, say

    def send(self) -> Publication:
        """Data first, in groups; the card comes last: until then readers go by the old one."""
        items = data_items(self.folder, self.form)
        self.workshop.tidy(items)
        there = self.place.listing()
        wanted = [*items, *other_items(self.folder, self.form)]
        self.place.check([*(item.name for item in wanted), CARD], self.manifest["name"])
        sent = self._send_data(items, there)
        data = [made for item in items if (made := self.workshop.remembered(item))]
        _check_unchanged(self.folder, self.manifest, len(data) == len(items))
        others = [small(item.name, item.source.read_bytes()) for item in other_items(self.folder, self.form)]
        card = self._card(data)
        last = [*others, card]
        fresh = [file for file in last if not file.is_in(there)]
        names = {file.name for file in [*data, *last]}
        gone = sorted(name for name in there if _OURS.fullmatch(name) and name not in names)
        self._tell_of_another_card(there, card)
        self.place.put(fresh, gone, "card, manifest and report")
        sent += len(fresh)
        self._check_arrived([*data, *last])
        self.workshop.note_card(self.place.where, card)
        files = tuple(File(file.name, file.size) for file in [*data, *last])
        return Publication(self.place.where, files, sent, len(files) - sent, len(gone))

    def _tell_of_another_card(self, there: dict[str, There], card: ReadyFile) -> None:
        """Say that a card is replaced which didn't come from here: somebody may have edited it."""
        is_there = CARD in there and not card.is_in(there)
        if is_there and self.place.keeps_old and there[CARD].checksum not in self.workshop.card_sent(self.place.where):
            self.say(
                f"{CARD} there is not the one that was sent from here last: it is replaced; the history there keeps it"
            )

    def _send_data(self, items: list[Item], there: dict[str, There]) -> int:
        sent = 0
        for group in in_groups(_missing(items, self.workshop, there)):
            what = f"{len(group)} files of data, {in_bytes(sum(file.size for file in group))}"
            self.say(f"sending {what}: {_short(group)}")
            _check_unchanged(self.folder, self.manifest)
            self.place.put(group, [], what)
            self.workshop.clear(group)
            sent += len(group)
        return sent

    def _card(self, data: list[ReadyFile]) -> ReadyFile:
        """README.md with the names that the files have there."""
        published = self._in_chunks(data) if self.form == "ultravox" else self._in_files(data)
        text = render_card(self.manifest, from_json(self.manifest["statistics"]), published)
        check_card(text, self.manifest)
        return small(CARD, text.encode())

    def _in_files(self, data: list[ReadyFile]) -> Published:
        patterns = _patterns(data)
        known = (self.manifest["recipe"].get("export") or {}).get("splits") or {}
        order = [f"dataset/{split}" for split in known] or ["dataset"]
        splits = [{"split": _split(part), "path": patterns[part]} for part in order if part in patterns]
        configs: list[dict[str, Any]] = [{"config_name": "default", "data_files": splits}, *_beside(patterns)]
        first = splits[0] if splits else {"split": "train", "path": ""}
        load = self.place.load(first["split"], first["path"], self.form)
        size = sum(file.size for file in data if file.name.startswith("dataset/"))
        return Published(configs, load, size)

    def _in_chunks(self, data: list[ReadyFile]) -> Published:
        made, sizes = ultravox_chunks(self.folder), {file.name: file.size for file in data}
        configs, infos = ultravox.configurations(made, sizes)
        load = self.place.load(made[0].split, configs[0]["data_files"][0]["path"], "parquet")
        size = sum(sizes[one.name] for one in made)
        remark = ultravox.remark(made, self.place.name)
        return Published([*configs, *_beside(_patterns(data))], load, size, infos, remark)

    def _check_arrived(self, files: list[ReadyFile]) -> None:
        arrived = self.place.listing()
        if lost := [file.name for file in files if not file.is_in(arrived)]:
            names = ", ".join(lost[:5])
            raise RunFailed(f"{names}: not as sent; does somebody else write there? The same command tries again")


def _check_unchanged(folder: Path, manifest: dict[str, Any], files: bool = True) -> None:
    """Raises RunFailed where another export has begun, whose terms weren't checked: an export deletes the manifest before
    all else, and writes it last. `files`: whether those of the dataset are as they were.
    """
    if not files or digest(read_manifest(folder)) != digest(manifest):
        raise RunFailed(
            f"{folder} was exported again while it was being published; once that export is done, run the same command again"
        )


def _manifest(folder: Path, recipe: Recipe, label: str, say: Callable[[str], None]) -> dict[str, Any]:
    manifest = checked_manifest(folder, label)
    if manifest is None or not (folder / "dataset").is_dir():
        raise RunFailed(f"{folder} holds no exported dataset; first: voxsmith run {label}")
    if not manifest["counts"]["rows_out"]:
        raise RunFailed(f"{folder}/dataset has no rows; to see why: voxsmith rejects {label}")
    if (manifest["recipe"].get("export") or {}).get("licence") != recipe.export.licence:
        raise RunFailed(f"{label}: export.licence has changed since the export; first: voxsmith export {label}")
    evidence, strangers = look_at(folder)
    if evidence.marks and strangers:  # exports of older versions have no marks
        raise RunFailed(
            f"{strangers[0]} is no part of the export, or not as it was: nothing is published; move it away"
        )
    if manifest["recipe_digest"] != digest(recipe.model_dump(mode="json", exclude={"rates"})):
        say(f"{label} has changed since the export of {manifest['created']}; that export is what is published")
    if pending := manifest["counts"]["pending"]:
        say(f"{pending} rows are pending and not in it; to get them: voxsmith run {label}")
    return manifest


def _missing(items: list[Item], workshop: Workshop, there: dict[str, There]) -> Iterator[ReadyFile]:
    for item in items:
        made = workshop.remembered(item) or workshop.make(item)
        if made.is_in(there):
            workshop.clear([made])
        else:
            yield workshop.make(item)


def _patterns(data: list[ReadyFile]) -> dict[str, str]:
    """For each folder of files that are numbered, the pattern that they match."""
    return {_part(file.name): re.sub(r"data-\d+-", "data-*-", file.name) for file in data}


def _beside(patterns: dict[str, str]) -> list[dict[str, Any]]:
    """The configurations of rejects and preferences, where there are such files."""
    configs: list[dict[str, Any]] = []
    if "rejects" in patterns:
        configs.append({"config_name": "rejects", "data_files": [{"split": "rejects", "path": patterns["rejects"]}]})
    if pairs := [part for part in patterns if part.partition("/")[0] == "preferences"]:
        files = [{"split": _split(part), "path": patterns[part]} for part in pairs]
        configs.append({"config_name": "preferences", "data_files": files})
    return configs


def _part(name: str) -> str:
    return name.rpartition("/")[0]


def _split(part: str) -> str:
    return part.partition("/")[2] or "train"


def _forecast(folder: Path, workshop: Workshop, target: Target) -> Publication:
    """Names and sizes; the size of Parquet that was never made is taken for that of the Arrow file."""
    files = []
    for item in [*data_items(folder, target.form), *other_items(folder, target.form)]:
        made = workshop.remembered(item)
        size = made.size if made else item.source.stat().st_size
        files.append(File(item.name, size, exact=made is not None or not item.parquet))
    return Publication(target.where, tuple(files), dry_run=True)


def _short(group: list[ReadyFile]) -> str:
    names = [file.name for file in group]
    return ", ".join(names if len(names) <= 3 else [names[0], "…", names[-1]])


def in_bytes(size: float) -> str:
    """Bytes as people read them: 1.2 MB."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.{0 if unit == 'B' else 1}f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
