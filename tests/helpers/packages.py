"""The package as it is built and installed."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.helpers.paths import ROOT


def copy_checkout(folder: Path) -> Path:
    """A copy of the checkout without what git ignores: a stale build/ would get into a package. Returns the folder."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        if ((ROOT / name).is_file() and not name.startswith("docs/")) or (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def pip(verb: str, *arguments: str, python: Path = Path(sys.executable)) -> None:
    """pip, for that interpreter, offline."""
    command = [sys.executable, "-m", "pip", "--python", str(python), verb]
    done = subprocess.run([*command, "--no-deps", "--no-index", "--quiet", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def make_environment(folder: Path, *wheels: Path) -> Path:
    """A virtual environment with these wheels and, behind them, the packages of this one, but for Voxsmith. Returns its
    interpreter.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    # What lies in a folder that is named so is found, but not followed: an editable install, say.
    (site / "packages.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = folder / "bin" / "python"
    if wheels:
        pip("install", *map(str, wheels), python=python)
    return python
