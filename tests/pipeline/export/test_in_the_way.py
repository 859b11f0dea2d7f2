"""An export removes what exports wrote, and nothing else: what is in the way is told before any work begins."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.recipes import digests_of, finish, open_state, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.report.outputs import export_state

TEXTS = [f"thing {n}" for n in range(12)]
VERBS = (["plan"], ["run"], ["run", "--only", "toy_shout"], ["export"])
Change = Callable[[Path], Any]
Capture = pytest.CaptureFixture[str]


def all_of(folder: Path) -> dict[str, bytes | str]:
    """The bytes of each file below the folder, where each link leads, and each folder."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else "a folder"
        for path in folder.rglob("*")
    }


def refused(path: str, named: str, capsys: Capture, *verbs: list[str]) -> None:
    """Every verb names the path and ends with 2, and all is as it was."""
    before = all_of(Path(path).parent)
    for verb, *options in verbs or VERBS:
        capsys.readouterr()
        assert main([verb, path, *options]) == 2, verb
        error = capsys.readouterr().err
        assert named in error and path in error and "another" in error, error
    assert all_of(Path(path).parent) == before


def write(path: Path, text: str = "mine") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def link(path: Path, to: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)


def pipe(path: Path) -> None:
    """Who opens it waits for ever."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def saved(folder: Path) -> None:
    """As somebody keeps a dataset of his own: files of the same names as an export's."""
    datasets.Dataset.from_dict({"id": ["mine"]}).save_to_disk(str(folder))


@pytest.mark.parametrize(
    ("named", "put"),
    [
        ("dataset/thesis.txt", write),
        ("rejects/thesis.txt", write),
        ("dataset/notes/a/thesis.txt", write),
        ("dataset/data-00000-of-00001.arrow", lambda path: saved(path.parent)),
        ("dataset/train/state.json", lambda path: saved(path.parent)),
        ("rejects/state.json", lambda path: saved(path.parent)),
        ("dataset/cache-mine.arrow", write),
        ("dataset", write),
        ("dataset", lambda path: link(path, "/nonexistent")),
        ("dataset", lambda path: (write(path.parents[2] / "disk/thesis.txt"), link(path, "../../disk"))),
        ("rejects", lambda path: (write(path.parents[2] / "disk/thesis.txt"), link(path, "../../disk"))),
        ("README.md", write),
        ("README.md/thesis.txt", write),
        ("report.html", write),
        ("report.html", lambda path: link(path, "../../thesis.html")),
        ("manifest.json", lambda path: write(path, '{"manifest_version": 3}')),
        ("manifest.json", write),
        ("manifest.json/thesis.txt", write),
        (".writing/thesis.txt", write),
        (".replaced/dataset/thesis.txt", write),
        (".pieces", write),
        (".exported.json/thesis.txt", write),
        (".lock", lambda path: link(path, "../../thesis.txt")),
        ("manifest.json", pipe),
        ("dataset/data-00000-of-00001.arrow", pipe),
        ("README.md", lambda path: link(path, "/nonexistent")),
    ],
)
def test_what_was_there_before_any_export(named: str, put: Change, tmp_path: Path, capsys: Capture) -> None:
    path = write_recipe(tmp_path, TEXTS)
    put(tmp_path / "out/toy" / named)
    refused(path, str(tmp_path / "out/toy" / named.split("/thesis")[0].split("/a")[0]), capsys)
    assert not (tmp_path / "store").exists(), "no source is read, nothing begins"


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"mine")


