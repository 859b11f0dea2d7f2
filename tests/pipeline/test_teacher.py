"""`teacher` in a corpus: from texts to arrays that `datasets` reads, and what makes it run again."""

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from tests.helpers.made_corpus import ANSWER, TASKS
from tests.helpers.recipes import finish, open_state, write_recipe
from tests.trainer import folders
from voxsmith.models.chat import Chat
from voxsmith.models.references import identity
from voxsmith.models.teacher_identity import TeacherIdentity, teacher_identity
from voxsmith.models.top_log_probs import NAMES, TopLogProbs
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.report.statistics import from_json
from voxsmith.schemas.errors import RecipeError
from voxsmith.schemas.tasks import TASKS as OF_TRAINING


def write(folder: Path, llm: Path, **stage: Any) -> str:
    rows = folder / "texts.jsonl"
    texts = [{"said": query, "then": ANSWER} for _, query in TASKS]
    rows.write_text("".join(json.dumps(row) + "\n" for row in texts))
    source = {
        "path": str(rows),
        "layout": "columns",
        "columns": {"transcript": "said", "continuation": "then"},
        "licence": "CC0-1.0",
    }
    engine = {"backend": "teacher_transformers", "model": str(llm), "licence": "MIT"}
    stages = {"teacher": {"engine": "teacher"} | stage}
    return write_recipe(folder, [], "taught", sources={"texts": source}, stages=stages, engines={"teacher": engine})


@pytest.fixture
def llm(tmp_path: Path) -> Path:
    return folders.llm(tmp_path / "llm")


def test_which_engines_teach(tmp_path: Path, llm: Path) -> None:
    path = write(tmp_path, llm)
    for backend, kind in (("llm_vllm", ""), ("llm_llamacpp", "llm"), ("asr_null", "asr")):
        engine = {"backend": backend, "licence": "MIT"} | ({"model": str(llm)} if backend == "llm_vllm" else {})
        recipe = load_recipe(path, [f"engines={json.dumps({'teacher': engine})}"])
        if not kind:
            assert build_graph(recipe, path).engines["teacher"].backend.name == backend
            continue
        with pytest.raises(RecipeError, match=f"'teacher' is an engine of kind {kind}; the stage asks one of teacher"):
            build_graph(recipe, path)


def stale(path: str) -> bool:
    return bool(open_state(path).ready)


def test_a_corpus_with_what_a_teacher_thinks(tmp_path: Path, llm: Path) -> None:
    path = write(tmp_path, llm)
    finish(path)
    assert not stale(path)
    out = tmp_path / "out" / "taught"
    dataset = datasets.load_from_disk(str(out / "dataset"))
    arrays = dataset.with_format("numpy")[0]
    tokenizer = folders.tokenizer()
    answer = Chat(tokenizer).answer(ANSWER)
    shapes = {name: arrays[f"teacher_continue_{name}"].shape for name in NAMES}
    assert shapes == dict.fromkeys(NAMES[:3], (len(answer), 32)) | {"rest": (len(answer), 2)}
    top = TopLogProbs.from_columns({name: arrays[f"teacher_continue_{name}"] for name in NAMES})
    sums = np.exp(top.log_probs.astype(np.float64)).sum(1) + np.exp(top.rest[:, 0])
    assert np.abs(sums - 1).max() < 1e-3 and top.ids.max() < len(tokenizer)
    wanted = teacher_identity(identity(str(llm)), Chat(tokenizer), OF_TRAINING["continue"].request, 2.0)
    assert TeacherIdentity.parse(dataset[0]["teacher_continue_of"]).difference(wanted) == ""
    counted = from_json(json.loads((out / "manifest.json").read_text())["statistics"])
    mass = counted.histograms["teacher_continue_mass"]
    assert mass.count == len(TASKS) and 0 < mass.least <= mass.mean <= 1
    assert counted.histograms["teacher_continue_least_mass"].mean <= mass.mean


def test_what_a_teacher_depends_on_is_in_its_key(tmp_path: Path, llm: Path) -> None:
    path = write(tmp_path, llm)
    finish(path)
    assert stale(write(tmp_path, llm, system="Be brief."))
    assert stale(write(tmp_path, llm, task="transcribe"))
    assert not stale(write(tmp_path, llm))
    folders.tokenizer(template=f"{folders.TEMPLATE} ").save_pretrained(llm)
    assert stale(path), "another chat template is another model folder"


def test_the_page_and_the_card_say_what_is_kept_at_each_position(tmp_path: Path, llm: Path) -> None:
    """Against sums of the exported log-probabilities, place by place."""
    finish(write(tmp_path, llm))
    out = tmp_path / "out" / "taught"
    columns = [f"teacher_continue_{name}" for name in NAMES]
    rows = datasets.load_from_disk(str(out / "dataset")).select_columns(columns)
    masses = [TopLogProbs.from_columns({name: row[f"teacher_continue_{name}"] for name in NAMES}).mass for row in rows]
    counted = from_json(json.loads((out / "manifest.json").read_text())["statistics"]).teachers["continue"]
    assert len(counted.places) == len(masses[0]) - 1 and counted.end.rows == len(TASKS)
    for place, mass in enumerate([*counted.places, counted.end]):
        kept = [one[place] for one in masses]
        assert (mass.mean, mass.least) == pytest.approx((np.mean(kept), min(kept)), abs=1e-4)
    for page in (out / "report.html", out / "README.md"):
        text = page.read_text()
        assert f"{counted.end.mean:.3f}" in text and f"{counted.places[0].least:.3f}" in text and "end of turn" in text
