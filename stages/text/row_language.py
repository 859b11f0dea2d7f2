"""Which language a row is in."""

from collections.abc import Mapping
from typing import Any

from voxsmith.schemas.columns import own_language


def language_of(row: Mapping[str, Any], otherwise: str) -> str:
    """The code of the row's own language without its region (en of en-GB), else `otherwise`, likewise."""
    return str(row.get("language") or otherwise).split("-")[0].lower()


def language_read(group: str) -> tuple[str, ...]:
    """The column that says which language the group's text is in; none where the group itself says it."""
    return () if own_language(group) else ("language",)
