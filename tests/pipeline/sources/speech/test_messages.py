"""What a source says of a recipe that is wrong: one line, before a row is made, which says what to write."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.helpers.corpora import ASR, CLIPS, manifest, reasons, rows
from tests.helpers.hub_server import Fault, HubServer, Repo
from tests.pipeline.sources.speech.test_containers import tar_of
from voxsmith.models.search_path import child_environment
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources import read_source
from voxsmith.pipeline.sources.dataset.tables import table_rows
from voxsmith.pipeline.sources.speech import audio_dataset
from voxsmith.schemas.source import Source

CLIP = {"bytes": b"x", "path": None}
SETTINGS = {"layout": "audio_dataset", "licence": "CC BY 4.0"}


def records(clip: str, text: str, more: int = 0) -> list[dict[str, Any]]:
    some = [{clip: one["path"], text: one["text"], "who": one["speaker"]} for one in CLIPS[:3]]
    return some + some[:1] * more


def message(layout: str, path: Path, **settings: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        rows(layout, path, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("layout", "fields", "columns", "advice"),
    [
        ("manifest", ("path", "words"), {}, "'normalized_text' with the transcript, but path, words, who; "
         "name the field: columns: {source_transcript: words}; where nobody wrote down what is said, write transcripts: false"),
        ("manifest", ("audio", "text"), {}, "'path' with the clip's file, but audio, text, who; "
         "name the field: columns: {clip: audio}"),
        ("nemo", ("audio_filepath", "said"), {}, "columns: {source_transcript: said}"),
        ("nemo", ("path", "text"), {}, "columns: {clip: path}"),
        ("manifest", ("path", "words"), {"source_transcript": "word"},
         "'columns' says source_transcript: word, and no record has a field 'word'; did you mean 'words'?"),
        ("manifest", ("path", "text"), {"speaker": "whom"}, "no record has a field 'whom'; did you mean 'who'?"),
    ],
)  # fmt: skip
def test_fields_that_no_record_has(
    tmp_path: Path, layout: str, fields: tuple[str, str], columns: dict[str, str], advice: str
) -> None:
    file = manifest(tmp_path / "m.jsonl", ["no json", *records(*fields)])
    said = message(layout, file, clips=str(ASR), columns=columns)
    assert said.startswith("sources.speech: ") and advice in said


def test_fields_that_some_records_have(tmp_path: Path) -> None:
    """A record without a transcript is a reject where others have one, in whichever file of the source."""
    manifest(tmp_path / "a.jsonl", records("path", "note"))
    manifest(tmp_path / "b.jsonl", records("path", "text"))
    some = rows("manifest", tmp_path / "*.jsonl", clips=str(ASR))
    assert reasons(some) == ["empty_transcript"] * 3 + [None] * 3
    some = rows("manifest", tmp_path / "a.jsonl", clips=str(ASR), transcripts=False)
    assert reasons(some) == [None] * 3
    some = rows("manifest", tmp_path / "a.jsonl", clips=str(ASR), columns={"answer_text": "note"})
    assert reasons(some) == [None] * 3
    assert rows("manifest", manifest(tmp_path / "c.jsonl", [])) == []


def test_one_file_after_a_thousand_records_is_too_late(tmp_path: Path) -> None:
    manifest(tmp_path / "m.jsonl", records("path", "words", 1000) + records("path", "text"))
    assert "columns: {source_transcript: words}" in message("manifest", tmp_path / "m.jsonl", clips=str(ASR))


def test_tars_without_a_text(tmp_path: Path) -> None:
    record = json.dumps({"words": "so she said", "n": 3}).encode()
    tar = tar_of(tmp_path / "a.tar", {"0.flac": b"x", "0.json": record})
    said = message("webdataset", tar)
    assert (
        "but words, n, .flac, .json; name the field: columns: {source_transcript: words}, or put it into KEY.txt"
        in said
    )
    assert "no record has a field 'word'; did you mean 'words'?" in message(
        "webdataset", tar, columns={"source_transcript": "word"}
    )
    tar_of(tmp_path / "b.tar", {"0.flac": b"x", "0.lab": b"so she said"})
    assert "but .flac, .lab; name the field" in message("webdataset", tmp_path / "b.tar")


# -- datasets ---------------------------------------------------------------------------------------------------------


def refused(**settings: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Source.model_validate(SETTINGS | settings)
    (error,) = caught.value.errors()
    return str(error["msg"])


def parquet(**columns: Any) -> bytes:
    file = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), file)
    return bytes(file.getvalue().to_pybytes())


def test_datasets_that_are_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    file = tmp_path / "recordings" / "train.parquet"
    file.write_bytes(b"")
    assert "no such folder: /nope/nope" in refused(dataset="/nope/nope")
    assert "no such folder: ./recording; did you mean 'recordings'?" in refused(dataset="./recording")
    assert f"no such folder: a/b/c; looked in {tmp_path}" in refused(dataset="a/b/c")
    assert "is no folder; name the one that the dataset's files lie in" in refused(dataset=str(file))
    assert "is no folder; name the one" in refused(dataset=str(tmp_path / "recordings" / "*.parquet"))
    assert "write the dataset's name: user/set" in refused(dataset="https://huggingface.co/datasets/user/set/tree/main")
    assert "'s3://a/b' is a URL" in refused(dataset="s3://a/b")
    for path in ("user/set", str(file), str(tmp_path)):
        assert (
            "reads a Hugging Face dataset with an Audio column, a name on the Hub or a folder; write 'dataset'"
            in refused(path=path)
        )


_SAY = """
import json, sys
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.dataset.reader import dataset_records
from voxsmith.schemas.source import Source
said = {}
for name, settings in json.load(sys.stdin).items():
    try:
        list(dataset_records("speech", Source.model_validate(settings), ("text",)))
    except (RecipeError, RunFailed) as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each dataset, by layout and name: from a folder, and by the Hub's own client from a server on loopback.

    In one process: the library takes seconds to import.
    """
    folder = tmp_path_factory.mktemp("datasets")
    (folder / "none").mkdir()
    (folder / "set").mkdir()
    (folder / "set" / "train.parquet").write_bytes(parquet(audio=[CLIP], text=["so she said"]))
    (folder / "clips").mkdir()
    (folder / "clips" / "a.flac").write_bytes((ASR / CLIPS[0]["path"]).read_bytes())
    head = "---\nconfigs:\n" + "".join(
        f"- config_name: {name}\n  data_files:\n  - split: train\n    path: {name}/train-*\n"
        for name in ("clean", "other")
    )
    good = parquet(audio=[CLIP], text=["a"])
    files = {"README.md": f"{head}---\n".encode(), "clean/train-0.parquet": good, "other/train-0.parquet": good}
    cases: dict[str, dict[str, Any]] = {
        "none": {"dataset": str(folder / "none")},
        "folder, split": {"dataset": str(folder / "set"), "split": "dev"},
        "folder, config": {"dataset": str(folder / "set"), "config": "clean"},
        "configs": {"dataset": "user/set"},
        "config": {"dataset": "user/set", "config": "cleann"},
        "split": {"dataset": "user/set", "config": "clean", "split": "dev"},
        "gone": {"dataset": "user/none"},
        "gated": {"dataset": "user/gated"},
        "private": {"dataset": "user/private"},
        "away": {"dataset": "user/away"},
        "no revision": {"dataset": "user/norevision", "revision": "v9"},
    }
    text = {"layout": "columns", "columns": {"instruction": "text"}, "licence": "CC0-1.0"}
    asked = {f"text, {name}": text | case for name, case in cases.items()}
    asked |= {name: SETTINGS | case for name, case in cases.items()}
    asked |= {"no clips": SETTINGS | {"dataset": "user/text"}, "clips": SETTINGS | {"dataset": str(folder / "clips")}}
    with HubServer() as hub:
        hub.repos |= {
            "user/set": Repo(files=files),
            "user/text": Repo(files={"train-0.parquet": parquet(text=["a"])}),
            "user/gated": Repo(closed=Fault(403, {"X-Error-Code": "GatedRepo"})),
            "user/private": Repo(closed=Fault(401, {"X-Error-Code": "RepoNotFound"})),
            "user/norevision": Repo(closed=Fault(404, {"X-Error-Code": "RevisionNotFound"})),
            "user/away": Repo(closed=Fault(520)),  # which the client doesn't try again
        }
        env = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder)}
        done = subprocess.run(
            [sys.executable, "-c", _SAY], input=json.dumps(asked), capture_output=True, text=True, cwd=folder,
            env=os.environ | child_environment() | env,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines: dict[str, str] = json.loads(done.stdout)
    assert not any("\n" in line for line in lines.values()) and lines.keys() == asked.keys()
    return lines


@pytest.mark.parametrize("of", ["", "text, "])
@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("none", "RecipeError: sources.speech: dataset '{folder}/none': the folder holds no file of data"),
        ("folder, split", "no split 'dev'; there is train"),
        ("folder, config", "no configuration 'clean'; there is default"),
        ("configs", "RecipeError: sources.speech: dataset 'user/set': has more than one configuration; "
         "name one as 'config': clean, other"),
        ("config", "dataset 'user/set': no configuration 'cleann'; did you mean 'clean'?"),
        ("split", "dataset 'user/set': no split 'dev'; there is train"),
        ("gone", "RecipeError: sources.speech: dataset 'user/none': there is no such folder in {folder}, and no such "
         "dataset on the Hub, or it is private or gated: then log in with `hf auth login`, or put a token into HF_TOKEN"),
        ("private", "RecipeError: sources.speech: dataset 'user/private': there is no such folder in {folder}, and no such "
         "dataset on the Hub, or it is private or gated: then log in"),
        ("gated", "RecipeError: sources.speech: dataset 'user/gated': it is gated: accept its terms at "
         "https://huggingface.co/datasets/user/gated, and log in"),
        ("no revision", "it has no revision 'v9'; name a commit, tag or branch of it"),
        ("away", "RunFailed: "),
        ("away", "the same command tries again"),
    ],
)  # fmt: skip
def test_datasets_that_are_not_there(said: dict[str, str], of: str, case: str, line: str) -> None:
    folder = said["none"].partition("'")[2].partition("/none'")[0]
    assert line.format(folder=folder) in said[of + case]


def test_datasets_without_clips(said: dict[str, str]) -> None:
    assert "train-0.parquet has no column of clips (bytes and path), but text" in said["no clips"]
    assert "a.flac is neither Parquet nor Arrow; write the dataset as Parquet (to_parquet), or list" in said["clips"]


def test_a_dataset_whose_transcripts_have_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.parquet").write_bytes(parquet(audio=[CLIP], words=["so she said"]))
    source = Source.model_validate(SETTINGS | {"dataset": str(tmp_path)})
    monkeypatch.setattr(audio_dataset, "dataset_rows", lambda *_: (row for row in table_rows("here", source)))
    with pytest.raises(
        RecipeError, match=r"transcript, but words; name the field: columns: {source_transcript: words}"
    ):
        list(read_source("speech", source))


@pytest.mark.parametrize("layout", ["manifest", "nemo"])
def test_manifests_are_json(tmp_path: Path, layout: str) -> None:
    """What other layouts read in other forms would be a reject a line here."""
    for name in ("a.csv", "a.tsv.gz", "a.parquet"):
        (tmp_path / name).write_bytes(b"path,text\n")
        assert "name a file that ends in .json, .jsonl, .json.gz, .jsonl.gz" in refused(
            layout=layout, path=str(tmp_path / name)
        )
    assert f"is a folder; name its files, {tmp_path}/*.jsonl say" in refused(layout=layout, path=str(tmp_path))
