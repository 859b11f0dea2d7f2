"""The one way to print. What comes from rows, files and servers gives a terminal no orders; an output that nobody reads, or
that is full, breaks off no work.

`standard_streams` puts both promises in front of stdout and stderr while a command runs, for all that prints: our own
lines, logging, argparse, other libraries' progress bars. `console` is the same for tables, whose colours and moves of the
cursor are rich's own. `json_text` is for programs: what would be escaped is escaped as JSON does.
"""

import errno
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

# Letters and marks that Python counts as printable, and that show nothing.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef]")
# How tqdm, on a terminal, draws a bar over the one before, and moves between several.
_BAR, _MOVE = re.compile(r"\r([^\r\n]*)(\r?)"), re.compile(r"(?:\n|\x1b\[A)+")


def _shows(sign: str) -> bool:
    return (sign.isprintable() and not _INVISIBLE.match(sign)) or unicodedata.category(sign) == "Zs"


def _is_plain(text: str) -> bool:
    """Whether every sign of it shows; fast, because nearly every text is."""
    return text.replace("\n", "").replace("\t", "").isprintable() and not _INVISIBLE.search(text)


def printable(text: str) -> str:
    """The text with all that a terminal would obey or hide (control characters, marks that turn the direction of writing or
    have no width) shown as Python writes it. Line ends and tabs stay.
    """
    if _is_plain(text):
        return text
    return "".join(sign if sign in "\n\t" or _shows(sign) else ascii(sign)[1:-1] for sign in text)


def one_line(text: str) -> str:
    """The text as a part of a line: as `printable` shows it, its line ends shown, too."""
    return printable(text).replace("\n", "\\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON in plain letters, which `printable` leaves as it is. What is no JSON value becomes its text."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    if _is_plain(text):
        return text
    return "".join(sign if sign == "\n" or _shows(sign) else json.dumps(sign)[1:-1] for sign in text)


class _Stream(io.TextIOBase):
    """A stream that goes on when what is below it can't be written to any more. `lost`: why."""

    def __init__(self, below: TextIO, lost: OSError | None = None) -> None:
        self.below, self.lost = below, lost

    def write(self, text: str) -> int:
        if self.lost is None:
            self._try(lambda: self.below.write(text))
        return len(text)

    def flush(self) -> None:
        if self.lost is None:
            self._try(self.below.flush)

    def _try(self, call: Any) -> None:
        try:
            call()
        except OSError as error:
            self.lost = error
        except ValueError:  # it was closed
            self.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))

    def isatty(self) -> bool:
        return self.lost is None and self.below.isatty()

    def fileno(self) -> int:
        return self.below.fileno()

    def writable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)

    encoding = property(lambda self: self.below.encoding)
    errors = property(lambda self: self.below.errors)


class _PlainStream(_Stream):
    """Shows all that is written to it as `printable` does. Rich writes to `sturdy` itself, with orders of its own."""

    def __init__(self, sturdy: _Stream) -> None:
        super().__init__(cast(TextIO, sturdy))
        self.sturdy = sturdy

    def write(self, text: str) -> int:
        self.below.write(_bar(text) if text[:1] in "\r\n\x1b" and self.isatty() else printable(text))
        return len(text)


def _bar(text: str) -> str:
    if bar := _BAR.fullmatch(text):
        return f"\r{printable(bar[1])}{bar[2]}"
    return text if _MOVE.fullmatch(text) else printable(text)


def make_streams_plain() -> tuple[_Stream, _Stream]:
    """Put such streams in the places of stdout and stderr; returns those behind them."""
    out, err = sturdy(sys.stdout), sturdy(sys.stderr)
    sys.stdout, sys.stderr = cast(TextIO, _PlainStream(out)), cast(TextIO, _PlainStream(err))
    return out, err


class Output:
    """stdout and stderr of a command."""

    def __init__(self) -> None:
        self._out, self._err = make_streams_plain()

    def settle(self, code: int, is_result: bool) -> int:
        """The exit code of a command that ends with `code`. Where what it printed is its result, as a listing is, and did
        not all arrive, it has failed; a reader who has left, as `head` does, had enough.
        """
        sys.stdout.flush()
        if (lost := self._out.lost) is not None and lost.errno != errno.EPIPE:
            print(f"voxsmith: standard output: {lost.strerror}; not all was shown", file=sys.stderr)
            code = code or (1 if is_result else 0)
        sys.stderr.flush()
        for stream in (self._out, self._err):
            if stream.lost is not None:
                _to_nowhere(stream.below)
        return code


@contextmanager
def standard_streams() -> Iterator[Output]:
    """Makes stdout and stderr such streams. After an error that nobody expected they stay so: it is yet to be shown."""
    for number in range(3):  # a file that is opened next would get the number of a stream that is closed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a character gets its number
        sys.stdout.reconfigure(errors="backslashreplace")
    os.environ.setdefault("RAY_COLOR_PREFIX", "0")  # it would colour the names of workers by orders to the terminal
    output = Output()
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # a bar that is never drawn over is a line for each step
    try:
        yield output
    except SystemExit:
        sys.stdout, sys.stderr = before
        raise
    sys.stdout, sys.stderr = before


def is_read() -> bool:
    """Whether what is printed to stdout still arrives anywhere."""
    return not (isinstance(sys.stdout, _PlainStream) and sys.stdout.sturdy.lost)


def console(stderr: bool = False, width: int | None = None) -> "Console":
    """A rich console. Texts are shown as `printable` does, and are never taken for markup or emoji."""
    from rich.console import Console
    from rich.text import Text

    class Plain(Console):
        def render_str(self, text: str, **more: Any) -> Text:
            return super().render_str(printable(text), **more)

        def print(self, *objects: Any, **more: Any) -> None:
            super().print(*(_plain(one) if isinstance(one, Text) else one for one in objects), **more)

    def _plain(text: Text) -> Text:
        shown = printable(text.plain)
        return text if shown == text.plain else Text(shown)

    file = cast(TextIO, sturdy(sys.stderr if stderr else sys.stdout))
    return Plain(file=file, stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def sturdy(stream: Any) -> _Stream:
    """stdout or stderr as a stream that goes on; `None`, as Python has it where the stream is closed, as well."""
    if isinstance(stream, _PlainStream):
        return stream.sturdy
    if stream is None:
        return _Stream(open(os.devnull, "w", encoding="utf-8"), OSError(errno.EBADF, "it is closed"))
    return _Stream(stream)


def _to_nowhere(stream: TextIO) -> None:
    """Python tries once more when it ends, and complains."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
