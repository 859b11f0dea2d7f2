"""The package: built from the source distribution, installed, and used in an empty folder without the checkout."""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.helpers.packages import pip
from tests.helpers.paths import ROOT

# Runs the installed command; any file of the checkout that it opens or lists, its environment aside, ends it.
WATCHED = """
import sys
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str):
        path = arguments[0]
        if path.startswith(ROOT) and not path.startswith((sys.prefix, sys.base_prefix)):
            raise SystemExit(f"a file of the checkout: {event} {path}")
sys.addaudithook(watch)
from voxsmith.pipeline.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("installed")
    pip("install", "--target", str(out), str(wheel))
    return out


def voxsmith(installed: Path, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the installed command in the folder, with an empty home."""
    keep = ("PATH", "LANG", "TMPDIR")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env |= {"PYTHONPATH": str(installed), "HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "COLUMNS": "80"}
    (folder / "home").mkdir(exist_ok=True)
    watched = f"ROOT = {str(ROOT) + os.sep!r}\n{WATCHED}"
    command = [sys.executable, "-P", "-c", watched, *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_what_is_in_the_source_distribution(source: Path) -> None:
    with tarfile.open(source) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"setup.py", "LICENSE", "configs/quickstart.yaml", "voxsmith/pipeline/cli.py", "voxsmith/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]


def test_what_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"voxsmith"}, "nothing else lies at the top of site-packages"
    assert {f"{top}/py.typed" for top in tops} <= names
    configs = {str(path.relative_to(ROOT)) for path in (ROOT / "configs").rglob("*") if path.is_file()}
    assert {f"voxsmith/{name}" for name in configs} <= names
    brought = {path.name for path in (ROOT / "trainer" / "export" / "ultravox_files").glob("*.py")}
    assert len(brought) == 3 and {f"voxsmith/trainer/export/ultravox_files/{name}" for name in brought} <= names
    assert sum(name.endswith((".jinja", "catalogue.json")) for name in names) >= 13


def test_it_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert voxsmith(installed, tmp_path, "--version")[:2] == (0, f"voxsmith {version('voxsmith')}\n")
    code, printed, error = voxsmith(installed, tmp_path, "keys")
    assert code == 0 and "llm_vllm" in printed, error
    code, printed, error = voxsmith(installed, tmp_path, "new")
    assert code == 0, error
    assert [line.split()[0] for line in printed.splitlines()] == sorted(
        p.stem for p in (ROOT / "configs").glob("*.yaml")
    )
    code, printed, error = voxsmith(installed, tmp_path, "new", "quickstart")
    assert code == 0, error
    assert "quickstart.yaml" in printed.splitlines() and "data/LICENCES.md" in printed.splitlines()
    code, printed, error = voxsmith(installed, tmp_path, "plan", "quickstart.yaml", "--json")
    assert code == 0, error
    rewrite = next(stage for stage in json.loads(printed)["stages"] if stage["name"] == "rewrite")
    assert rewrite["rows_to_run"] == 40 + 16 + 8


@pytest.mark.parametrize(
    "name", ["multiturn", "instructs2s_200k", "instructs2s_multiturn", "asr_continuation", "spoken_questions"]
)
def test_each_recipe_plans_where_it_was_copied_to(installed: Path, tmp_path: Path, name: str) -> None:
    code, _, error = voxsmith(installed, tmp_path, "new", name, "mine")
    assert code == 0, error
    clips = list((tmp_path / "mine/data/asr/audio").glob("*.flac"))  # what a manifest names comes along
    assert len(clips) == {"asr_continuation": 24, "spoken_questions": 4}.get(name, 0)
    profile = [] if name == "multiturn" else ["--profile", "tiny"]
    code, _, error = voxsmith(installed, tmp_path, "plan", f"mine/{name}.yaml", *profile)
    assert code == 0, error


def test_new_overwrites_nothing(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "rewrite.jinja").write_text("mine")
    code, _, error = voxsmith(installed, tmp_path, "new", "quickstart")
    assert code == 2
    assert "prompts/rewrite.jinja is there already, with other content; nothing was written" in error
    assert not (tmp_path / "quickstart.yaml").exists()
    for _ in range(2):  # the same again changes nothing, and is no error
        code, _, error = voxsmith(installed, tmp_path, "new", "quickstart", "other")
        assert code == 0, error
    code, _, error = voxsmith(installed, tmp_path, "new", "quikstart")
    assert (code, error) == (2, "voxsmith has no recipe 'quikstart' to start from; did you mean 'quickstart'?\n")


def test_no_commit_of_a_repository_around_it_is_taken_for_ours(installed: Path, tmp_path: Path) -> None:
    """Installed below somebody's repository, it says none."""
    (tmp_path / "site").symlink_to(installed)
    for ask in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *ask], cwd=tmp_path, check=True)
    command = [sys.executable, "-P", "-c", "from voxsmith.models.versions import git_commit; print(git_commit())"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True
    )
    assert done.stdout == "None\n", done.stderr


def test_every_extra_says_what_it_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == {
        "quickstart",
        "torch",
        "augment",
        "train",
        "vllm",
        "cosyvoice",
        "test",
    }
    base = " ".join(project["dependencies"])
    assert not [heavy for heavy in ("onnxruntime", "xllamacpp", "scikit", "torch", "openai") if heavy in base]
