"""Errors for people: one line each, no traceback."""


class RecipeError(Exception):
    """The recipe or the arguments are wrong; `lines` say where and what to do. Exit code 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
