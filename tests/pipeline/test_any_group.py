"""A query is gone on with and translated; the translation is spoken, heard, rated, chosen, encoded and augmented, as any group."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.html_page import Page
from tests.helpers.paths import ROOT
from tests.helpers.recipes import finish, open_state, write_recipe
from tests.toys.interpreter import GERMAN, NEXT
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.plan.accounts import owner_of_failed_clip
from voxsmith.pipeline.plan.retries import _drawing
from voxsmith.pipeline.plan.state import State

GERMAN_GROUP = "translation_de"
PROMPTS = ROOT / "configs/prompts"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("any_group")
    (folder / "asked.jsonl").write_text("".join(json.dumps({"q": text, "spoken_in": "en"}) + "\n" for text in GERMAN))
    source: dict[str, Any] = {"path": str(folder / "asked.jsonl"), "layout": "columns", "licence": "CC0-1.0"}
    source["columns"] = {"query_text": "q", "language": "spoken_in"}
    kinds = {
        "llm": "toys.interpreter",
        "tts": "tts_null",
        "asr": "asr_null",
        "mos": "mos_null",
        "encoder": "units_null",
        "noise": "augmenter_signal",
    }
    asks = {"engine": "llm", "format": "chat", "of": "query"}
    stages: dict[str, Any] = {
        "continue_text": asks | {"prompt": str(PROMPTS / "continue_chat.jinja")},
        "translate": asks | {"prompt": str(PROMPTS / "translate_chat.jinja"), "to": "de"},
        "normalise": {},
        "speak": {"engine": "tts", "voices": ["null_0"], "attempts": 2},
        "listen": {"engine": "asr"},
        "rate": {"engine": "mos"},
        "pick": {},
        "units": {"engine": "encoder"},
        "fit_units": {"engine": "encoder", "clusters": 4},
        "augment": {"engine": "noise", "noise": {"p": 1.0, "snr": [10, 10], "kinds": ["pink", "babble"]}},
        "fit_babble": {"voices": 3, "seconds": 1},
        "listen_again": {"stage": "listen", "engine": "asr", "of": "augmented", "text": GERMAN_GROUP},
        "verify": {"of": "augmented", "text": GERMAN_GROUP, "language": "de", "reject": False},
    }
    return write_recipe(
        folder,
        [],
        "any_group",
        sources={"asked": source},
        engines={name: {"backend": backend} for name, backend in kinds.items()},
        stages={name: {"of": GERMAN_GROUP, **settings} for name, settings in stages.items()},
        checks__translation_clip={"max_wer": 0.05},
        export__gates={"min_translation_de_mos": 1.0},
    )


@pytest.fixture(scope="module")
def state(recipe: str) -> State:
    return finish(recipe)


def test_a_translation_is_spoken_and_heard_and_a_query_is_gone_on_with(state: State, recipe: str) -> None:
    out = Path(recipe).parent / "out" / "any_group"
    dataset = datasets.load_from_disk(str(out / "dataset"))
    plain = dataset.cast_column("augmented_audio", datasets.Audio(decode=False))
    rows = {row["query_text"]: row for row in plain.cast_column("translation_de_audio", datasets.Audio(decode=False))}
    assert {text: row["translation_de"] for text, row in rows.items()} == GERMAN
    assert {text: row["continuation"] for text, row in rows.items()} == NEXT
    row = rows["I ordered 12 chairs from the shop in town."]
    assert row["translation_de_heard"] == "Ich habe 12 Stühle in dem Laden in der Stadt bestellt.", "no English number"
    assert row["translation_de_wer"] == 0 and row["translation_de_mos"] > 0 and row["translation_de_units"]
    assert row["translation_de_audio"]["path"] == f"{row['id']}.translation_de.flac"
    assert row["augmented_heard"] is not None and json.loads(row["augmentation"])[0]["snr"] == 10
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["seconds"]) == {"translation_de", "augmented"}
    assert "translation_clip" in manifest["checks_applied"]
    assert "translations into German" in (out / "README.md").read_text()
    assert len(Page((out / "report.html").read_text(encoding="utf-8")).all("audio")) == 6


def test_a_translation_has_its_own_language_and_limits(state: State) -> None:
    nodes = state.graph.nodes
    assert [nodes[name].config.language for name in ("normalise", "listen", "listen_2")] == ["de", "de", "de"]
    assert nodes["normalise"].optional == () and nodes["continue_text"].optional == ("language",)
    assert nodes["pick"].checks is state.graph.recipe.checks.translation_clip and nodes["pick"].checks.max_wer == 0.05
    assert nodes["listen_again"].optional[0] == "translation_de"


def test_what_may_save_a_rejected_translation_and_what_is_played_of_it(state: State) -> None:
    assert _drawing(state.graph, "pick") == {"translate", "speak", "speak_2"}
    assert owner_of_failed_clip(state, "pick") == "translation_de_audio_1"


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("stages.continue_text.of=continuation", "stages.continue_text.of: a continuation is what the stage writes"),
        ("stages.augment.of=augmented", "stages.augment.of: 'augmented' won't do: an augmented clip says what"),
        ("stages.speak.of=translation_dee", "stages.speak.of: no group 'translation_dee'; did you mean 'translation_de'?"),
        ("stages.normalise.language=German", "stages.normalise.language: 'German' is a language's name, and its code is wanted: say de"),
        ("stages.read={stage: read_clip, engine: llm, of: translation_de}", "no source gives recorded clips of it"),
        ("stages.more={stage: translate, engine: llm, to: de, prompt: p.jinja}", "two stages never write one column"),
    ],
)  # fmt: skip
def test_a_group_that_a_stage_can_t_take_is_one_line(recipe: str, setting: str, line: str) -> None:
    setting = setting.replace("p.jinja", str(PROMPTS / "translate.jinja"))
    if "read_clip" in setting:
        overrides = [setting.replace("engine: llm", "engine: clips"), "engines.clips={backend: clip_reader}"]
    else:
        overrides = [setting]
    with pytest.raises(RecipeError) as error:
        open_state(recipe, keep=False, overrides=overrides)
    assert line in str(error.value)
