"""Lines of a corpus' text files."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from voxsmith.pipeline.sources.record.values import Unfit, identifier, text_of
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.utterance import Lost
from voxsmith.schemas.lines import LARGEST, TooLarge, lines


class Line(NamedTuple):
    place: str
    text: str


def lines_of(folder: Folder, path: str) -> Iterator[Line | Lost]:
    """The lines of a text of the tree that hold something, without their ends. Raises OSError."""
    name = folder.name_of(path)
    with folder.open(path) as stream:
        for number, line in enumerate(lines(stream), 1):
            place = f"{name}, line {number}"
            if isinstance(line, TooLarge):
                yield Lost(
                    place, "bad_line", f"a line has {LARGEST} bytes at most, and this one {line.size}", line.name
                )
            elif (text := line.rstrip("\r\n").strip(" ")) and not text.isspace():
                yield Line(place, text)


def values(given: Mapping[str, str | None]) -> dict[str, str | None]:
    """The texts, checked and stripped; None where empty. Raises Unfit (bad_text)."""
    return {name: text_of(dict(given), name) or None for name in given}


def name_of(text: str) -> str | None:
    """An utterance's id, checked. Raises Unfit (bad_text, long_id)."""
    return identifier({"id": text}, "id")


def lost(line: Line, unfit: Unfit, name: str | None = None) -> Lost:
    return Lost(line.place, unfit.reason, unfit.message, line.text, name)
