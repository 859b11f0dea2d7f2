from pathlib import Path

import pytest

from tests.helpers.spoken import spoken_corpus


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a small spoken corpus that is exported: 11 rows, and 2 rejects of which one has a clip."""
    return Path(spoken_corpus(tmp_path_factory.mktemp("spoken")))
