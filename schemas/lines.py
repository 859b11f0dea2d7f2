"""Lines of a text file, none of them larger than memory allows: a larger one is passed over, and named by its content."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TextIO

LARGEST = 1 << 26  # bytes in UTF-8: a line that is larger is no row
MOST_VALUES = 1 << 21  # of JSON in such a line: each takes up to 70 bytes
_HEAD, _PIECE = 200, 1 << 20  # characters


class TooLarge(NamedTuple):
    """A text that was not kept. `head`: how it starts; `size` in bytes; `digest`: of all of it, in hex."""

    head: str
    size: int
    digest: str

    @property
    def name(self) -> str:
        """What stands for it where a text is named by its content."""
        return f"{self.head} … {self.size} bytes, {self.digest}"


class Digest:
    """The content of a text that comes in pieces, in as much memory as one piece takes."""

    def __init__(self) -> None:
        self._head, self._size, self._hash = "", 0, blake2b(digest_size=16)

    def add(self, text: str, start: int = 0, end: int | None = None) -> None:
        """The next piece: text[start:end]."""
        end = len(text) if end is None else end
        self._head += text[start : min(end, start + _HEAD - len(self._head))] if len(self._head) < _HEAD else ""
        for at in range(start, end, _PIECE):
            data = text[at : min(end, at + _PIECE)].encode("utf-8", "surrogatepass")
            self._size += len(data)
            self._hash.update(data)

    @property
    def text(self) -> TooLarge:
        return TooLarge(self._head, self._size, self._hash.hexdigest())


def size(text: str, start: int = 0, end: int | None = None) -> int:
    """Bytes of text[start:end] in UTF-8."""
    end = len(text) if end is None else end
    if text.isascii():
        return end - start
    pieces = (text[at : min(end, at + _PIECE)] for at in range(start, end, _PIECE))
    return sum(len(piece.encode("utf-8", "surrogatepass")) for piece in pieces)


def crowded(text: str, start: int = 0) -> bool:
    """Whether text[start:], as JSON, has so many values that they would take much more memory than it does."""
    return len(text) - start > MOST_VALUES and sum(text.count(sign, start) for sign in ",[{") > MOST_VALUES


def lines(stream: TextIO) -> Iterator[str | TooLarge]:
    """The stream's lines, with their ends."""
    while line := rest_of_line(stream):
        yield line


def rest_of_line(stream: TextIO, start: str = "") -> str | TooLarge:
    """The line that began with `start`, which the stream gave before; "" at the stream's end."""
    pieces = [start, stream.readline(_PIECE)]
    total = 0
    while len(pieces[-1]) == _PIECE and not pieces[-1].endswith("\n"):
        total += size(pieces[-1])
        if total > LARGEST:
            return _passed_over(stream, pieces)
        pieces.append(stream.readline(_PIECE))
    return "".join(pieces)


def _passed_over(stream: TextIO, pieces: list[str]) -> TooLarge:
    digest = Digest()
    for piece in pieces:
        digest.add(piece)
    while piece := stream.readline(_PIECE):
        digest.add(piece, 0, len(piece) - piece.endswith("\n"))
        if piece.endswith("\n"):
            break
    return digest.text


def by_hand(file: Path) -> Iterator[tuple[int, str | TooLarge]]:
    """The lines of a file that a person wrote, by number, for `checked`."""
    with open(file, encoding="utf-8", errors="surrogateescape") as stream:
        yield from enumerate(lines(stream), 1)


def checked(line: str | TooLarge) -> str:
    """The line, stripped. Raises ValueError where it is too large for memory, or isn't UTF-8."""
    if isinstance(line, TooLarge):
        raise ValueError(f"{line.size} bytes; a line has {LARGEST} at most")
    if crowded(line):
        raise ValueError(f"more than {MOST_VALUES} values")
    try:
        line.encode()
    except UnicodeEncodeError:
        raise ValueError("not UTF-8") from None
    return line.strip().removeprefix("\ufeff")


def shortened(text: str) -> str:
    """The text where it is short, else what stands for it: how it starts, its size and a digest of all of it."""
    if len(text) <= _PIECE:
        return text
    digest = Digest()
    digest.add(text)
    return digest.text.name
