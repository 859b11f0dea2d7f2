"""Packages that only some engines need: which version is here, or how to get them."""

from importlib.metadata import PackageNotFoundError, version

from stages.engines.models import ModelMissing


def versions(backend: str, extra: str, *packages: str) -> str:
    """ "torch 2.13.0, transformers 5.23.0", without a build's own suffix. Raises ModelMissing with what installs them."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package).partition('+')[0]}")
        except PackageNotFoundError:
            raise ModelMissing(
                f"{backend} needs the package {package}, which isn't installed: pip install 'voxsmith[{extra}]'"
            ) from None
    return ", ".join(found)
