import pytest

import stages.registry as registry
from bench import TOYS


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy stages and the toy engine are registered."""
    for name, module in TOYS.items():
        monkeypatch.setitem(registry.STAGES, name, module)
    monkeypatch.setitem(registry.BACKENDS, "toy_llm", "toys.llm")
