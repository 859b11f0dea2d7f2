"""The card names all that the model was made of, with its licence, and nothing of the machine."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.trainer import tiny
from voxsmith.trainer.export.card import card, parts


def corpus(folder: Path, name: str, licences: list[str], claim: str | None = None) -> dict[str, Any]:
    folder.mkdir(parents=True)
    statistics = {"licences": {licence: {"rows": 1, "seconds": 1.0} for licence in licences}}
    manifest = {"name": name, "statistics": statistics, "recipe": {"export": {"licence": claim}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return {"path": str(folder)}


def made(folder: Path, **changes: Any) -> str:
    (folder / "llm").mkdir(exist_ok=True)
    (folder / "llm" / "README.md").write_text("---\nlicense: llama3.1\n---\n")
    keys = {"llm": {"model": str(folder / "llm")}, "encoder": {"model": "whisper-base"}} | changes
    return card(folder / "step-00000007", tiny.recipe(**keys), "What it is.", "How it is used.", ["Mind this."])


def rows(text: str) -> list[list[str]]:
    lines = text[text.index("| what |") :].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_models_and_each_licence_of_the_data_are_named(tmp_path: Path) -> None:
    data = [
        corpus(tmp_path / "a", "alpaca_spoken", ["CC-BY-NC-4.0", "Apache-2.0"]),
        corpus(tmp_path / "b", "claimed", ["MIT"], claim="CC-BY-4.0"),
        {"path": str(tmp_path / "gone")},
    ]
    text = made(tmp_path, data=data)
    assert rows(text) == [
        ["language model", "llm", "llama3.1"],
        ["speech encoder", "whisper-base", "MIT"],
        ["data", "alpaca_spoken", "CC-BY-NC-4.0"],
        ["data", "alpaca_spoken", "Apache-2.0"],
        ["data", "claimed", "CC-BY-4.0"],
        ["data", "gone", "unknown"],
    ]
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["license"] == "other" and header["license_link"] == "README.md#licences"
    assert "- Mind this." in text.splitlines() and str(tmp_path) not in text


def test_the_data_of_the_phases_before_are_named_too(tmp_path: Path) -> None:
    first = tiny.recipe(
        data=[corpus(tmp_path / "a", "first", ["MIT"])],
        llm={"model": "hub:org/base@main"},
        encoder={"model": "whisper-base"},
    )
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "recipe.json").write_text(first.model_dump_json())
    of = tiny.recipe(
        data=[corpus(tmp_path / "b", "second", ["MIT"])],
        llm={"model": "hub:org/base@main"},
        encoder={"model": "whisper-base"},
        start=str(tmp_path / "start"),
    )
    names = [(part.what, part.name) for part in parts(tmp_path / "step-00000007", of)]
    assert names == [
        ("language model", "org/base"),
        ("speech encoder", "whisper-base"),
        ("data", "second"),
        ("data", "first"),
    ]


def test_names_can_t_write_markup(tmp_path: Path) -> None:
    text = made(tmp_path, data=[corpus(tmp_path / "a", "x | y\n# <script>", ["M|T"])])
    assert text.splitlines().count("# tiny") == 1 and "<script>" not in text
    assert "| data | x \\| y # &lt;script> | M\\|T |" in text
