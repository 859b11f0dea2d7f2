"""Files that appear whole or not at all, on a real disk."""

from pathlib import Path

import pytest

from voxsmith.pipeline.store.files import appearing, write_text


def test_a_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    path.write_text("old")
    with appearing(path) as fresh:
        fresh.write_text("half")
        assert path.read_text() == "old"
        fresh.write_text("whole")
    assert [file.name for file in tmp_path.iterdir()] == ["note.json"]
    assert path.read_text() == "whole"


@pytest.mark.parametrize("error", [OSError("no room"), KeyboardInterrupt()])
def test_what_breaks_off_leaves_the_old_file_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "note.json"
    path.write_text("old")
    with pytest.raises(type(error)), appearing(path) as fresh:
        fresh.write_text("half")
        raise error
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_text_is_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", "größer …")
    assert (tmp_path / "page.html").read_bytes() == b"gr\xc3\xb6\xc3\x9fer \xe2\x80\xa6"
