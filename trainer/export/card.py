"""The model card of an export: what it was made of, under which terms, and how it is used. No path of this machine is in it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxsmith.models.references import CATALOGUE, licence
from voxsmith.trainer.recipe import TrainRecipe

_UNKNOWN = "unknown"
_HUB = {"Apache-2.0": "apache-2.0", "MIT": "mit", "CC-BY-4.0": "cc-by-4.0"}  # what alone says all, as the Hub writes it


@dataclass(frozen=True)
class Part:
    """What the checkpoint was made of. `what`: the role; `name`: of a model or a corpus; `licence`: as its owner names it."""

    what: str
    name: str
    licence: str


def card(checkpoint: Path, recipe: TrainRecipe, what: str, use: str, remarks: Sequence[str]) -> str:
    """README.md of the export. `what` says in a sentence what the folder is, `use` how it is loaded (Markdown, both)."""
    made_of = parts(checkpoint, recipe)
    terms = {part.licence for part in made_of}
    hub = _HUB.get(next(iter(terms)), "other") if len(terms) == 1 else "other"
    header = [f"license: {hub}"]
    if hub == "other":
        header += ["license_name: see-licences", "license_link: README.md#licences"]
    if base := [part.name for part in made_of if part.what != "data" and "/" in part.name]:
        header += ["base_model:", *(f"- {json.dumps(name)}" for name in dict.fromkeys(base))]
    header += ["tags:", "- speech", "- voxsmith"]
    table = [f"| {part.what} | {_cell(part.name)} | {_cell(part.licence)} |" for part in made_of]
    notes = [f"- {_plain(remark)}" for remark in remarks]
    return "\n".join(
        [
            "---", *header, "---", "",
            f"# {_plain(recipe.name)}", "", what, "",
            "## Use", "", use, "",
            *(["## Know before you use it", "", *notes, ""] if notes else []),
            "## Licences", "",
            "Whoever uses this model is bound by the terms of all that it was made of.", "",
            "| what | name | licence |", "|---|---|---|", *table, "",
            "## Training", "",
            f"Phase `{recipe.phase}`, checkpoint `{_plain(checkpoint.name)}`, seed {recipe.seed}. Trained with Voxsmith.", "",
        ]
    )  # fmt: skip


def parts(checkpoint: Path, recipe: TrainRecipe) -> list[Part]:
    """Base models and data of the checkpoint and of those that it started from, each once."""
    made_of: dict[Part, None] = {}
    for one in (recipe, *_earlier(recipe)):
        made_of[Part("language model", _named(one.llm.model), licence(one.llm.model, _UNKNOWN))] = None
        made_of[Part("speech encoder", _named(one.encoder.model), licence(one.encoder.model, _UNKNOWN))] = None
        for data in one.data:
            made_of |= dict.fromkeys(_corpus(Path(data.path)))
    return list(made_of)


def _earlier(recipe: TrainRecipe) -> Iterator[TrainRecipe]:
    """Recipes of the checkpoints that the recipe starts from, as far as they are still there."""
    seen: set[Path] = set()
    while recipe.start and (file := Path(recipe.start) / "recipe.json") not in seen and file.is_file():
        seen.add(file)
        recipe = TrainRecipe.model_validate_json(file.read_text(encoding="utf-8"))
        yield recipe


def _named(reference: str) -> str:
    """A model's name as it is known elsewhere: of a folder its last part alone."""
    if reference.startswith("hub:"):
        return reference.removeprefix("hub:").partition("@")[0]
    return reference if reference in CATALOGUE else Path(reference).name


def _corpus(folder: Path) -> list[Part]:
    """The corpus, once for each licence that its rows are under, as its manifest says."""
    file = folder / "manifest.json"
    manifest: dict[str, Any] = {}
    if file.is_file():
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            manifest = {}
    name = str(manifest.get("name") or folder.name)
    claim = (manifest.get("recipe", {}).get("export") or {}).get("licence")
    rows = {claim: None} if claim else manifest.get("statistics", {}).get("licences") or {_UNKNOWN: None}
    return [Part("data", name, str(one)) for one in rows]


def _plain(text: str) -> str:
    """On one line, and no markup: names come from recipes and manifests."""
    return " ".join(str(text).replace("<", "&lt;").replace("`", "'").split())


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
