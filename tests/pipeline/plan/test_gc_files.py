"""gc: two recipe files may have one name. What a run used counts by its file; what is let go of, a person says."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.recipes import asked, digests_of, open_state, run_inline, write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.api.opened import Loaded, load, open_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.gc import collect
from voxsmith.pipeline.plan.origins import IN_JOB, origin_of
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.store.store import Store

TEXTS = [f"tell me about thing number {n}" for n in range(6)]
NEVER = timedelta(0)


def finish(recipe: Any, **how: Any) -> State:
    """What `run` does, without Ray and without the dataset."""
    loaded = recipe if isinstance(recipe, Loaded) else load(recipe)
    state = open_recipe(loaded, True).state(True, **how)
    assert run_inline(state) == {}
    manifests.write_run(state, manifests.new_run(state), manifests.now(), "done", how.get("limit"))
    return state


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def recipe(folder: Path, style: str, store: Store, **changes: Any) -> str:
    """A recipe named toy in that folder, and in that store."""
    how = {"stages__toy_shout__engine": "llm", "stages__toy_shout__style": style}
    return write_recipe(folder, TEXTS, store=store.root, **how, **changes)


def is_done(path: str) -> bool:
    return not open_state(path, keep=False).ready


@pytest.fixture
def two(tmp_path: Path, store: Store) -> tuple[str, str]:
    """Two files of the same name in two folders, run one after the other."""
    paths = recipe(tmp_path / "a", "loud", store), recipe(tmp_path / "b", "plain", store)
    for path in paths:
        finish(path)
    return paths


def test_another_file_of_that_name_loses_nothing(
    tmp_path: Path, store: Store, two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "a" / "other.yaml"  # beside the first, over the same rows
    other.write_text(Path(two[0]).read_text().replace("loud", "twice"))
    files = (*two, str(other))
    finish(str(other))
    before = digests_of(Path(store.root) / "objects", "**/*")
    for path in files:
        assert main(["gc", path, "--grace", "0"]) == 0
        assert capsys.readouterr().out.startswith("0 files")
    assert digests_of(Path(store.root) / "objects", "**/*") == before and all(is_done(path) for path in files)

    recipe(tmp_path / "b", "hoarse", store)  # an edit of one frees what that one alone used
    finish(two[1])
    assert collect(store, False, NEVER).files > 0
    assert is_done(two[1]) and is_done(two[0]) and is_done(str(other))
    recipe(tmp_path / "b", "plain", store)
    assert not is_done(two[1])


def test_the_same_file_is_the_same_however_it_is_named(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(recipe(tmp_path / "a", "loud", store))
    finish(str(path))
    monkeypatch.chdir(path.parent)
    recipe(path.parent, "plain", store)
    finish("toy.yaml")
    freed = collect(store, True, NEVER).files
    assert freed > 0
    (tmp_path / "link").symlink_to(path.parent)
    recipe(path.parent, "hoarse", store)
    finish(tmp_path / "link" / "toy.yaml")
    assert collect(store, False, NEVER).files > freed
    assert is_done(str(path)) and len(collect(store, True, NEVER).kept) == 1


def test_a_profile_is_a_corpus_of_its_own(store: Store, tmp_path: Path) -> None:
    path = recipe(tmp_path / "a", "loud", store)
    raw = yaml.safe_load(Path(path).read_text()) | {"profiles": {"tiny": {"stages.toy_shout.style": "plain"}}}
    Path(path).write_text(yaml.safe_dump(raw))
    finish(load(path))
    finish(load(path, profile="tiny"))
    assert collect(store, False, NEVER).files == 0
    finish(load(path, ["stages.toy_shout.style=hoarse"]))  # --set is an edit
    assert collect(store, False, NEVER).files > 0 and not is_done(path)
    assert not open_recipe(load(path, profile="tiny")).state(False).ready


def test_a_submitted_jobs_folder_is_another_each_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray copies it: the file counts by its path in there. One that lies elsewhere counts as it does anywhere."""
    shared = recipe(tmp_path / "shared", "whole", store)
    monkeypatch.setenv(IN_JOB, "{}")
    for number, style in enumerate(("loud", "plain", "hoarse")):
        job = tmp_path / f"job{number}"
        recipe(job / "configs", style, store)
        monkeypatch.chdir(job)
        finish("configs/toy.yaml")
        finish(shared)
    kept = collect(store, False, NEVER)
    assert kept.files > 0
    assert sorted(run.origin for run in kept.kept) == sorted([str(Path(shared).resolve()), "configs/toy.yaml"])
    assert is_done("configs/toy.yaml") and is_done(shared)


def test_recipes_of_programs_are_told_apart_by_what_they_say(store: Store, tmp_path: Path) -> None:
    raw = yaml.safe_load(Path(recipe(tmp_path / "a", "loud", store)).read_text())
    other = yaml.safe_load(Path(recipe(tmp_path / "b", "plain", store)).read_text())
    finish(raw), finish(other)
    assert api.gc(raw, grace=NEVER).files == 0
    finish(raw)  # the very same again takes its own place, and no more
    collected = api.gc(raw, grace=NEVER)
    assert collected.files == 0 and len(collected.kept) == 2
    (first, _) = (run.name for run in collected.kept)
    assert api.gc(other, grace=NEVER, forget=[first]).files > 0
    assert not open_recipe(load(raw)).state(False).ready and open_recipe(load(other)).state(False).ready


