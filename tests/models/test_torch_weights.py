"""Archives of weights that unpack to more than memory: a few megabytes may claim gigabytes."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from voxsmith.models import fairseq_checkpoint, unit_vocoder
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import refuse_packed
from voxsmith.stages.engines.tts.cosyvoice_files import check_weights


def packed(path: Path, size: int, weights: Any) -> Path:
    """What `torch.save` writes, packed anew, with `size` zeros for each tensor's bytes."""
    torch.save(weights, path.with_suffix(".plain"))
    with (
        zipfile.ZipFile(path.with_suffix(".plain")) as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in plain.namelist():
            archive.writestr(name, bytes(size) if "/data/" in name else plain.read(name))
    return path


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (fairseq_checkpoint.load, "model.pt"),
        (lambda path: unit_vocoder._load(path, path.with_name("config.json")), "g_00000001"),
        (lambda path: check_weights(path.parent), "llm.pt"),
    ],
)
def test_what_unpacks_to_much_more_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any], name: str
) -> None:
    monkeypatch.setattr(unit_vocoder, "_build", lambda settings: torch.nn.ModuleDict())
    (tmp_path / "config.json").write_text("{}")
    path = packed(tmp_path / name, 64 << 20, {"generator": {"weight": torch.zeros(16 << 20)}})
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ModelMissing, match=r"not read: it has \d+ bytes, and unpacks to 67\d+$"):
        read(path)


def test_weights_as_they_are_written_are_read(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1 << 20)}, tmp_path / "new.pt")
    torch.save({"weight": torch.zeros(1 << 20)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    half = packed(tmp_path / "half.pt", 1 << 19, {"weight": torch.zeros(1 << 17)})
    (tmp_path / "junk.pt").write_bytes(b"PK\x05\x06 junk")
    for path in (tmp_path / "new.pt", tmp_path / "old.pt", tmp_path / "junk.pt", half):
        refuse_packed(path)
