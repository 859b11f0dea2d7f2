"""What `publish` does: the terms, what there is to send, what is there already, and the rest in groups."""

import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from pipeline.errors import RecipeError, RunFailed
from pipeline.outputs import read_manifest
from pipeline.publish.bucket import Bucket, address
from pipeline.publish.files import Item, Made, There, Workshop, data_items, in_groups, other_items, small
from pipeline.publish.hub import HubRepo, check_repo, has_token
from pipeline.publish.terms import check_terms
from pipeline.report.card import Published, render_card
from pipeline.report.statistics import from_json
from pipeline.store.digests import digest
from schemas.recipe import Recipe

# What an earlier publication of ours may have left; other files in the place are not ours to delete.
_OURS = re.compile(
    r"(?:dataset|rejects)/(?:[^/]+/)?(?:data-\d+-of-\d+\.(?:parquet|arrow)|state\.json|dataset_info\.json)"
    r"|dataset/dataset_dict\.json"
)


class Place(Protocol):
    """Where a dataset is published. `load` is Python that reads a split there."""

    where: str

    def load(self, split: str, files: str, form: str) -> str: ...

    def listing(self) -> dict[str, There]: ...

    def put(self, files: list[Made], gone: list[str], message: str) -> None: ...


def publish(recipe: Recipe, options: Namespace) -> int:
    """Publish out/<recipe> to `options.repo` or `options.to`. Raises RunFailed and RecipeError with what to do."""
    if options.repo is not None:
        check_repo(options.repo)
    elif not options.to.strip():
        raise RecipeError("--to: name a folder or a URL, s3://bucket/prefix say")
    elif options.private:
        raise RecipeError(
            "--private goes with --repo: who may read a folder or a bucket is for its own settings to say"
        )
    folder = Path(recipe.out) / recipe.name
    manifest = _manifest(folder, recipe, options.recipe)
    try:
        check_terms(folder, manifest, options.recipe)
        workshop = Workshop(folder / ".publish")
        if options.dry_run:
            _foretell(folder, workshop, options)
            return 0
        place: Place = HubRepo(options.repo, options.private, _say) if options.repo else Bucket(options.to, _say)
        with workshop.alone():
            _send(place, workshop, folder, manifest, options)
    except (OSError, pa.ArrowException) as error:  # of files here: what a place says, it says itself
        told = " ".join(str(error).split())
        raise RunFailed(f"{folder}: {told}; once that is put right, the same command goes on from here") from None
    return 0


def _send(place: Place, workshop: Workshop, folder: Path, manifest: dict[str, Any], options: Namespace) -> None:
    items, others = data_items(folder, options.format), other_items(folder, options.format)
    workshop.tidy(items)
    there = place.listing()
    sent = 0
    for group in in_groups(_missing(items, workshop, there)):
        what = f"{len(group)} files of data, {_bytes(sum(file.size for file in group))}"
        _say(f"sending {what}: {_short(group)}")
        _check_unchanged(folder, manifest)
        place.put(group, [], what)
        workshop.clear(group)
        sent += len(group)
    data = [made for item in items if (made := workshop.remembered(item))]
    _check_unchanged(folder, manifest, len(data) == len(items))
    last = [*(small(item.name, item.source.read_bytes()) for item in others), _card(place, manifest, data, options)]
    fresh = [file for file in last if not file.is_in(there)]
    names = {file.name for file in [*data, *last]}
    gone = sorted(name for name in there if _OURS.fullmatch(name) and name not in names)
    if fresh or gone:  # the card comes last: until then readers go by the old one
        place.put(fresh, gone, "card, manifest and report")
        sent += len(fresh)
    arrived = place.listing()
    if lost := [file.name for file in [*data, *last] if not file.is_in(arrived)]:
        raise RunFailed(f"{', '.join(lost[:5])}: not as sent; somebody else writes there? The same command tries again")
    kept = len(data) + len(last) - sent
    size = sum(file.size for file in [*data, *last])
    took = f", {len(gone)} old ones deleted" if gone else ""
    print(f"{sent} files sent, {kept} were there already{took}; {_bytes(size)} in all\npublished  {place.where}")


