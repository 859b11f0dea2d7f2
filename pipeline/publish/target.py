"""Where a corpus is published to, and where it can't be: what exports, stores and recipes have is not written over."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.export.names import PARTS
from voxsmith.pipeline.publish.bucket import SUMS, Bucket, address
from voxsmith.pipeline.publish.hub import HubRepo, check_repo
from voxsmith.pipeline.publish.place import Place
from voxsmith.pipeline.recipe.preflight import NO_STORES
from voxsmith.pipeline.report.outputs import folder_of
from voxsmith.schemas.recipe import Recipe

FORMS = ("parquet", "arrow", "ultravox")


@dataclass(frozen=True)
class Target:
    """Where and how to publish: to the Hub's repository `repo`, or `to` a folder or URL; `form` one of FORMS."""

    repo: str | None = None
    to: str | None = None
    private: bool = False
    form: str = "parquet"

    def check(self, recipe: Recipe) -> None:
        """Raises RecipeError where the target is none, or one where the recipe's own data would be written over."""
        if (self.repo is None) == (self.to is None):
            raise RecipeError(
                "name one place to publish to: a repository of the Hub (--repo), or a folder or URL (--to)"
            )
        if self.form not in FORMS:
            raise RecipeError(f"--format {self.form}: it is {', '.join(FORMS[:-1])} or {FORMS[-1]}")
        if self.form == "ultravox" and (taken := {*PARTS, "default"} & recipe.sources.keys()):
            raise RecipeError(f"--format ultravox: a source can't be called {taken.pop()}: its rows would be a subset of that "
                              "name, which the publication needs itself; give the source another name")  # fmt: skip
        if self.repo is not None:
            check_repo(self.repo)
        elif not (self.to or "").strip():
            raise RecipeError("--to: name a folder or a URL, s3://bucket/prefix for example")
        elif self.private:
            raise RecipeError(
                "--private goes with --repo: who may read a folder or a bucket is set in its own settings"
            )
        else:
            self._check_apart(recipe)

    def _check_apart(self, recipe: Recipe) -> None:
        kind, sign, _ = (self.to or "").partition("://")
        if sign and (kind in NO_STORES or "::" in (self.to or "")):
            raise RecipeError(
                f"--to {self.where}: nothing can be kept in {kind}://; take a folder, or s3://bucket/prefix"
            )
        if not sign or kind == "file":
            folder = _place(self.to or "")
            there = next(one for one in (folder, *folder.parents) if one.exists())
            if not there.is_dir():
                raise RecipeError(f"--to {self.where}: {there} is a file; name a folder")
        to, out = _place(self.to or ""), _place(recipe.out)
        taken = {
            _place(str(folder_of(recipe))): "the export itself, which load_from_disk reads",
            _place(str(folder_of(recipe, pilot=True))): "the export of a pilot",
            _place(recipe.store): "the recipe's store",
        }
        what = next(
            (what for folder, what in taken.items() if to.is_relative_to(folder) or folder.is_relative_to(to)), ""
        )
        if out.is_relative_to(to):
            what = "where exports are written (`out`)"
        elif to.is_relative_to(out) and to != out and _is_export(out / to.relative_to(out).parts[0]):
            what = "an export"
        if what:
            raise RecipeError(f"--to {self.where}: that is, or holds, or lies in {what}; name another folder")

    @property
    def where(self) -> str:
        """The place as it is shown to people: without what may be secret in a URL."""
        return self.repo if self.repo is not None else address(self.to or "")

    def connect(self, say: Callable[[str], None]) -> Place:
        return HubRepo(self.repo, self.private, say) if self.repo is not None else Bucket(self.to or "", say)


def _place(url: str) -> Path:
    """The folder itself, by whatever links and names it is reached; of an object store a path that no folder has."""
    if "://" not in url:
        return Path(os.path.realpath(url))
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(os.path.realpath(unquote(parts.path)))
    return Path(f"//{parts.scheme}", parts.netloc.rpartition("@")[2], parts.path.strip("/"))


def _is_export(folder: Path) -> bool:
    """Whether an export of some recipe is there; a publication has checksums."""
    return (folder / "manifest.json").is_file() and not (folder / SUMS).is_file()
