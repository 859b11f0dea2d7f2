"""`after`: a stage works on the rows that other stages let pass, though it reads nothing of theirs."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipes import COUNT, SHOUT, WORDS, asked, open_state, run_inline, write_recipe
from voxsmith.pipeline.errors import RecipeError

LLM = {"engine": "llm"}


def write(folder: Path, **after: Any) -> str:
    """toy_shout rejects texts with "bad"; toy_count reads what it writes, and other_shout does not."""
    stages = {"toy_shout": SHOUT | LLM, "toy_count": COUNT | LLM, "toy_words": WORDS | after}
    return write_recipe(folder, ["one", "a bad one", "three"], stages=stages)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("toy_shuot", "stages.toy_words.after: no stage 'toy_shuot' is in this recipe; did you mean 'toy_shout'?"),
        ("toy_words", "stages.toy_words.after: a stage doesn't come after itself"),
        (["toy_shout", 3], "stages.toy_words.after: the name of one of the recipe's stages is wanted, or a list of them"),
    ],
)  # fmt: skip
def test_what_is_no_stage_to_come_after(tmp_path: Path, after: Any, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        open_state(write(tmp_path, after=after))
    assert message in str(error.value)


def test_a_circle_is_named(tmp_path: Path) -> None:
    path = write_recipe(
        tmp_path, ["one"], stages={"toy_shout": SHOUT | LLM | {"after": "toy_count"}, "toy_count": COUNT | LLM}
    )
    with pytest.raises(RecipeError, match="a cycle: "):
        open_state(path)


def test_a_row_that_is_rejected_there_is_passed_over_here(tmp_path: Path) -> None:
    state = open_state(write(tmp_path, after=["toy_count"]))
    node = state.graph.nodes["toy_words"]
    assert "toy_count" in state.graph.parents(node) and list(state.graph.nodes)[-1] == "toy_words"
    row = dict.fromkeys(state.graph.inputs(node), "x")
    assert node.takes(row) and not node.takes(row | dict.fromkeys(node.passed[0]))


def test_without_it_no_key_is_another(tmp_path: Path) -> None:
    path = write(tmp_path)
    state = open_state(path)
    assert run_inline(state) == {} and asked(path)
    assert "after" not in state.fixed["toy_words"]
    again = open_state(write(tmp_path, after="toy_count"))
    assert "after" in again.fixed["toy_words"] and {name for name, _ in again.ready} == {"toy_words"}
