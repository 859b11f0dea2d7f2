"""Folders: of the project, and of what its tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
SAMPLES = ROOT / "configs" / "data"  # what recipes read
TINY = SAMPLES / "tiny"  # networks of random weights that recipes' profiles `tiny` name
GOLDEN = ROOT / "tests" / "golden"
