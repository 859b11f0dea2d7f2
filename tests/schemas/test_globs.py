"""Braces in paths, as a shell takes them."""

import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from voxsmith.schemas.globs import expanded, files, has_pattern
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import SPEECH, folder_of_clips


@pytest.mark.parametrize(
    "path",
    [
        "a-{000..012}.tar", "a-{9..11}.tar", "a-{11..9}.tar", "a-{08..11}.tar", "{train,dev}/x-{0..1}.tar", "a.tar", "{a}.tar",
        "a-{x,y{0..2}}.tar", "{}.tar", "a-{0..}.tar", "a-{0..0}.tar", "a-{-2..2}.tar", "{a,}b.tar", "a-{00..1}.tar", "a{b.tar",
    ],
)  # fmt: skip
def test_names_are_bashs(path: str) -> None:
    said = subprocess.run(["bash", "-c", f"printf '%s\\n' {path}"], capture_output=True, text=True, check=True)
    assert expanded(path) == said.stdout.split()
    assert has_pattern(path) == (said.stdout.split() != [path])


@pytest.mark.parametrize("path", ["{0..99999999}.tar", "{0..999}{0..999}.tar", "{0..9}" * 16, "{,}" * 1300, "{" * 4000])
def test_braces_of_too_many_names(path: str) -> None:
    with pytest.raises(ValueError, match="braces"):
        expanded(path)
    with pytest.raises(ValidationError):
        Source.model_validate({"layout": "webdataset", "path": f"s3://bucket/{path}", "licence": "x"})


def test_files_by_braces_and_by_names_with_braces(tmp_path: Path) -> None:
    for name in ("a-0.tar", "a-1.tar", "{b,c}.tar", "b.tar"):
        (tmp_path / name).touch()
    assert [file.name for file in files(str(tmp_path / "a-{0..1}.tar"))] == ["a-0.tar", "a-1.tar"]
    assert [file.name for file in files(str(tmp_path / "{a-*,b}.tar"))] == ["a-0.tar", "a-1.tar", "b.tar"]
    assert [file.name for file in files(str(tmp_path / "{b,c}.tar"))] == ["{b,c}.tar"]
    source = {"layout": "webdataset", "path": str(tmp_path / "a-{0..3}.tar"), "licence": "x"}
    with pytest.raises(
        ValidationError, match=r"2 of the files that '.*a-{0..3}.tar' names aren't there; the first: .*/a-2.tar"
    ):
        Source.model_validate(source)


def test_clips_lie_in_the_folder_before_the_first_braces(tmp_path: Path) -> None:
    layout = SPEECH["manifest"]
    assert folder_of_clips(layout, "s3://bucket/x/{a,b}/m.jsonl", None) == "s3://bucket/x"
    assert folder_of_clips(layout, "s3://bucket/x/m-{0..9}.jsonl", None) == "s3://bucket/x"
    assert folder_of_clips(layout, f"{tmp_path}/{{a,b}}/m.jsonl", None) == str(tmp_path)
    with pytest.raises(ValidationError, match=r"what a URL's \* stands for isn't looked up"):
        Source.model_validate({"layout": "webdataset", "path": "s3://bucket/*.tar", "licence": "x"})
