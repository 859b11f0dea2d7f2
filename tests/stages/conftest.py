from collections.abc import Iterator

import pytest

from voxsmith.models import references
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp


@pytest.fixture(scope="package")
def llm() -> Iterator[llm_llamacpp.LlamaCpp]:
    """The embedded language model, loaded once for the tests of all stages that ask one."""
    references.fetch("smollm2-135m-instruct")
    engine = llm_llamacpp.BACKEND.load(llm_llamacpp.Config())
    yield engine
    engine.close()
