import pytest
from bench import TOYS

import stages.registry as registry


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy stages and the toy engine are registered."""
    for name, module in TOYS.items():
        monkeypatch.setitem(registry.STAGES, name, module)
    monkeypatch.setitem(registry.BACKENDS, "toy_llm", "toys.llm")
