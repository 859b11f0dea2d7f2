"""What is in out/<name>: dataset, rejects, manifest, card and report."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from voxsmith.models.versions import git_commit, versions
from voxsmith.pipeline.export.export import export_key, write_dataset
from voxsmith.pipeline.export.names import CARD, FRESH, MANIFEST, PAGE, PIECES, REPLACED, clear
from voxsmith.pipeline.export.replace import alone_in, fresh_folder, replace, replace_page
from voxsmith.pipeline.plan.manifests import now
from voxsmith.pipeline.plan.state import WHOLE, State
from voxsmith.pipeline.report.manifest import read_manifest
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.files import write_text
from voxsmith.pipeline.store.store import telling_of_no_room
from voxsmith.schemas.checks import section
from voxsmith.schemas.prompt import Prompt
from voxsmith.schemas.recipe import Recipe

if TYPE_CHECKING:
    from voxsmith.pipeline.report.row_view import Resound

_PACKAGES = ("voxsmith", "ray", "pyarrow", "datasets", "numpy", "onnxruntime", "ctranslate2", "xllamacpp", "openai")


def folder_of(recipe: Recipe, pilot: bool = False) -> Path:
    """out/<name>; a pilot's is out/<name>.pilot, so that it never stands in for the full corpus."""
    return Path(recipe.out) / (f"{recipe.name}.pilot" if pilot else recipe.name)


def out_folder(state: State) -> Path:
    return folder_of(state.graph.recipe, state.pilot)


def is_exported(state: State) -> bool:
    """Whether the folder holds just what an export would write now."""
    folder = out_folder(state)
    manifest = read_manifest(folder)
    if manifest is None or not (folder / "dataset").is_dir() or not (folder / PAGE).is_file():
        return False
    if (folder / REPLACED).exists():  # a killed export has left the one before it
        return False
    return manifest.get("export_key") == export_key(state)


def other_recipe(state: State) -> str | None:
    """The file of another recipe whose dataset is in the folder, where an export would replace it."""
    other = (read_manifest(out_folder(state)) or {}).get("recipe_file")
    is_other = (
        isinstance(other, str) and other and state.recipe_file and Path(other).name != Path(state.recipe_file).name
    )
    return str(other) if is_other else None


def export_state(state: State, again: bool = True) -> bool:
    """Write what is finished; returns whether it was written, or is there and not wanted `again`.

    Raises RunFailed where rows got lost, RecipeError where something that no export wrote is in the way, and OSError where the
    disk is full.
    """
    folder, label = out_folder(state), state.recipe_file or state.graph.recipe.name
    with telling_of_no_room(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):  # another run of the recipe may be writing there
            if not again and is_exported(state):
                return False
            fresh = fresh_folder(folder, label)
            _write(state, fresh, folder / PIECES)
            replace(folder, label)
            return True


def write_report(folder: Path, label: str, resound: "Resound | None" = None) -> Path | None:
    """Write the report page of what is exported in the folder again; returns its path, or None where there is no export.

    Raises RunFailed where its manifest is no export's. `label`: how messages name the recipe.
    """
    from voxsmith.pipeline.report.build import build
    from voxsmith.pipeline.report.full_manifest import checked_manifest

    if not folder.is_dir():
        return None
    with telling_of_no_room(folder), alone_in(folder):
        manifest = checked_manifest(folder, label)
        if manifest is None:
            return None
        clear(folder / FRESH)
        (folder / FRESH).mkdir(exist_ok=True)
        build(folder, manifest, resound=resound, page=folder / FRESH / PAGE)
        return replace_page(folder)


def _write(state: State, folder: Path, pieces: Path) -> None:
    """Write all of an export into an empty folder."""
    from voxsmith.pipeline.report.build import build
    from voxsmith.pipeline.report.card import render_card
    from voxsmith.pipeline.report.statistics import summarise

    summary = write_dataset(state, folder, pieces)
    graph, recipe = state.graph, state.graph.recipe
    resolved = recipe.model_dump(mode="json", exclude={"rates"})  # what engines cost is no matter of the dataset
    statistics = summarise(folder / "dataset", recipe.export.report_rows)
    manifest = {
        "name": recipe.name,
        "created": now(),
        "export_key": export_key(state),
        "recipe_digest": digest(resolved),
        **summary,
        "engines": {
            name: engine.identity | {"licence": engine.licence, "batch_invariant": engine.batch_invariant}
            for name, engine in graph.engines.items()
        },
        "versions": dict(versions(_PACKAGES)),
        "fitted": _fitted(state),
        "git_commit": git_commit(),
        "recipe_file": state.recipe_file,
        "recipe": resolved,
        "prompts": {
            prompt.path: prompt.text
            for node in graph.nodes.values()
            for _, prompt in node.config
            if isinstance(prompt, Prompt)
        },
        "checks_applied": _checks_applied(state),
        "statistics": asdict(statistics),
    }
    write_text(folder / CARD, render_card(manifest, statistics))
    build(folder, manifest)
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False, default=str))


def _fitted(state: State) -> dict[str, str]:
    """Digests of what was fitted on this corpus, by name: units of another codebook are other units."""
    graph = state.graph
    names = sorted({name for node in graph.nodes.values() for name in node.artifacts})
    done = {name: state.done.get((graph.owners[name], WHOLE)) for name in names}
    return {name: one.columns[name] for name, one in done.items() if one is not None}


def _checks_applied(state: State) -> list[str]:
    """Groups of the recipe's checks that some stage of it holds rows to."""
    groups = {section(group) for node in state.graph.nodes.values() if (group := node.stage.checks(node.config))}
    if "exchange" in groups:  # both texts of a turn
        groups = groups - {"exchange"} | {"query_text", "answer_text"}
    return sorted(groups)
