"""The store on an object store: S3's protocol, spoken by a real server, with good and bad minutes."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.helpers.recipes import TEXTS, asked, digests_of, open_state, run_cli, run_inline, texts_of, write_recipe
from tests.helpers.s3_server import S3Server
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.recipe.preflight import check_store
from voxsmith.pipeline.store.store import Store

pytestmark = pytest.mark.usefixtures("one_ray")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


def test_objects_are_there_once_committed(s3: S3Server) -> None:
    store = Store(s3.url("contract"))
    table = pa.table({"query_text": [f"text {n}" for n in range(9)]})
    assert store.meta("rewrite", "k1") is None and store.keys("rewrite") == set()
    metas = {f"k{n}": {"rows": n, "columns": {}, "rejects": {}, "parts": {}} for n in (1, 2)}
    for key, meta in metas.items():
        store.commit("rewrite", key, table, meta)
    assert store.metas("rewrite", ["k1", "k2", "k3"]) == metas
    assert store.read("rewrite", "k1", ["query_text"]).equals(table)
    assert set(store.sizes("rewrite")) == {"k1", "k2"}
    part = store.write_partial("rewrite", "k3", table.rename_columns(["_replies"]))
    assert store.partials("rewrite") == [part]
    store.delete(part)
    store.delete(part)
    assert store.partials("rewrite") == []
    store.drop("rewrite", "k1")
    assert store.keys("rewrite") == {"k2"}
    assert store.folders("objects") == ["rewrite"]


def test_a_run_on_an_object_store_gives_the_same_and_the_second_asks_little(
    undisturbed: dict[str, str], s3: S3Server, tmp_path: Path
) -> None:
    path = write_recipe(tmp_path, TEXTS, store=s3.url("run"))
    code, output = run_cli("run", path)
    assert code == 0, output
    assert digests_of(tmp_path / "out") == undisturbed
    asked(path)
    s3.requests.clear()
    code, output = run_cli("run", path)
    assert (code, asked(path)) == (0, []), output
    assert "nothing to do" in output
    shards = len(open_state(path).shards)
    assert s3.requests["GET"] + s3.requests["HEAD"] < 10 * shards + 40, s3.requests  # two for a commit, and some lists


@pytest.mark.heavy  # pauses between tries are most of it
def test_bad_minutes_lose_nothing(s3: S3Server, tmp_path: Path) -> None:
    whole = open_state(write_recipe(tmp_path / "whole", TEXTS))
    run_inline(whole)
    s3.share = 0.2
    try:
        state = open_state(write_recipe(tmp_path / "bad", TEXTS, store=s3.url("bad")))
        assert run_inline(state) == {}
        assert texts_of(state, "query_spoken") == texts_of(whole, "query_spoken")
    finally:
        s3.share = 0.0


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("s3://key:secret@bucket/store", "holds no keys"),
        ("s3://bucket/store?retries=3", "retries: an s3 URL takes region"),
        ("nothing://here", "can't be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_is_told_before_anything_runs(tmp_path: Path, store: str, message: str) -> None:
    path = write_recipe(tmp_path, TEXTS, store=store)
    with pytest.raises(RecipeError, match=message) as error:
        check_store(build_graph(load_recipe(path), path), path)
    assert "secret" not in str(error.value)
