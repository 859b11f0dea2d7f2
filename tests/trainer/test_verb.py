"""`voxsmith train` is the trainer's command line, and other verbs know nothing of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from voxsmith.__main__ import TRAIN
from voxsmith.pipeline import cli

RECIPE = str(ROOT / "configs" / "train" / "llama_omni_stage1.yaml")
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError("No module named " + name, name=name.partition(".")[0])
sys.meta_path.insert(0, Blocked())
from voxsmith.__main__ import main
code = main()
assert "torch" not in sys.modules, "something imports it for nothing"
sys.exit(code)
"""


def run(*arguments: str, without: tuple[str, ...] = ("torch",)) -> subprocess.CompletedProcess[str]:
    """The command where these packages are not installed."""
    command = [sys.executable, "-c", BLOCKED.format(names=without), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_it_is_passed_on_and_listed(tmp_path: Path) -> None:
    listed = run("--help")
    assert listed.returncode == 0 and "\n    train     " in listed.stdout
    done = run("train", "check", str(tmp_path / "no.yaml"))
    assert done.returncode == 2 and "no such recipe" in done.stderr and done.stderr.count("\n") == 1
    assert run("train", "--help").stdout.startswith("usage: voxsmith train [-h] COMMAND")


@pytest.mark.parametrize("verb", ["check", "fit"])
def test_an_extra_that_is_absent_is_one_line(verb: str) -> None:
    done = run("train", verb, RECIPE)
    said = "torch is not installed: it needs PyTorch and transformers: pip install 'voxsmith[train]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_other_verbs_start_without_the_trainer() -> None:
    source = (
        "import sys; from voxsmith.__main__ import main; sys.argv[1:] = ['keys', 'fit_units']; code = main(); "
        "sys.exit(code or any(name.startswith('voxsmith.trainer') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "clusters" in done.stdout, done.stderr


def test_the_pipeline_s_own_command_line_only_lists_it(capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([TRAIN], elsewhere={TRAIN: "trains"})
    assert ended.value.code == 2 and "write it first, as in voxsmith train" in capsys.readouterr().err
