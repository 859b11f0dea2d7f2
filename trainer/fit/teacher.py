"""Which LLM teaches, where it isn't the one that stands still on both sides, as Ultravox' does."""

from collections.abc import Iterator
from pathlib import Path

from voxsmith.trainer import checkpoint
from voxsmith.trainer.recipe import TrainRecipe


def which_teacher(recipe: TrainRecipe, start: Path | None) -> Iterator[str]:
    """A line for people where the LLM learns, or has learned in the checkpoint `start`. A live teacher is the LLM as it is now; a
    stored one is as it was when the corpus asked it. Neither is wrong by itself. Raises BadCheckpoint.
    """
    learned = start is not None and checkpoint.llm_has_learned(start)
    if recipe.teaches == "live" and recipe.llm.learns != "nothing":
        yield (
            "distil.teacher: live: the teacher is the LLM that learns, and moves with it; to hold it to what it said before, "
            "take stored"
        )
    elif recipe.teaches == "stored" and (learned or recipe.llm.learns != "nothing"):
        what = f"that of {start} has learned" if learned else "it learns here"
        yield f"distil.teacher: stored: the teacher is {recipe.llm.model} as the corpus asked it, and stands still; {what}"
