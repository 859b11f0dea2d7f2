"""Children look for modules where their parent does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from voxsmith.models.search_path import child_environment


def test_a_child_looks_for_modules_where_its_parent_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, and not in the folder where it is started, although PYTHONPATH names that."""
    (tmp_path / "json.py").write_text("raise SystemExit('the folder comes first')")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setenv("PYTHONPATH", "")
    ask = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path))"]
    child = subprocess.run(ask, cwd=tmp_path, env=os.environ | child_environment(), capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    there = [os.path.abspath(entry) for entry in sys.path if os.path.exists(entry)]
    assert [entry for entry in json.loads(child.stdout) if entry in there] == list(dict.fromkeys(there))
