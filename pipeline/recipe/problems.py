"""What is wrong with a recipe: all of it is told at once."""

from voxsmith.pipeline.errors import RecipeError


class Problems:
    """A line for each mistake in the recipe file `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: list[str] = []

    def add(self, key: str, message: str) -> None:
        """`key`: where in the recipe it is, engines.llm.model say."""
        self.lines.append(f"{self.path}: {key}: {message}")

    def raise_if_any(self) -> None:
        """Raises RecipeError with all lines."""
        if self.lines:
            raise RecipeError(*self.lines)
