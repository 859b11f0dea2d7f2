"""Inputs that are larger than memory, or claim to be: bounded while they are read, a reject with a reason, and no good row
is lost behind them.
"""

import bz2
import gzip
import json
import lzma
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.peak import measured
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources import read_source
from voxsmith.pipeline.sources.shards import cut
from voxsmith.schemas.source import Source

MEMORY = 600 * 2**20  # bytes that reading may take: about a tenth of that is Python with our code
MIB = 1 << 20
FIRST, LAST = (f"How can I keep {thing} fresh for longer?" for thing in ("bread", "milk"))
READ = """
import sys
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources import read_source, rows_to_table
from voxsmith.schemas.source import Source
entry = {"layout": "columns", "columns": {"instruction": "q"}, "licence": "CC0-1.0"}
source = Source.model_validate({sys.argv[1]: sys.argv[2], **entry})
try:
    for shard in read_source("here", source):
        rows_to_table(shard, ())
        for row in shard:
            print([row["id"], (row["instruction"] or "")[:100], row["reject"] and [row["reject"][0], row["reject"][1][:300]]])
except (RecipeError, RunFailed) as error:
    print([type(error).__name__, str(error)])
"""


def lines(*middle: bytes) -> Iterator[bytes]:
    """A good row, what is given, and a good row."""
    yield json.dumps({"q": FIRST}).encode() + b"\n"
    yield from middle
    yield b"\n" + json.dumps({"q": LAST}).encode() + b"\n"


def elements(*middle: bytes) -> Iterator[bytes]:
    yield b"[" + json.dumps({"q": FIRST}).encode() + b",\n"
    yield from middle
    yield b",\n" + json.dumps({"q": LAST}).encode() + b"]"


