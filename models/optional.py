"""Packages that only some engines need: which versions the engine's interpreter has, or how to get them."""

from voxsmith.models.interpreter import version_of
from voxsmith.models.references import ModelMissing


def versions(python: str, *packages: str) -> str:
    """ "torch 2.13.0, transformers 5.23.0", without a build's own suffix; "not installed" for what isn't there."""
    installed = [(package, version_of(python, package).partition("+")[0]) for package in packages]
    return ", ".join(f"{package} {version or 'not installed'}" for package, version in installed)


def lacking(backend: str, extra: str, python: str, *packages: str) -> str:
    """What to install before the backend can be loaded; "" where all of it is there."""
    missing = [package for package in packages if not version_of(python, package)]
    if not missing:
        return ""
    several = len(missing) > 1
    needed = f"the packages {', '.join(missing)}, which aren't" if several else f"the package {missing[0]}, which isn't"
    wanted = f"'voxsmith[{extra}]'" if extra else " ".join(missing)
    into = f" into the environment of {python}" if python else ""
    return f"{backend} needs {needed} installed: pip install {wanted}{into}"


def require(backend: str, extra: str, *packages: str) -> None:
    """Raises ModelMissing where this interpreter lacks one of the packages."""
    if advice := lacking(backend, extra, "", *packages):
        raise ModelMissing(advice)
