"""Errors for people: one line each, no traceback."""

from voxsmith.schemas.errors import RecipeError

__all__ = ["RecipeError", "RunFailed"]


class RunFailed(Exception):
    """The run could not be finished; the message says why and what to do. Exit code 1."""
