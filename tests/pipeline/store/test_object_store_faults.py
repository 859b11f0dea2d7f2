"""Bad minutes of an object store, through the command line: slow, and refusing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.recipes import asked, digests_of, run_cli, write_recipe
from tests.helpers.s3_server import S3Server

pytestmark = pytest.mark.usefixtures("one_ray")
TEXTS = [f"thing number {n}" for n in range(12)]
FEW = {"sources__rows__shard": {"least": 4, "target": 6, "most": 12}}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture(scope="module")
def undisturbed(on_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run_cli("run", write_recipe(folder, TEXTS, **FEW), env=on_ray)[0] == 0
    return digests_of(folder / "out")


SLOW = pytest.param(0.0, 1.0, id="slow")  # a hundred requests of a second each


@pytest.mark.heavy
@pytest.mark.parametrize(("share", "delay"), [pytest.param(0.2, 0.0, id="500 and 503"), SLOW])
def test_a_run(undisturbed: dict[str, str], s3: S3Server, tmp_path: Path, share: float, delay: float) -> None:
    """A fifth of all requests refused; or each one takes a second."""
    path = write_recipe(tmp_path, TEXTS, store=s3.url(f"share{share}"), **FEW)
    s3.share, s3.delay = share, delay
    try:
        code, output = run_cli("run", path)
    finally:
        s3.share, s3.delay = 0.0, 0.0
    assert code == 0, output
    assert len(asked(path)) == 3 * len(TEXTS), "nothing is asked twice"
    assert digests_of(tmp_path / "out") == undisturbed
