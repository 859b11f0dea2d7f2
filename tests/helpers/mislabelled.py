"""A corpus with planted mistakes, and what becomes of it: real clips with right and wrong transcripts, and broken files.

Read, heard, cleaned and verified by a recipe, from the files to the verdicts.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.helpers.broken_clips import BROKEN as BROKEN_FILES
from tests.helpers.broken_clips import plant
from tests.helpers.recipes import open_state, run_inline

GOOD, BROKEN = "good", "broken"
KINDS = ("another clip's", "cut", "a doubled word", "another language")
MORE_KINDS = ("its second half", "without its middle third")
_SENTENCES = (  # of our own
    "Am Morgen fuhr der alte Bauer mit seinem Wagen in die Stadt und kaufte dort zwei neue Pferde",
    "Le soir, après la pluie, nous avons marché longtemps au bord de la rivière sans dire un mot",
    "Mi hermana trabaja en una biblioteca cerca del puerto y vuelve a casa cuando ya es de noche",
)
_WORDS_TO_CUT = 6  # of a transcript from which half is taken away


class Planted(NamedTuple):
    """A clip of the folder, by its record in the manifest, and the transcript that it is given."""

    kind: str
    record: dict[str, Any]
    text: str

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.record['id']}"


def records_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def mistakes(records: Sequence[dict[str, Any]], kind: str, count: int) -> list[Planted]:
    """A mistake of the kind in each of the first `count` records that have words enough for it. "cut": the first half
    is left.
    """
    made = []
    for place, record in enumerate(records):
        words = record["text"].split()
        if kind == "another clip's":
            text = records[place - 1]["text"]
        elif kind == "another language":
            text = _SENTENCES[place % len(_SENTENCES)]
        elif kind == "cut":
            text = " ".join(words[: len(words) // 2]) if len(words) >= _WORDS_TO_CUT else ""
        elif kind == "its second half":
            text = " ".join(words[len(words) // 2 :]) if len(words) >= _WORDS_TO_CUT else ""
        elif kind == "without its middle third":
            third = len(words) // 3
            text = " ".join(words[:third] + words[-third:]) if len(words) >= _WORDS_TO_CUT else ""
        else:
            middle = len(words) // 2
            text = " ".join([*words[: middle + 1], *words[middle:]])
        if text and text != record["text"]:
            made.append(Planted(kind, record, text))
        if len(made) == count:
            break
    return made


def write(folder: Path, clips: Path, planted: Sequence[Planted], broken: bool = True) -> str:
    """The recipe over these clips, and over the broken files. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": one.id, "path": one.record["path"], "text": one.text} for one in planted]
    sources = {"real": _source(folder / "real.jsonl", clips, rows)}
    if broken:
        rows = [
            {"id": f"{BROKEN}: {name}", "path": name, "text": "SOME WORDS"}
            | ({"duration": reference.length} if reference.length else {})
            for name, (_, reference) in plant(folder / "broken").items()
        ]
        sources["broken"] = _source(folder / "broken.jsonl", folder / "broken", rows)
    recipe = {
        "name": "mislabelled",
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": sources,
        "engines": {"clips": {"backend": "clip_reader"}, "asr": {"backend": "asr_whisper"}},
        "stages": {
            "read_clip": {"engine": "clips"},
            "listen": {"of": "row", "engine": "asr"},
            "clean_transcript": {},
            "verify": {"of": "row"},
        },
        "checks": {"max_reject_ratio": 1},
    }
    path = folder / "mislabelled.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


def _source(manifest: Path, clips: Path, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "path": str(manifest),
        "layout": "manifest",
        "clips": str(clips),
        "licence": "CC-BY-4.0",
        "shard": {"least": 4, "target": 8, "most": 16},
    }


def verdicts(recipe: str) -> dict[str, str]:
    """Runs the recipe in this process. By id, as written, of each rejected row: reason and message."""
    from voxsmith.pipeline import api

    pending = run_inline(open_state(recipe))
    assert not pending, pending
    # a row is named "source-id.turn"
    return {one.id.partition("-")[2].rpartition(".")[0]: f"{one.reason}: {one.message}" for one in api.rejects(recipe)}


def counted(planted: Sequence[Planted], rejected: dict[str, str]) -> dict[str, tuple[int, int]]:
    """(rejected, all) of each kind of transcript, and of the broken files."""
    table = {}
    for kind in (GOOD, *KINDS, *MORE_KINDS):
        if of_it := [one for one in planted if one.kind == kind]:
            table[kind] = (sum(one.id in rejected for one in of_it), len(of_it))
    files = [f"{BROKEN}: {name}" for name in BROKEN_FILES]
    return table | {BROKEN: (sum(name in rejected for name in files), len(files))}
