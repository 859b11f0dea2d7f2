"""Code that shapes an engine's replies belongs to its identity: what is mended is asked again, what is only moved isn't."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.recipes import asked, finish, open_state, run_inline, write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.recipe.replies import FILE, digest_of
from voxsmith.stages.registry import BACKENDS

TEXTS = [f"thing number {n}" for n in range(6)]

# Run in a copy of our packages: prints the stages that have to run, runs them, and prints how many requests were asked.
RUN = """
import json, sys
from tests.helpers.recipes import open_state, run_inline
state = open_state(sys.argv[1])
ready = {node for node, _ in state.ready}
assert run_inline(state) == {}
metas = [state.store.meta(node, done.key) for (node, _), done in state.done.items() if node in ready]
print(json.dumps([sorted(ready), sum(meta["metrics"]["asked"] for meta in metas)]))
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_it_is_recorded_whether_a_backend_s_code_answers_as_before(name: str) -> None:
    known = json.loads(FILE.read_text(encoding="utf-8"))
    assert digest_of(name) in known[name][-1], (
        f"the code of {name} has changed. Does it answer as before? `python -m tests.helpers.record_replies same {name}` "
        f"says so, and stores ask nothing again; otherwise write `new` in place of `same`"
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of our packages, whose code may be edited."""
    return Path(shutil.copytree(ROOT / "voxsmith", tmp_path / "copy" / "voxsmith"))


def run(package: Path, recipe: str) -> tuple[list[str], int]:
    path = os.pathsep.join([str(package.parent), str(ROOT), str(ROOT / "tests")])
    ran = subprocess.run(
        [sys.executable, "-P", "-c", RUN, recipe],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        cwd=package.parent,
    )
    assert ran.returncode == 0, ran.stderr
    ready, asked = json.loads(ran.stdout)
    return ready, asked


def test_a_mended_backend_of_ours_is_asked_again_unless_it_answers_as_before(package: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, TEXTS, engines__llm={"backend": "llm_null"})
    assert run(package, recipe) == (["toy_shout"], len(TEXTS))
    assert run(package, recipe) == ([], 0)

    code, record = package / "stages/engines/llm/null.py", package / "pipeline/recipe/replies.json"
    written = code.read_text()
    code.write_text("# a comment changes nothing\n" + written)
    assert run(package, recipe) == ([], 0)
    code.write_text(written + "\nMENDED = 1\n")
    assert run(package, recipe) == (["toy_shout"], len(TEXTS))
    code.write_text(written)
    assert run(package, recipe) == ([], 0)

    # Another edit, of which a new version says that it answers as before.
    code.write_text(written + "\nMOVED = 1\n")
    say = "from voxsmith.pipeline.recipe import replies; print(replies.digest_of('llm_null'))"
    path = os.environ | {"PYTHONPATH": str(package.parent)}
    digest = subprocess.run(
        [sys.executable, "-P", "-c", say], capture_output=True, text=True, env=path, check=True
    ).stdout
    known = json.loads(record.read_text())
    known["llm_null"][-1].append(digest.strip())
    record.write_text(json.dumps(known))
    assert run(package, recipe) == ([], 0)
    # One that says it answers otherwise.
    known["llm_null"] = [known["llm_null"][-1][:-1], [digest.strip()]]
    record.write_text(json.dumps(known))
    assert run(package, recipe) == (["toy_shout"], len(TEXTS))


def test_a_mended_backend_from_outside_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(shutil.copytree(ROOT / "tests" / "toys", tmp_path / "mended")) / "llm.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    recipe = write_recipe(tmp_path, TEXTS, engines__llm={"backend": "mended.llm", "log": str(tmp_path / "asked.log")})
    assert run_inline(open_state(recipe)) == {}
    requests = asked(recipe)
    assert set(requests) >= set(TEXTS)
    written = file.read_text()
    file.write_text(written.replace('"""An engine', '"""A documented engine'))
    assert not open_state(recipe).ready
    file.write_text(written + "\nMENDED = 1\n")
    assert run_inline(open_state(recipe)) == {} and sorted(asked(recipe)) == sorted(requests)
    file.write_text(written)
    assert not open_state(recipe).ready
    (tmp_path / "mended" / "shout.py").write_text("UNRELATED = 1\n")  # in the package, and not imported
    assert not open_state(recipe).ready


def test_plan_says_that_the_engine_s_code_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voxsmith.pipeline.recipe import replies

    recipe = write_recipe(tmp_path, TEXTS)
    finish(recipe)
    assert api.plan(recipe).is_done
    monkeypatch.setattr(replies, "digest_of", lambda backend: "other")
    (shout,) = [stage for stage in api.plan(recipe).stages if stage.to_run]
    assert (shout.name, shout.reason) == ("toy_shout", "the engine's code changed")


def test_a_node_whose_engine_has_other_code_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voxsmith.pipeline.recipe import replies

    recipe = write_recipe(tmp_path, TEXTS)
    state = open_state(recipe)
    monkeypatch.setattr(replies, "digest_of", lambda backend: "other")
    with pytest.raises(RunFailed, match=r"^engine 'llm': the code on .* is not the code that the run was started with"):
        run_inline(state)
    assert not asked(recipe)