def without_origin(store: Store) -> None:
    """Manifests as they were before runs noted their file."""
    for file in Path(store.root).glob("runs/*/manifest.json"):
        manifest = json.loads(file.read_bytes())
        manifest.pop("origin", None)
        file.write_text(json.dumps(manifest))


def test_runs_from_before_files_were_noted_lose_nothing(
    store: Store, two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    without_origin(store)
    assert collect(store, False, NEVER).files == 0 and is_done(two[0]) and is_done(two[1])
    old = manifests.run_names(store)
    recipe(Path(two[1]).parent, "hoarse", store)
    finish(two[1])
    assert main(["gc", two[1], "--grace", "0"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("0 files") and all(f"what {run} used stays" in out for run in old) and "--forget" in out
    assert main(["gc", two[1], "--grace", "0", *(word for run in old for word in ("--forget", run))]) == 0
    assert not capsys.readouterr().out.startswith("0 files")
    assert is_done(two[1]) and not is_done(two[0])


def test_a_file_that_is_gone_is_let_go_of_by_name(
    store: Store, two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    finish(two[0])
    Path(two[0]).unlink()
    assert main(["gc", two[1], "--grace", "0"]) == 0
    assert f"it was a run of {two[0]}, also called toy" in capsys.readouterr().out
    for name in ("/elsewhere/toy.yaml", "toy-1999*"):
        assert main(["gc", two[1], "--grace", "0", "--forget", name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert name in line and "no run or recipe file of that name" in line
    before = digests_of(Path(store.root), "**/*")
    for name in (two[0], os.path.relpath(two[0])):
        assert main(["gc", two[1], "--dry-run", "--grace", "0", "--forget", name]) == 0
        assert not capsys.readouterr().out.startswith("0 files")
    assert digests_of(Path(store.root), "**/*") == before
    assert main(["gc", two[1], "--grace", "0", "--forget", f"{Path(two[0]).parent}/*"]) == 0
    assert is_done(two[1])
    assert main(["gc", two[1], "--grace", "0"]) == 0
    assert "0 files" in capsys.readouterr().out.splitlines()[-3]


def test_going_back_counts_although_another_file_has_just_used_it(tmp_path: Path, store: Store) -> None:
    """a went back to what b uses, too, and found it done; then b goes on to something else."""
    a, b = recipe(tmp_path / "a", "loud", store), recipe(tmp_path / "b", "loud", store)
    shutil.copy(tmp_path / "a/toy.jsonl", tmp_path / "b/toy.jsonl")
    finish(a)
    recipe(tmp_path / "a", "plain", store)
    finish(a)
    finish(b)
    recipe(tmp_path / "a", "loud", store)
    assert main(["run", a]) == main(["run", a]) == 0
    assert len(manifests.run_names(store)) == 4, "the second time it is the latest already"
    recipe(tmp_path / "b", "hoarse", store)
    finish(b)
    collect(store, False, NEVER)
    assert is_done(a) and is_done(b)


def test_who_asks_what_stays(two: tuple[str, str], store: Store) -> None:
    """Nothing is asked again where nothing was lost."""
    for path in two:
        asked(path)
    collect(store, False, NEVER)
    for path in two:
        assert run_inline(open_state(path)) == {} and asked(path) == []


def test_a_run_with_a_name_of_another_kind_stops_gc(store: Store, two: tuple[str, str]) -> None:
    strange = Path(store.root) / "runs" / "toy@2026"
    strange.mkdir()
    assert collect(store, True, NEVER).files == 0, "an empty folder says nothing"
    (strange / "manifest.json").write_text("{}")
    with pytest.raises(RunFailed, match="toy@2026 is not named like a run"):
        collect(store, False, NEVER)
    assert collect(store, False, NEVER, ["toy@2026"]).files == 0
    with pytest.raises(RecipeError, match="nothing like it"):
        collect(store, False, NEVER, ["toy@2026", "nothing like it"])


def test_what_a_person_put_into_the_store_stays(store: Store, two: tuple[str, str]) -> None:
    root = Path(store.root)
    mine = ["thesis.tmp", "objects/notes.txt", "objects/toy_shout/thesis.txt", "objects/toy_shout/table.arrow"]
    mine += ["objects/toy_shout/table.json", "objects/backup/old.arrow", "runs/mine.json.tmp", "live/notes.claims"]
    mine += ["locks/toy.json.bak.tmp", f"objects/toy_shout/{'0' * 32}.txt", f"objects/backup/{'0' * 32}.arrow.bak"]
    for name in mine:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("mine")
    (root / "runs/empty").mkdir()
    recipe(Path(two[1]).parent, "hoarse", store)
    finish(two[1])
    assert collect(store, False, NEVER).files > 0
    assert [name for name in mine if not (root / name).is_file()] == [] and (root / "runs/empty").is_dir()


def test_the_name_of_a_file(tmp_path: Path) -> None:
    assert origin_of("") == ""
    assert origin_of(str(tmp_path / "x" / ".." / "toy.yaml")) == str(tmp_path / "toy.yaml")
    assert origin_of(str(tmp_path / "toy.yaml"), "tiny") == f"{tmp_path}/toy.yaml --profile tiny"
    assert origin_of(os.fsdecode(b"/data/\xff.yaml")) == "/data/\\udcff.yaml"