def many(piece: bytes, size: int) -> Iterator[bytes]:
    """The piece again and again, `size` bytes of it."""
    block = piece * (MIB // len(piece))
    yield from (block for _ in range(size // len(block)))


BIG = 96 * MIB
TOO_LARGE, UNREADABLE = "a record has 67108864 bytes at most, and this one ", "not JSON that can be read: "
CASES: dict[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "line.jsonl.gz": (lambda: lines(b'{"q": "', *many(b"a", BIG), b'"}'), f"{TOO_LARGE}{BIG + 9}"),
    "zeros.jsonl": (lambda: lines(*many(b"\0", BIG)), f"{TOO_LARGE}{BIG}"),
    "no_utf8.jsonl": (lambda: lines(*many(b"\xff", BIG)), f"{TOO_LARGE}{3 * BIG}"),
    "wide.jsonl": (lambda: lines(b'{"q": "', *many("😀".encode(), BIG), b'"}'), f"{TOO_LARGE}{BIG + 9}"),
    "element.json.gz": (lambda: elements(b'{"q": "', *many(b"a ", BIG), b'"}'), f"{TOO_LARGE}{BIG + 9}"),
    "escapes.json": (lambda: elements(b'{"q": ["}', *many(b'\\"]', 90 * MIB), b'"]}'), TOO_LARGE),
    "wide.json": (lambda: elements(b'{"q": "', *many("😀".encode(), BIG), b'"}'), f"{TOO_LARGE}{BIG + 9}"),
    "number.json": (lambda: elements(*many(b"1", BIG)), UNREADABLE),
    "digits.json": (lambda: elements(b'{"q": "x", "n": ' + b"1" * 5000 + b"}"), UNREADABLE),
    "digits.jsonl": (lambda: lines(b'{"q": "x", "n": ' + b"1" * 5000 + b"}"), UNREADABLE),
    "deep.json": (lambda: elements(b'{"q": "x", "n": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"), UNREADABLE),
    "deep.jsonl": (lambda: lines(b'{"q":' * 200_000 + b"1" + b"}" * 200_000), UNREADABLE),
    "values.json": (lambda: elements(b'{"q": [', *many(b"{},", 40 * MIB), b"1]}"), UNREADABLE),
    "values.jsonl": (lambda: lines(b'{"q": [', *many(b"{},", 40 * MIB), b"1]}"), UNREADABLE),
}


def write(file: Path, pieces: Iterable[bytes]) -> Path:
    with gzip.open(file, "wb", 1) if file.suffix == ".gz" else open(file, "wb") as stream:
        stream.writelines(pieces)
    return file


@pytest.mark.parametrize("name", CASES)
def test_what_is_too_large_is_a_reject_between_good_rows(tmp_path: Path, name: str) -> None:
    pieces, message = CASES[name]
    rows, peak = measured(READ, "path", str(write(tmp_path / name, pieces())))
    assert [row[1] for row in rows] == [FIRST, "", LAST]
    assert rows[1][2][0] == "bad_line" and rows[1][2][1].startswith(message), rows[1]
    assert peak < MEMORY, f"{peak / MIB:.0f} MB"


@pytest.mark.heavy
def test_a_line_of_two_gigabytes_in_nine_megabytes_of_gzip(tmp_path: Path) -> None:
    file = write(tmp_path / "line.jsonl.gz", lines(b'{"q": "', *many(b"a", 2048 * MIB), b'"}'))
    assert file.stat().st_size < 10 * MIB
    rows, peak = measured(READ, "path", str(file))
    assert [row[1] for row in rows] == [FIRST, "", LAST] and rows[1][2][1] == f"{TOO_LARGE}{2048 * MIB + 9}"
    assert peak < MEMORY, f"{peak / MIB:.0f} MB"


def test_many_large_rows_are_not_in_memory_together(tmp_path: Path) -> None:
    """Each is within what one row may take; a shard of 256 of them would take gigabytes."""
    row = b'{"q": "' + b"a" * (30 * MIB) + b'"}\n'
    rows, peak = measured(READ, "path", str(write(tmp_path / "rows.jsonl.gz", [row] * 20)))
    assert len(rows) == 20 and all(one[2] is None for one in rows)
    assert peak < MEMORY, f"{peak / MIB:.0f} MB"


def test_huge_rows_end_a_shard_and_others_do_not() -> None:
    def sizes(length: int) -> list[int]:
        rows = [[{"instruction": "a" * length, "conversation_id": str(n)}] for n in range(200)]
        return [len(shard) for shard in cut(rows, 200, 200, 800)]

    assert sizes(60_000) == [200]
    assert len(sizes(2 * MIB)) >= 200 * 2 * MIB / (1 << 26)


def test_a_name_says_all_of_a_reject_that_is_not_kept(tmp_path: Path) -> None:
    """Equal starts and ends of what is passed over don't make it the same; equal content does, wherever it stands."""

    def identifier(*pieces: bytes) -> str:
        rows, _ = measured(READ, "path", str(write(tmp_path / "rows.jsonl", pieces)))
        return str(next(row[0] for row in rows if row[2]))

    def junk(letter: bytes) -> list[bytes]:
        return [*many(b"<", 70 * MIB), letter, *many(b"<", MIB), b"\n"]

    assert identifier(*junk(b"a")) == identifier(*lines(*junk(b"a"))) != identifier(*junk(b"b"))


def test_names_and_messages_are_bounded(tmp_path: Path) -> None:
    entry = {"layout": "columns", "columns": {"instruction": "q", "conversation_id": "c", "turn": "t"}, "licence": "x"}
    records = [
        {"q": "x", "c": "a" * 2000, "t": 0},
        {"a" * MIB: 1, "c": "b", "t": 0},
        {"q": "x", "c": "c", "t": "y" * MIB},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    rows = [row for shard in read_source("s", Source.model_validate({"path": str(file), **entry})) for row in shard]
    assert [row["reject"][0] for row in rows] == ["long_id", "missing_field", "missing_field"]
    assert all(len(row["reject"][1]) < 1100 and len(row["id"]) < 100 for row in rows)


def test_a_conversation_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of one conversation are in memory together, so there is a most of them; what is beyond is rejected."""
    monkeypatch.setattr("voxsmith.pipeline.sources.record.row._CONVERSATION", 10_000)
    entry = {"layout": "columns", "columns": {"instruction": "q", "conversation_id": "c"}, "licence": "x"}
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"q": f"Number {n}?", "c": "same"}) + "\n" for n in range(40)))
    rows = [row for shard in read_source("s", Source.model_validate({"path": str(file), **entry})) for row in shard]
    kept = [row for row in rows if row["reject"] is None]
    assert len(rows) == 40 == len({row["id"] for row in rows}) and 5 <= len(kept) < 20
    assert {row["reject"][0] for row in rows if row["reject"]} == {"split_conversation"}
    assert all("too large" in row["reject"][1] for row in rows if row["reject"])


def test_a_dialogue_of_a_million_turns_is_a_reject(tmp_path: Path) -> None:
    dialogue = b'{"data": [' + b'"a","b",' * 950_000 + b'"a"]}'
    code = READ.replace('"columns", "columns": {"instruction": "q"}', '"ultrachat", "turns": "all"')
    file = write(tmp_path / "rows.jsonl", (dialogue, b'\n{"data": ["How?", "So."]}\n'))
    rows, peak = measured(code, "path", str(file))
    assert [row[2] and row[2][0] for row in rows] == ["bad_dialogue", None]
    assert "it has 950001 turns" in rows[0][2][1] and rows[1][1] == "How?"
    assert peak < MEMORY, f"{peak / MIB:.0f} MB"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"q": "one"}, {"q": [' + f'"{"a" * 100}",' * (MIB // 2 + MIB // 4) + "}, {}]", "broken JSON in record 2"),
        ('[{"q": "one"}, {"q": "' + "a" * 70 * MIB, "broken JSON in record 2: the list isn't closed"),
        ("[" * 3_000_000, "broken JSON in record 1: more than 1048576 lists in lists"),
    ],
    ids=["brackets", "open", "deep"],
)
def test_a_huge_element_that_is_broken_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(text)
    (row,), peak = measured(READ.replace("print([row[", "([row["), "path", str(file))
    assert row[0] == "RecipeError" and words in row[1] and "mend it" in row[1]
    assert peak < MEMORY, f"{peak / MIB:.0f} MB"


LESS = """
import voxsmith.pipeline.sources.dataset.process
voxsmith.pipeline.sources.dataset.process.MEMORY = 1 << 29
"""


@contextmanager
def packing(file: Path) -> Iterator[IO[bytes]]:
    """What is written is packed as the file's name says."""
    if file.suffix == ".zip":
        archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        with archive, archive.open(file.stem, "w", force_zip64=True) as stream:
            yield stream
        return
    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": partial(lzma.open, preset=0)}
    with openers[file.suffix](file, "wb") as stream:
        yield stream


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name",
    [f"train.{kind}" for kind in ("jsonl.gz", "jsonl.xz", "jsonl.bz2", "jsonl.zip", "csv.gz", "tsv.gz", "txt.gz")],
)
def test_an_archive_that_unpacks_to_more_than_memory_is_one_line(tmp_path: Path, name: str) -> None:
    """Read by the library of datasets, in a process that may take 4 GiB; here an eighth of that."""
    (tmp_path / "set").mkdir()
    with packing(tmp_path / "set" / name) as stream:
        stream.write(b"q\n" if "jsonl" not in name else b"")
        stream.writelines(many(b"a", 1500 * MIB))
    (row,), peak = measured(
        LESS + READ.replace('"q"', '"text"' if "txt" in name else '"q"'), "dataset", str(tmp_path / "set")
    )
    assert row[0] == "RecipeError" and f"sources.here: dataset '{tmp_path / 'set'}': " in row[1] and "\n" not in row[1]
    assert peak < 1 << 30, f"{peak / MIB:.0f} MB"


def table_of(length: int) -> pa.Table:
    return pa.table({"q": [FIRST, "a" * length, LAST]})


def as_saved(folder: Path) -> None:
    datasets.Dataset(table_of(100 * MIB)).save_to_disk(str(folder))


def as_parquet(folder: Path) -> None:
    folder.mkdir()
    pq.write_table(table_of(100 * MIB), folder / "train.parquet")


@pytest.mark.parametrize("make", [as_saved, as_parquet])
def test_a_huge_text_of_a_dataset_is_a_reject(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "set")
    rows, _ = measured(READ, "dataset", str(tmp_path / "set"))
    assert [row[1] for row in rows] == [FIRST, "", LAST]
    assert rows[1][2][1].startswith(TOO_LARGE)


def test_a_file_that_lies_about_itself_is_one_line(tmp_path: Path) -> None:
    as_parquet(folder := tmp_path / "set")
    file = folder / "train.parquet"
    whole = file.read_bytes()
    entry: dict[str, Any] = {
        "dataset": str(folder),
        "layout": "columns",
        "columns": {"instruction": "q"},
        "licence": "x",
    }
    for spoiled in (
        whole[: len(whole) // 2],
        whole[:-8] + b"\xff\xff\xff\x7f" + whole[-4:],
        whole[:-200] + b"\xff" * 192 + whole[-8:],
    ):
        file.write_bytes(spoiled)
        with pytest.raises(RecipeError) as caught:
            list(read_source("here", Source.model_validate(entry)))
        assert "sources.here: dataset" in str(caught.value) and "\n" not in str(caught.value)


OVERRIDES = """
import sys
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.overrides import read_overrides
try:
    read_overrides(sys.argv[1])
except RecipeError as error:
    print(error.lines)
"""


def test_huge_lines_of_overrides_are_named(tmp_path: Path) -> None:
    good = b'{"id": "a.0", "block": "private"}\n'
    middle = (
        (b'{"id": "b", "block": "', *many(b"a", BIG), b'"}\n'),
        (*many(b"\0", BIG), b"\n"),
        (b'{"id": "b", "block": [', *many(b"{},", 40 * MIB), b"1]}\n"),
        (b'{"id": "b", "block": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n",),
        (b'{"id": "b", "' + b"a" * MIB + b'": "x"}\n',),
        (b'{"id": "b", "block": ' + b"1" * 5000 + b"}\n",),
        (b'{"id": "b", "block": "\xff"}\n',),
    )
    file = write(tmp_path / "mine.jsonl", (piece for pieces in middle for piece in (good, *pieces)))
    (shown,), peak = measured(OVERRIDES, str(file))
    words = (f"{BIG + 24} bytes; a line has 67108864 at most", f"{BIG} bytes", "more than 2097152 values", "lists in lists",
             "'aaaa", "Exceeds the limit (4300 digits)", "not UTF-8")  # fmt: skip
    wrong = [line for line in shown if "is in line 1 already" not in line]
    assert [line.partition(": line ")[2].partition(": ")[0] for line in wrong] == [str(n) for n in range(2, 15, 2)]
    for line, said in zip(wrong, words, strict=True):
        assert said in line and len(line) < 1200 and "\n" not in line
    assert peak < MEMORY, f"{peak / MIB:.0f} MB"
