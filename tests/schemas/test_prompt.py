"""Prompts are templates, not programs."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from voxsmith.schemas.prompt import Prompt
from voxsmith.schemas.template import PromptFault


def test_a_prompt_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "p.jinja").write_text("{% if context %}\nMaterial: {{ context }}\n{% endif %}\nTask: {{ query }}\n")
    prompt = Prompt.model_validate(str(tmp_path / "p.jinja"))
    assert prompt.variables() == ["context", "query"]
    assert prompt.render(context="a < b", query="Compare.") == "Material: a < b\nTask: Compare."
    assert prompt.render(context="", query="{{ 7 * 7 }}") == "Task: {{ 7 * 7 }}", "what a row says is no template"


def test_a_prompt_that_reaches_for_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.jinja").write_text("Answer.\n{{ ''.__class__ }}{{ query }}")
    with pytest.raises(ValidationError, match=r"p\.jinja, line 2: `__class__`: a prompt reaches no names"):
        Prompt.model_validate(str(tmp_path / "p.jinja"))
    with pytest.raises(ValidationError, match="write the path of a prompt file"):
        Prompt.model_validate({"text": "{{ query }}", "path": "p.jinja"})


def test_a_prompt_that_cannot_be_filled_in_names_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "p.jinja").write_text("Answer.\n{{ query.nothing }}")
    with pytest.raises(PromptFault, match=r"p\.jinja, line 2: UndefinedError: 'str object' has no attribute 'nothing'"):
        Prompt.model_validate(str(tmp_path / "p.jinja")).render(query="x")
