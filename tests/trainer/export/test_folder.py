"""An export is there whole or not at all."""

from pathlib import Path

import pytest

from voxsmith.trainer.export.folder import NotExportable, written


def test_what_fails_leaves_nothing_and_what_is_there_stays(tmp_path: Path) -> None:
    out = tmp_path / "made" / "model"
    with pytest.raises(KeyError), written(out) as folder:
        (folder / "half").write_text("x")
        raise KeyError
    assert list(out.parent.iterdir()) == []
    with written(out) as folder:
        (folder / "whole").write_text("x")
        (folder / "whole").chmod(0o600)
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["whole"] and list(out.parent.iterdir()) == [out]
    assert (out / "whole").stat().st_mode & 0o777 == out.stat().st_mode & 0o666
    with pytest.raises(NotExportable, match="something is there already"), written(out):
        pass
    assert (out / "whole").read_text() == "x"
