"""Which versions made something: of packages, and of Voxsmith's own checkout."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def versions(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and version of those that are installed."""
    for package in packages:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def git_commit() -> str | None:
    """The commit of the checkout that runs, with `-dirty` where its files have been edited since; None where Voxsmith is
    installed, or a copy in a repository that doesn't track it: that one is somebody else's.
    """
    here = Path(__file__).resolve()  # in a clone `voxsmith/models` is a link
    root = here.parents[1]
    if not (root / ".git").exists():
        return None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # of a hook, say
    try:
        for ask in (
            ["ls-files", "--error-unmatch", str(here)],
            ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        ):
            git = ["git", "-C", str(root), *ask]
            ran = subprocess.run(git, env=environment, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()
