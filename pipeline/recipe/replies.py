"""The code behind an engine's replies, as its identity names it.

An edit of a backend's code makes the engine be asked again, because its replies may be others now. Of Voxsmith's own
backends `replies.json` says which codes give the same replies, so that a new version that answers as before asks nothing
again: for each backend lists of code digests, one list for each change of what it answers.
"""

import json
from functools import lru_cache
from pathlib import Path

from voxsmith.pipeline.store.code import BACKEND_STOPS, code_digest
from voxsmith.stages.registry import backend_module

FILE = Path(__file__).parent / "replies.json"


def code_of_replies(backend: str) -> str | None:
    """What names the backend's code: the first of the digests that are known to give the same replies, or else its own.

    None for what answers as the first version did: identities held no code then. Raises PartError.
    """
    digest = digest_of(backend)
    for number, same in enumerate(_known().get(backend, ())):
        if digest in same:
            return same[0] if number else None
    return digest


def digest_of(backend: str) -> str:
    """32 hex digits that name the code of the backend as it is now. Raises PartError."""
    return code_digest(backend_module(backend), tuple(BACKEND_STOPS))


@lru_cache(maxsize=1)
def _known() -> dict[str, list[list[str]]]:
    known: dict[str, list[list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return known
