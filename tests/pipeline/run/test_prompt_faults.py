"""A prompt that can't be filled in ends the run with one line: it is no verdict on the rows."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipes import open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.run.results import StageFault


def recipe(folder: Path, prompt: str, **changes: Any) -> str:
    """Rows that bring a request, answered by an LLM that is none, with this prompt."""
    file = folder / "p.jinja"
    file.write_text(prompt)
    return write_recipe(
        folder,
        [f"Where does river number {n} begin?" for n in range(6)],
        sources__rows__columns={"query_text": "instruction"},
        engines={"llm": {"backend": "llm_null"}},
        stages={"respond": {"engine": "llm", "prompt": str(file), "format": "completion", "attempts": 1}},
        **changes,
    )


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("Answer.\n{{ query.nothing }}", "line 2: UndefinedError: 'str object' has no attribute 'nothing'"),
        ("{% set a = query %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}", "line 1: it makes too much of little"),
    ],
    ids=["undefined", "endless"],
)
def test_it_ends_the_run_and_rejects_nobody(tmp_path: Path, prompt: str, why: str) -> None:
    path = recipe(tmp_path, prompt)
    with pytest.raises(StageFault) as fault:
        run_inline(open_state(path))
    assert str(fault.value).startswith("stage 'respond' can't ask about row rows-")
    assert f"p.jinja, {why}" in str(fault.value) and "\n" not in str(fault.value)
    (tmp_path / "p.jinja").write_text("User: {{ query }}\nAssistant:")
    state = open_state(path)
    assert run_inline(state) == {}
    assert len(texts_of(state, "id")) == 6 and not any(sum(task.rejects.values()) for task in state.done.values())


def test_each_prompt_of_a_stage_has_its_own_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"query": "{{ history }}", "follow": "{{ task }}", "answer": "{{ context }}"}.items():
        (tmp_path / f"{name}.jinja").write_text(text)
    prompts = {f"{name}_prompt": str(tmp_path / f"{name}.jinja") for name in ("query", "follow", "answer")}
    path = write_recipe(
        tmp_path, ["x"], engines={"llm": {"backend": "llm_null"}}, stages={"converse": {"engine": "llm", **prompts}}
    )
    assert main(["plan", path]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert (
        "stages.converse.query_prompt: " in first
        and "uses the variable 'history', which the stage doesn't give" in first
    )
    assert "stages.converse.answer_prompt: " in second and "there is history, query" in second
