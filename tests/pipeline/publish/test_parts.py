"""What publish rests on: terms, row groups, waiting."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.helpers.made_corpus import export_corpus, row, write_corpus
from tests.helpers.recipes import finish, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.publish.bucket import Bucket
from voxsmith.pipeline.publish.files import Workshop
from voxsmith.pipeline.publish.parquet import row_groups, to_parquet
from voxsmith.pipeline.publish.retry import passing_error, patiently, retry_after
from voxsmith.pipeline.publish.send import Sending
from voxsmith.pipeline.recipe.licences import objection
from voxsmith.pipeline.report.card import render_card
from voxsmith.pipeline.report.manifest import read_manifest
from voxsmith.pipeline.report.statistics import summarise


@pytest.mark.parametrize(
    ("licence", "claim", "why"),
    [
        ("MIT", None, None),
        ("CC BY-NC 4.0", None, None),
        ("unknown", None, "nobody knows"),
        ("our own terms", None, "not known"),
        ("CC-BY-ND-4.0", None, "forbids changes"),
        ("CC-BY-ND-4.0", "CC-BY-ND-4.0", "forbids changes"),
        ("CC BY-NC 4.0", "CC-BY-NC-4.0", None),
        ("CC BY-NC 4.0", "Apache-2.0", "no commercial use"),
        ("CC-BY-4.0", "CC-BY-NC-4.0", None),
        ("CC-BY-4.0", "MIT", "attribution"),
        ("MIT", "CC0-1.0", "its notice"),
        ("CC0-1.0", "MIT", None),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0", None),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0", "the same licence"),
        ("llama3.1", "MIT", "the model's terms"),
        ("our own terms", "Our own terms", None),
        ("our own terms", "MIT", "not known"),
        ("unknown", "unknown", "nobody knows"),
        ("CC-BY-NC-4.0 AND llama3.1", None, None),
        ("CC-BY-NC-4.0 AND llama3.1", "CC-BY-NC-4.0", "the model's terms"),
        ("CC-BY-NC-4.0 AND llama3.1", "llama3.1 AND cc-by-nc-4.0", None),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", "CC-BY-NC-4.0", "the same licence"),
        ("CC-BY-NC-4.0 AND unknown", None, "nobody knows"),
        ("MIT", "CC-BY-NC-4.0 AND llama3.1", None),
    ],
)
def test_what_a_licence_objects_to(licence: str, claim: str | None, why: str | None) -> None:
    whys = objection(licence, claim)
    assert whys is None if why is None else whys is not None and why in whys


def refused(capsys: pytest.CaptureFixture[str], path: str) -> str:
    capsys.readouterr()
    assert main(["publish", path, "--repo", "user/made", "--dry-run"]) == 1
    return capsys.readouterr().err


def test_rows_that_forbid_the_claim_stop_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = export_corpus(tmp_path, [row(i) for i in range(12)], export__licence="Apache-2.0")
    message = refused(capsys, path)
    assert "the recipe claims Apache-2.0 for all rows" in message
    assert (
        "8 rows of dataset from 'alpaca' are under CC BY-NC 4.0: it asks for attribution, no commercial use" in message
    )
    assert "3 rows of rejects from 'alpaca' are under CC BY-NC 4.0" in message
    assert "ultrachat" not in message and "export.licence" in message and "take those sources" in message
    path = export_corpus(tmp_path, [row(i) for i in range(12)], export__licence="CC-BY-NC-4.0")
    assert main(["publish", path, "--repo", "user/made", "--dry-run"]) == 0


def test_unknown_terms_are_never_published(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [row(i) | ({"licence": "unknown"} if i == 7 else {}) for i in range(12)]
    message = refused(capsys, export_corpus(tmp_path, rows))
    assert "1 rows of dataset from 'alpaca' are under unknown: nobody knows its terms" in message


def test_an_export_in_between_is_not_sent_unchecked(tmp_path: Path) -> None:
    """The terms are those of the export that was there when they were checked."""
    export_corpus(tmp_path, [row(i) for i in range(12)])
    checked = read_manifest(folder := tmp_path / "out" / "made_corpus")
    assert checked is not None
    export_corpus(tmp_path, [row(i) | {"licence": "unknown"} for i in range(13)])
    place, workshop = Bucket(str(tmp_path / "there"), lambda text: None), Workshop(folder / ".publish")
    with workshop.alone(), pytest.raises(RunFailed, match="was exported again"):
        Sending(place, workshop, folder, checked, "parquet", lambda text: None).send()
    assert not place.listing()


def test_what_a_killed_publication_made_of_another_export_goes(tmp_path: Path) -> None:
    path, made = export_corpus(tmp_path, [row(i) for i in range(12)]), tmp_path / "out" / "made_corpus" / ".publish"
    left = [made / "dataset/data-00007-of-00009.parquet", made / "dataset/.data-00008-of-00009.parquet.writing"]
    left[0].parent.mkdir(parents=True)
    for file in left:
        file.write_bytes(b"x")
    assert main(["publish", path, "--to", str(tmp_path / "there")]) == 0
    assert not any(file.exists() for file in left)


def test_what_is_asked_for_must_make_sense(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = export_corpus(tmp_path, [row(i) for i in range(4)])
    assert main(["publish", path, "--repo", "user/made", "--dry-run", "--set", "export.licence=MIT"]) == 1
    assert "first: voxsmith export" in capsys.readouterr().err
    assert main(["publish", path, "--repo", "made", "--dry-run"]) == 2
    assert "user/name" in capsys.readouterr().err
    for place in ("--repo", "--to"):  # of a variable that isn't set
        assert main(["publish", path, place, ""]) == 2
        assert place in capsys.readouterr().err
    assert main(["publish", path, "--to", str(tmp_path / "there"), "--private"]) == 2
    assert "--private goes with --repo" in capsys.readouterr().err
    assert "made_corpus/dataset has no rows" in refused(capsys, export_corpus(tmp_path, []))
    (tmp_path / "out/made_corpus/manifest.json").unlink()
    assert "first: voxsmith run" in refused(capsys, path)


@pytest.mark.parametrize("splits", [None, {"train": 0.5, "test": 0.5}])
def test_what_datasets_caches_beside_the_data_is_no_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, splits: dict[str, float] | None
) -> None:
    """Who filters or shuffles the dataset that an export wrote leaves Arrow files of another kind in its folder."""
    path = export_corpus(tmp_path, [row(i) for i in range(12)], splits)
    folder = tmp_path / "out" / "made_corpus"

    def published() -> str:
        assert main(["publish", path, "--repo", "user/made", "--dry-run"]) == 0
        return capsys.readouterr().out

    before, counted = published(), summarise(folder / "dataset")
    loaded = datasets.load_from_disk(str(folder / "dataset")).remove_columns(["query_audio", "answer_audio"])
    loaded.filter(lambda one: one["turn"] == 0).map(lambda one: {"long": len(one["query_text"])}).shuffle(seed=1)
    assert list((folder / "dataset").rglob("cache-*.arrow"))
    assert published() == before
    assert summarise(folder / "dataset") == counted
    card = render_card(json.loads((folder / "manifest.json").read_text()), counted)
    for config in yaml.safe_load(card.split("---\n")[1])["configs"]:
        for files in config["data_files"]:
            assert not [file for file in folder.glob(files["path"]) if file.name.startswith("cache-")]


@pytest.mark.parametrize("name", ["secrets.json", "mine/data-00000-of-00001.arrow", "data-00000-of-00001.arrow"])
def test_what_somebody_put_into_an_export_is_not_published(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    finish(path := write_recipe(tmp_path, ["thing"]))
    place, publish = tmp_path / "out/toy/dataset" / name, ["publish", path, "--to", str(tmp_path / "there"), "--format"]
    assert main([*publish, "arrow"]) == 0
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(place.read_bytes() + b"mine" if place.exists() else b"mine")
    for form in ("arrow", "parquet"):
        assert main([*publish, form]) == 1
        assert f"{place} is no part of the export" in capsys.readouterr().err
    assert not any(file.read_bytes().endswith(b"mine") for file in (tmp_path / "there").rglob("*") if file.is_file())


def test_what_somebody_keeps_in_the_workshop_stays(tmp_path: Path) -> None:
    path = export_corpus(tmp_path, [row(i) for i in range(4)])
    mine = tmp_path / "out/made_corpus/.publish/dataset/mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert main(["publish", path, "--to", str(tmp_path / "there")]) == 0 and mine.read_text() == "mine"


def test_row_groups_are_bounded_and_keep_the_rows() -> None:
    sizes = [10, 900, 20, 30, 5000, 40, 50, 600, 300] * 20
    table = pa.table({"n": range(len(sizes)), "clip": [b"x" * size for size in sizes]})
    groups = list(row_groups(table.to_batches(max_chunksize=7), 1000))
    assert pa.concat_tables(groups) == table
    assert all(group.nbytes <= 1000 or len(group) == 1 for group in groups)
    assert len(groups) < 120
    assert list(row_groups(table.slice(0, 0).to_batches(), 1000)) == []


def test_parquet_keeps_features_clips_and_order(tmp_path: Path) -> None:
    write_corpus(tmp_path, [row(i) for i in range(30)], [])
    source = next((tmp_path / "dataset").glob("*.arrow"))
    to_parquet(source, tmp_path / "a" / "one.parquet")
    to_parquet(source, tmp_path / "b" / "one.parquet")
    assert (tmp_path / "a/one.parquet").read_bytes() == (tmp_path / "b/one.parquet").read_bytes()
    with pa.ipc.open_stream(source) as stream:
        wanted = stream.read_all()
    table = pq.read_table(tmp_path / "a/one.parquet")
    assert table.schema == wanted.schema and table.schema.metadata == wanted.schema.metadata
    assert table.to_pylist() == wanted.to_pylist()
    group = pq.ParquetFile(tmp_path / "a/one.parquet").metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert columns["query_audio.bytes"].compression == "UNCOMPRESSED" and columns["id"].compression == "ZSTD"
    assert columns["id"].has_offset_index


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=9), usegmt=True)}, 9 * 3600),
        ({"RateLimit": '"api";r=0;t=55'}, 55),
        ({"RateLimit": '"api";r=949;t=271'}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    waited = retry_after(headers)
    assert (
        waited is None if seconds is None else waited is not None and abs(waited - seconds) < 3 * 3600
    )  # the date was made when tests were collected


@pytest.mark.parametrize(("status", "passes"), [(400, False), (401, False), (429, True), (500, True)])
def test_what_an_object_store_has_no_name_for(status: int, passes: bool) -> None:
    """AWS says 400 of keys that have expired; pyarrow calls that unknown."""
    message = f"When listing: AWS Error UNKNOWN (HTTP status {status}) during ListObjectsV2 operation: ExpiredToken"
    assert (passing_error(OSError(message)) is not None) == passes


def test_tries_run_out_and_verdicts_are_final(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)

    def lost() -> None:
        raise RuntimeError("while uploading") from ConnectionResetError("gone")

    with pytest.raises(RunFailed, match="ConnectionResetError: gone after 5 tries; the same command goes on"):
        patiently("sending", lost, lambda text: None, tries=5)
    assert len(waited) == 4 and all(2**n <= wait <= 2 ** (n + 1) for n, wait in enumerate(waited))
    with pytest.raises(FileNotFoundError):
        patiently("sending", Path("/no/such/file").read_bytes, lambda text: None)
