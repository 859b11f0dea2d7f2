"""What a place is to which a corpus can be published."""

from typing import Protocol

from voxsmith.pipeline.publish.files import ReadyFile, There


class Place(Protocol):
    """A repository, a prefix of an object store, or a folder."""

    where: str
    name: str  # as `load_dataset` takes it: user/name, or the folder or URL
    keeps_old: bool  # whether what is written over or deleted can be got back

    def load(self, split: str, files: str, form: str) -> str:
        """Python that reads a split there."""
        ...

    def listing(self) -> dict[str, There]:
        """The files there that an earlier publication sent."""
        ...

    def check(self, names: list[str], corpus: str) -> None:
        """Look, after `listing` and before anything is sent, whether something of others would be lost. `names`: all files
        that are to be there; `corpus`: what the recipe calls it. Raises RecipeError.
        """
        ...

    def put(self, files: list[ReadyFile], gone: list[str], message: str) -> None: ...