def _check_unchanged(folder: Path, manifest: dict[str, Any], files: bool = True) -> None:
    """Nothing is sent of an export whose terms weren't checked. It takes the manifest away before all else, and writes one
    last of all. `files`: whether those of the dataset are as they were.
    """
    if not files or digest(read_manifest(folder)) != digest(manifest):
        raise RunFailed(f"{folder} was exported anew while it was published; once that is done, the same command again")


def _manifest(folder: Path, recipe: Recipe, path: str) -> dict[str, Any]:
    found = read_manifest(folder)
    if found is None or not (folder / "dataset").is_dir():
        raise RunFailed(f"{folder} holds no exported dataset; first: python -m pipeline run {path}")
    if not found["counts"]["rows_out"]:
        raise RunFailed(f"{folder}/dataset has no rows; why, tells: python -m pipeline rejects {path}")
    if (found["recipe"].get("export") or {}).get("licence") != recipe.export.licence:
        raise RunFailed(f"{path}: export.licence has changed since the export; first: python -m pipeline export {path}")
    if found["recipe_digest"] != digest(recipe.model_dump(mode="json", exclude={"rates"})):
        _say(f"{path} has changed since the export of {found['created']}; what is published is that export")
    if pending := found["counts"]["pending"]:
        _say(f"{pending} rows are pending and not in it; to get them: python -m pipeline run {path}")
    return found


def _missing(items: list[Item], workshop: Workshop, there: dict[str, There]) -> Iterator[Made]:
    for item in items:
        made = workshop.remembered(item) or workshop.make(item)
        if made.is_in(there):
            workshop.clear([made])
        else:
            yield workshop.make(item)


def _card(place: Place, manifest: dict[str, Any], data: list[Made], options: Namespace) -> Made:
    """README.md with the names that the files have there."""
    found = {_part(file.name): re.sub(r"data-\d+-", "data-*-", file.name) for file in data}
    known = (manifest["recipe"].get("export") or {}).get("splits") or {}
    order = [f"dataset/{split}" for split in known] or ["dataset"]
    splits = [{"split": _split(part), "path": found[part]} for part in order if part in found]
    configs: list[dict[str, Any]] = [{"config_name": "default", "data_files": splits}]
    if "rejects" in found:
        configs.append({"config_name": "rejects", "data_files": [{"split": "rejects", "path": found["rejects"]}]})
    first = splits[0] if splits else {"split": "train", "path": ""}
    load = place.load(first["split"], first["path"], options.format)
    size = sum(file.size for file in data if file.name.startswith("dataset/"))
    text = render_card(manifest, from_json(manifest["statistics"]), Published(configs, load, size))
    return small("README.md", text.encode())


def _part(name: str) -> str:
    return name.rpartition("/")[0]


def _split(part: str) -> str:
    return part.partition("/")[2] or "train"


def _foretell(folder: Path, workshop: Workshop, options: Namespace) -> None:
    """Names and sizes; those of Parquet that was never made are about those of the Arrow files."""
    items = [*data_items(folder, options.format), *other_items(folder, options.format)]
    print(f"would publish to {options.repo or address(options.to)}:")
    total = 0
    for item in items:
        made = workshop.remembered(item)
        size = made.size if made else item.source.stat().st_size
        total += size
        print(f"  {'about' if item.parquet and not made else '':>5} {_bytes(size):>9}  {item.name}")
    print(f"{'README.md':>26}\n{len(items) + 1} files, about {_bytes(total)}")
    print("Nothing was asked or sent; what is there already would be left out.")
    if options.repo and not has_token():
        print("There is no token to publish with: put one into HF_TOKEN, or run hf auth login.")


def _short(group: list[Made]) -> str:
    names = [file.name for file in group]
    return ", ".join(names if len(names) <= 3 else [names[0], "…", names[-1]])


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.{0 if unit == 'B' else 1}f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _say(text: str) -> None:
    print(text, flush=True)