def alter(path: Path) -> None:
    """Another byte, in place: the size stays, and so do the names that the file has elsewhere."""
    with path.open("r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(b"mine")


@pytest.fixture(params=[None, {"train": 0.5, "test": 0.5}], ids=["", "splits"])
def exported(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    path = write_recipe(tmp_path, TEXTS, export__splits=request.param or {})
    finish(path)
    return path


@pytest.mark.parametrize(
    ("named", "change"),
    [
        ("thesis.txt", write),
        ("mine", Path.mkdir),
        ("data-00007-of-00009.arrow", write),
        ("data-00000-of-00001.arrow", append),
        ("data-00000-of-00001.arrow", alter),
        ("data-00000-of-00001.arrow", lambda path: (path.rename(f"{path}.bak"), shutil.copy(f"{path}.bak", path))),
        ("state.json", append),
        ("state.json", lambda path: saved(path.parent)),
        ("data-00000-of-00001.arrow", lambda path: (path.unlink(), pipe(path))),
        ("dataset_info.json", lambda path: (path.unlink(), link(path, "../manifest.json"))),
    ],
)
def test_what_somebody_did_to_an_export(exported: str, named: str, change: Change, capsys: Capture) -> None:
    dataset = Path(exported).parent / "out/toy/dataset"
    place = (dataset / "test" if (dataset / "test").exists() else dataset) / named
    change(place)
    refused(exported, str(place), capsys)
    shutil.rmtree(dataset)
    assert main(["export", exported]) == 0, "moved away, the export goes on"
    loaded = datasets.load_from_disk(str(dataset))
    assert sum(map(len, loaded.values() if isinstance(loaded, dict) else [loaded])) == 12


def test_a_name_that_is_no_text_is_told_in_a_line(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "out/toy/dataset/\udcff\x1b[31m\n.txt")
    assert main(["plan", write_recipe(tmp_path, TEXTS)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable() and "dataset/" in line


def test_a_row_that_somebody_changed_in_place_is_not_kept_as_a_piece(tmp_path: Path) -> None:
    """Files of the dataset are those of the pieces, under a second name."""
    finish(path := write_recipe(tmp_path, TEXTS))
    before = digests_of(tmp_path / "out/toy")
    alter(tmp_path / "out/toy/dataset/data-00000-of-00001.arrow")
    shutil.rmtree(tmp_path / "out/toy/dataset")
    assert main(["export", path]) == 0
    assert digests_of(tmp_path / "out/toy") == before


@pytest.mark.parametrize("place", ["dataset", "rejects", "dataset/train", ".pieces", ".publish", "report.html"])
@pytest.mark.parametrize("key", ["store", "source", "dataset", "overrides", "prompt", "bank", "model"])
def test_what_the_recipe_itself_names(key: str, place: str, tmp_path: Path, capsys: Capture) -> None:
    """Also by way of a link, a glob, and a path beside the recipe."""
    inside = tmp_path / "out/toy" / place / "mine"
    file = inside / "a.jsonl"
    changes: dict[str, Any] = {
        "store": {"store": f"file://{inside}"},
        "source": {"sources__rows__path": str(tmp_path / "link/*.jsonl")},
        "dataset": {"sources": {"rows": {"dataset": str(inside), "layout": "alpaca", "licence": "MIT"}}},
        "overrides": {"overrides": str(tmp_path / "link/../mine/a.jsonl")},
        "prompt": {"stages__rewrite": {"engine": "llm", "prompt": str(file.relative_to(tmp_path))}},
        "bank": {"engines__clone": {"backend": "toys.llm", "log": str(inside)}},
        "model": {"engines__null": {"backend": "llm_null", "model": str(inside)}},
    }[key]
    if key != "store":
        write(file, '{"id": "rows-1", "instruction": "mine"}\n')
        (tmp_path / "link").symlink_to(inside)
    refused(write_recipe(tmp_path, TEXTS, **changes), str(tmp_path / "out/toy" / place.split("/")[0]), capsys)
    assert not (tmp_path / "store").exists() and inside.exists() == (key != "store")


def test_a_pilot_is_not_in_the_way_of_the_corpus(tmp_path: Path, capsys: Capture) -> None:
    path = write_recipe(tmp_path, TEXTS)
    write(tmp_path / "out/toy.pilot/dataset/thesis.txt")
    assert main(["plan", path]) == 0
    refused(path, "thesis.txt", capsys, ["plan", "--limit", "4"], ["run", "--limit", "4"])


def test_an_export_in_an_export_or_in_the_store(tmp_path: Path, capsys: Capture) -> None:
    first = write_recipe(tmp_path, TEXTS)
    finish(first)
    link(tmp_path / "link/mine", "../store")
    for out, name in (
        ("out/toy/dataset", "other"),
        ("out/toy", "rejects"),
        ("store", "objects"),
        ("store/runs", "other"),
        (".", "store"),
        ("link", "mine"),
    ):
        named = "/store" if name in ("store", "mine") else f"/{out}"
        refused(write_recipe(tmp_path, TEXTS, name=name, out=str(tmp_path / out)), named, capsys)
    finish(write_recipe(tmp_path, TEXTS, name="beside", out=str(tmp_path / "out/toy")))
    inner = str(tmp_path / "inner/toy/dataset")
    finish(write_recipe(tmp_path, TEXTS, name="inner", out=inner))
    refused(write_recipe(tmp_path, TEXTS, out=str(tmp_path / "inner")), f"{inner}/inner", capsys)


@pytest.mark.parametrize("place", ["out", "out/toy"])
def test_where_a_folder_must_be_is_a_file(place: str, tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / place)
    refused(write_recipe(tmp_path, TEXTS), str(tmp_path / place), capsys)


def test_the_folder_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link(tmp_path / "out/toy", str(tmp_path / "disk"))
    finish(path := write_recipe(tmp_path, TEXTS))
    assert main(["export", path]) == 0 and (tmp_path / "disk/dataset").is_dir()


def test_what_datasets_caches_beside_the_data_goes_with_it(exported: str) -> None:
    folder = Path(exported).parent / "out/toy/dataset"
    loaded = datasets.load_from_disk(str(folder))
    assert loaded.filter(lambda row: row["turn"] == 0, num_proc=1) and loaded.shuffle(seed=1)
    (folder / ".DS_Store").touch()
    assert list(folder.rglob("cache-*.arrow"))
    assert main(["export", exported]) == 0
    assert not list(folder.rglob("cache-*.arrow"))


# -- card, page, manifest ---------------------------------------------------------------------------------------------


def test_a_card_that_a_person_edited_stays_and_it_is_said(
    tmp_path: Path, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    path, card = write_recipe(tmp_path, TEXTS), tmp_path / "out/toy/README.md"
    finish(path)
    made = card.read_bytes()
    append(card)
    for _ in range(2):
        caplog.clear()
        assert main(["export", path]) == 0
        assert f"{card} is not as it was written: it stays" in caplog.text
        assert card.read_bytes() == made + b"mine"
    card.unlink()
    caplog.clear()
    assert main(["export", path]) == 0
    assert card.read_bytes()[:20] == made[:20] and not caplog.text


@pytest.mark.parametrize("verb", ["export", "report"])
def test_a_page_that_a_person_edited_gets_another_name(
    verb: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, folder = write_recipe(tmp_path, TEXTS), tmp_path / "out/toy"
    finish(path)
    made = (folder / "report.html").read_bytes()
    for number, name in enumerate(("report.kept.html", "report.kept1.html")):
        (folder / "report.html").write_text(f"mine {number}")
        assert main([verb, path]) == 0
        assert f"it is kept as {name}" in caplog.text and (folder / name).read_text() == f"mine {number}"
        assert (folder / "report.html").read_bytes()[:500] == made[:500]
    caplog.clear()
    for again in ("report", "report", "export", "report"):
        assert main([again, path]) == 0
    assert not caplog.text and len(list(folder.glob("report*"))) == 3


def test_a_manifest_that_a_person_edited_gets_another_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, file = write_recipe(tmp_path, TEXTS), tmp_path / "out/toy/manifest.json"
    finish(path)
    edited = json.loads(file.read_bytes()) | {"licence": "mine"}
    file.write_text(json.dumps(edited))
    assert main(["export", path]) == 0
    assert json.loads(file.with_stem("manifest.kept").read_bytes()) == edited and "manifest.kept.json" in caplog.text


# -- exports of other times and places --------------------------------------------------------------------------------


def as_before_marks(folder: Path) -> None:
    """An export as versions left it that marked nothing."""
    (folder / ".exported.json").unlink()
    for note in (folder / ".pieces").glob("*/written.json"):
        written = json.loads(note.read_bytes())
        del written["marks"]
        note.write_text(json.dumps(written))
        note.parent.rename(note.parents[1] / f"{note.parent.name[:-4]}0123")  # named by other code


def killed_in_between(folder: Path) -> None:
    """As such a version was, when it had begun to replace its export: `rmtree` has come half way."""
    (folder / "manifest.json").unlink()
    dataset = folder / "dataset"
    shutil.copytree(dataset, folder / ".writing/dataset", copy_function=os.link)
    shutil.copytree(folder / "rejects", folder / ".writing/rejects", copy_function=os.link)
    for file in (dataset / "test" if (dataset / "test").exists() else dataset).glob("*.arrow"):
        file.unlink()


def without_pieces(folder: Path) -> None:
    shutil.rmtree(folder / ".pieces")


@pytest.mark.parametrize("happened", [lambda folder: None, killed_in_between, without_pieces])
def test_exports_of_older_versions_are_known(exported: str, happened: Change, caplog: pytest.LogCaptureFixture) -> None:
    home = Path(exported).parent
    folder = home / "out/toy"
    as_before_marks(folder)
    happened(folder)
    assert main(["plan", exported]) == 0
    finish(write_recipe(home, TEXTS[:8]))
    kept = [folder / "README.kept.md"] if happened is killed_in_between else []
    assert list(folder.glob("README.kept*")) == kept, "nobody knows then who wrote it"
    finish(write_recipe(home / "new", TEXTS[:8]))
    assert digests_of(folder) == digests_of(home / "new/out/toy")


def test_an_older_version_may_have_exported_since(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    finish(path := write_recipe(tmp_path, TEXTS))
    stale = (tmp_path / "out/toy/.exported.json").read_bytes()
    finish(write_recipe(tmp_path, TEXTS[:8]))
    as_before_marks(tmp_path / "out/toy")
    (tmp_path / "out/toy/.exported.json").write_bytes(stale)
    card = tmp_path / "out/toy/README.md"
    older = card.read_bytes()
    finish(write_recipe(tmp_path, TEXTS))
    assert card.read_bytes() != older and "README.md" not in caplog.text
    assert main(["export", path]) == 0


@pytest.mark.parametrize("edit", ["README.md", "report.html"])
def test_an_older_versions_card_or_page_that_was_edited_is_kept(
    edit: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    finish(path := write_recipe(tmp_path, TEXTS))
    folder = tmp_path / "out/toy"
    as_before_marks(folder)
    append(folder / edit)
    assert main(["export", path]) == 0
    assert any(file.read_bytes().endswith(b"mine") for file in folder.glob("*.*")) and edit in caplog.text


def test_what_somebody_saved_over_an_older_versions_dataset_is_his(exported: str, capsys: Capture) -> None:
    folder = Path(exported).parent / "out/toy"
    as_before_marks(folder)
    place = folder / "dataset/test" if (folder / "dataset/test").exists() else folder / "dataset"
    saved(place)
    refused(exported, str(place), capsys)
    (folder / "manifest.json").unlink()
    refused(exported, str(place), capsys)


@pytest.mark.parametrize("copy", [shutil.copy, shutil.copy2])
def test_a_copied_export_is_known(exported: str, copy: Change, caplog: pytest.LogCaptureFixture) -> None:
    """Copies have other times, or times of another resolution; the pieces are no second names any more."""
    home = Path(exported).parent
    (home / "out").rename(home / "before")
    shutil.copytree(home / "before", home / "out", copy_function=copy)
    assert main(["export", exported]) == 0
    assert not caplog.text
    assert digests_of(home / "out/toy/dataset") == digests_of(home / "before/toy/dataset")


@pytest.mark.parametrize("size", [0, 40])
def test_marks_that_a_power_loss_cut(exported: str, size: int) -> None:
    folder = Path(exported).parent / "out/toy"
    for name in (".exported.json", "manifest.json"):
        os.truncate(folder / name, size)
    assert main(["plan", exported]) == 0 and main(["export", exported]) == 0


def test_what_came_during_a_run_stops_its_export(tmp_path: Path) -> None:
    """It lay there only after the check at the start."""
    from voxsmith.pipeline.errors import RecipeError

    state = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(state)
    write(tmp_path / "out/toy/dataset/thesis.txt")
    with pytest.raises(RecipeError, match=r"thesis\.txt"):
        export_state(state)
    assert (tmp_path / "out/toy/dataset/thesis.txt").read_text() == "mine"
