"""Which commit a manifest, and so the card and the page, names as Voxsmith's own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from voxsmith.models import versions


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    ran = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the module in it, where a clone has it, linked as there."""
    root = tmp_path / "clone"
    file = root / "models" / "versions.py"
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / "models" / "versions.py", file)
    (root / "voxsmith").mkdir()
    (root / "voxsmith" / "models").symlink_to("../models")
    git(root, "init", "-q")
    monkeypatch.setattr(versions, "__file__", str(root / "voxsmith" / "models" / "versions.py"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    return root


def test_a_checkout_names_its_commit_and_whether_it_was_edited(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "x")
    git(checkout, "tag", "v1")
    head = git(checkout, "rev-parse", "HEAD")
    assert versions.git_commit() == head
    other = checkout.parent / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-q", "--allow-empty", "-m", "theirs")
    monkeypatch.chdir(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))  # as git sets it for what its hooks start
    assert versions.git_commit() == head
    monkeypatch.delenv("GIT_DIR")
    (checkout / "models" / "versions.py").write_text("# edited")
    assert versions.git_commit() == f"{head}-dirty"


def test_a_copy_in_a_repository_of_somebody_else_names_none(checkout: Path) -> None:
    """The module is no file of it; nor is there a commit of a repository that has none yet."""
    (checkout / "theirs.txt").write_text("theirs")
    git(checkout, "add", "theirs.txt")
    git(checkout, "commit", "-q", "-m", "theirs")
    assert versions.git_commit() is None


def test_no_commit_yet_and_no_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(checkout, "add", ".")
    assert versions.git_commit() is None
    git(checkout, "commit", "-q", "-m", "x")
    monkeypatch.setenv("PATH", str(checkout / "nothing"))
    assert versions.git_commit() is None
