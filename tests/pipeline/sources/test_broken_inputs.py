"""Input files with something wrong, through the whole command line: rows in = rows out + rejects, each with a reason."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import psutil
import pytest

from tests.helpers.recipes import run_cli, start_cli, write_recipe

GOOD = [f"How can I keep {thing} fresh for longer?" for thing in ("bread", "milk", "basil", "fish")]
LONG = 50 * 10**6  # bytes of the longest line
MEMORY = 800 * 2**20  # bytes that the driver, or one actor, may take at most


def lines(*texts: str, **fields: Any) -> bytes:
    return b"".join(json.dumps({"q": text, **fields}).encode() + b"\n" for text in texts)


class Case(NamedTuple):
    """A source's file; how many rows come out of it, and why the others don't."""

    file: bytes
    out: int
    rejects: dict[str, int]


CASES = {
    "utf8": Case(lines(*GOOD[:2]) + b'{"q": "What is a caf\xe9?"}\n' + lines(*GOOD[2:]), 4, {"bad_text": 1}),
    "nul": Case(
        lines(*GOOD[:2]) + b'{"q": "What is a\x00 cat?"}\n' + lines("What is a\0 dog?"),
        2,
        {"bad_line": 1, "bad_text": 1},
    ),
    "bom": Case(b"\xef\xbb\xbf" + lines(*GOOD), 4, {}),
    "crlf": Case(lines(*GOOD).replace(b"\n", b"\r\n"), 4, {}),
    "half": Case(lines(*GOOD)[:-10], 3, {"bad_line": 1}),
    "long": Case(lines(GOOD[0]) + lines("a" * LONG) + lines(GOOD[1]), 2, {"too_long": 1}),
    "long_junk": Case(lines(GOOD[0]) + b'{"q": "' + b"\xff<" * (LONG // 2) + b"\n", 1, {"bad_line": 1}),
    "ids": Case(
        lines(GOOD[0], id="a") + lines(GOOD[1], id="b") + lines(GOOD[2], id="a") + lines(GOOD[3], id="c"),
        3,
        {"split_conversation": 1},
    ),
    "none": Case(b"", 0, {}),
    "blank": Case(b"\n \r\n\n", 0, {}),
}


class Ran(NamedTuple):
    folder: Path
    counts: dict[str, int]
    peak: int  # bytes, of the largest process


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run over all of them, each a source of its own."""
    folder = tmp_path_factory.mktemp("broken")
    sources = {}
    for name, case in CASES.items():
        (folder / f"{name}.jsonl").write_bytes(case.file)
        columns = {"instruction": "q"} | ({"conversation_id": "id"} if name == "ids" else {})
        source = {"path": str(folder / f"{name}.jsonl"), "layout": "columns", "columns": columns, "licence": "MIT"}
        sources[name] = source
    path = write_recipe(
        folder,
        [],
        sources=sources,
        engines={"llm": {"backend": "llm_null"}},
        stages={
            "rewrite": {"engine": "llm", "prompt": "configs/prompts/rewrite.jinja"},
            "respond": {"engine": "llm", "prompt": "configs/prompts/respond.jinja", "attempts": 8},
        },
        checks={"answer_text": {"min_on_topic": 0}},
    )
    process = start_cli("run", path)
    peak = largest_until_the_end(process)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return Ran(folder, json.loads((folder / "out/toy/manifest.json").read_text())["counts"], peak)


def largest_until_the_end(process: "subprocess.Popen[str]") -> int:
    """Peak bytes of the largest among the process and what it starts, Ray's actors too."""
    peak = 0
    while process.poll() is None:
        try:
            mine = psutil.Process(process.pid)
            for one in [mine, *mine.children(recursive=True)]:
                peak = max(peak, one.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.05)
    return peak


@pytest.mark.parametrize("name", CASES)
def test_a_file_with_something_wrong(ran: Ran, name: str) -> None:
    case = CASES[name]
    out = [row for row in datasets.load_from_disk(str(ran.folder / "out/toy/dataset")) if row["source"] == name]
    rejects = [row for row in datasets.load_from_disk(str(ran.folder / "out/toy/rejects")) if row["source"] == name]
    reasons = [row["reason"] for row in rejects]
    assert {reason: reasons.count(reason) for reason in reasons} == case.rejects, rejects
    assert len(out) == case.out
    assert all(len(row["text"]) <= 10_000 for row in rejects)


def test_what_all_of_them_come_to(ran: Ran) -> None:
    out, rejects = sum(case.out for case in CASES.values()), sum(sum(case.rejects.values()) for case in CASES.values())
    assert ran.counts == {"rows_in": out + rejects, "rows_out": out, "rejects": rejects, "pending": 0}


def test_a_line_of_50_megabytes_takes_bounded_memory(ran: Ran) -> None:
    assert ran.peak < MEMORY, f"{ran.peak / 2**20:.0f} MB"


@pytest.mark.parametrize("name", ["none", "blank"])
def test_no_row_at_all_is_one_line(tmp_path: Path, name: str) -> None:
    path = write_recipe(tmp_path, [])
    (tmp_path / "toy.jsonl").write_bytes(CASES[name].file)
    code, output = run_cli("run", path)
    start = f"voxsmith: {path}: the sources give nothing to work on: they have no row; sources.rows has no row: in "
    assert code == 1 and output.startswith(start) and output.count("\n") == 1
