"""What libraries raise about a dataset, as one line: what the recipe should say instead, or that the network failed."""

import re
from pathlib import Path

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.schemas.names import nearest
from voxsmith.schemas.source import Source

_NETWORK = ("httpx", "httpcore", "requests", "aiohttp", "urllib3")
_NOT_FOUND = ("DatasetNotFoundError", "RepositoryNotFoundError", "GatedRepoError", "RevisionNotFoundError")
_EMPTY = ("EmptyDatasetError", "DataFilesNotFoundError")
_NO_FOLDER = "Couldn't find any data file at"  # of what can be no name on the Hub
_TOKEN = "log in with `hf auth login`, or put a token into HF_TOKEN"


def said(where: str, source: Source, error: Exception, local: bool, what: str = "") -> RecipeError | RunFailed:
    """The error for people. `local`: the dataset is a folder; `what`: what was done, to put before what a library says."""
    line = _first_line(error)
    if isinstance(error, ValueError) and (advice := _of_names(source, str(error))):
        return RecipeError(f"{where}: {advice}")
    if type(error).__name__ in _NOT_FOUND or _status(error) in (401, 403):
        return RecipeError(f"{where}: {_of_the_hub(source, line)}")
    if line.startswith(_NO_FOLDER) and "Hub" not in line:
        return RecipeError(f"{where}: there is no such folder")
    if type(error).__name__ in _EMPTY:
        place = "the folder" if local else "it"
        return RecipeError(f"{where}: {place} holds no file of data; is it another folder, revision or name?")
    of_network = type(error).__module__.partition(".")[0] in _NETWORK
    if isinstance(error, ConnectionError | TimeoutError) or of_network or (isinstance(error, OSError) and not local):
        return RunFailed(f"{where}: {line}; the same command tries again{_instead(source, where)}")
    return RecipeError(f"{where}: {what}{line}")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _of_names(source: Source, text: str) -> str:
    """Advice about a configuration or split that isn't there; "" where the error is of something else."""
    names = re.findall(r"'([^']+)'", text.partition("[")[2].partition("]")[0])
    if text.startswith("Config name is missing"):
        return f"has more than one configuration; name one as 'config': {', '.join(names)}"
    if text.startswith("BuilderConfig"):
        return f"no configuration '{source.config}'; {nearest(str(source.config), names)}"
    if text.startswith(("Bad split", "Unknown split")):
        return f"no split '{source.split}'; {nearest(source.split, names)}"
    return ""


def _of_the_hub(source: Source, line: str) -> str:
    if "gated" in line:
        return f"it is gated: accept its terms at https://huggingface.co/datasets/{source.dataset}, and {_TOKEN}"
    if "Revision" in line:
        return f"it has no revision '{source.revision}'; name a commit, tag or branch of it"
    here = f"there is no such folder in {Path.cwd()}"
    return f"{here}, and no such dataset on the Hub, or it is private or gated: then {_TOKEN}"


def _status(error: Exception) -> int | None:
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return status


def _instead(source: Source, where: str) -> str:
    """What else the recipe could read where the Hub can't be reached."""
    name = where.split(":")[0]
    return (
        ""
        if source.is_speech
        else f", or name files: --set {name}='{{path: FILES, layout: {source.layout}, licence: …}}'"
    )
