"""Which language a row is in."""

from collections.abc import Mapping
from typing import Any


def language_of(row: Mapping[str, Any], otherwise: str) -> str:
    """The code of the row's own language without its region (en of en-GB), else `otherwise`, likewise."""
    return str(row.get("language") or otherwise).split("-")[0].lower()
