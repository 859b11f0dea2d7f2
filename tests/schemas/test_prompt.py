"""Prompts are templates, not programs."""

from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError

from voxsmith.schemas.prompt import Prompt


def test_a_prompt_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "p.jinja").write_text("{% if context %}\nMaterial: {{ context }}\n{% endif %}\nTask: {{ query }}\n")
    prompt = Prompt.model_validate(str(tmp_path / "p.jinja"))
    assert prompt.variables() == ["context", "query"]
    assert prompt.render(context="a < b", query="Compare.") == "Material: a < b\nTask: Compare."
    assert prompt.render(context="", query="{{ 7 * 7 }}") == "Task: {{ 7 * 7 }}", "what a row says is no template"


@pytest.mark.parametrize(
    "text", ["{{ query.__class__.__mro__ }}", "{{ ''.__class__.__base__.__subclasses__() }}{{ query }}"]
)
def test_a_prompt_reaches_no_python(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.jinja").write_text(text)
    with pytest.raises(SecurityError):
        Prompt.model_validate(str(tmp_path / "p.jinja")).render(query="x")
