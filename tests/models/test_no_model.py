"""What is no model is not read for its name: a device and a pipe have no end, and a whole disk has one hours later."""

import os
from pathlib import Path

import pytest

from voxsmith.models import references as models
from voxsmith.models.references import ModelMissing


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXSMITH_CACHE", str(tmp_path / "cache"))


def test_a_device_and_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", f"{tmp_path}/pipe"):
        with pytest.raises(ModelMissing, match="is neither a file nor a folder"):
            models.identity(path)


def test_a_folder_of_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_MOST_FILES", 3)
    folder = tmp_path / "net"
    (folder / ".git").mkdir(parents=True)
    for name in ("a", "b", "c", ".hidden", ".git/d", ".git/e"):
        (folder / name).touch()
    assert models.identity(str(folder)).startswith("net@")
    (folder / "f").touch()
    with pytest.raises(ModelMissing, match="net has more than 3 files in it: name one that has fewer"):
        models.identity(str(folder))
