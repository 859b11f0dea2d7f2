"""The pages for people name only what exists, and stay readable."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from voxsmith.__main__ import TRAIN
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import parser

PAGES = sorted(
    [
        *ROOT.glob("docs/*.md"),
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        ROOT / "CHANGELOG.md",
    ]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(
    r"(?<![\w/.:<-])(?:\.\./)?((?:tests|docs|configs|benchmarks|examples)/[\w./*-]*\w"
    r"|(?:schemas|models|stages|pipeline)/[\w/]+\.py\b)"
)
TEST = re.compile(r"`((?:\w+/)*test_\w+\.py)`(?: (\w+))?")
TESTS_IN = ("", "tests", "tests/pipeline", "tests/stages/engines")  # where a page's short paths of tests begin
API = re.compile(r"\bapi\.([a-zA-Z]\w*)")
VERB = re.compile(r"(?<!install )(?:voxsmith|python -m voxsmith) ([a-z][a-z-]*)")
PROSE = 120  # characters of a line


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that are neither code nor tables."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith(("    ", "|")):
            yield number, line


def code(text: str) -> str:
    """Blocks of code, and what stands between backticks."""
    blocks = re.findall(r"^```.*?^```|^ {4}.*?$", text, re.M | re.S)
    return "\n".join([*blocks, *re.findall(r"`[^`\n]+`", text)])


@pytest.fixture(params=PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not re.match(r"\w+:|#", link)]
    assert [link for link in links if not (page.parent / link.split("#")[0]).exists()] == []


def test_paths_exist(page: Path) -> None:
    paths = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in paths if not any(ROOT.glob(path))] == []


def test_tests_exist(page: Path) -> None:
    """A test's file, and in the tables of faults also the word of the test's name that follows it."""
    wrong = []
    for file, word in TEST.findall(page.read_text(encoding="utf-8")):
        files = [ROOT / folder / file for folder in TESTS_IN if (ROOT / folder / file).is_file()]
        names = re.findall(r"^def (test_\w+)", files[0].read_text(encoding="utf-8"), re.M) if files else []
        if not files or (page.name == "faults.md" and word and not any(word in name for name in names)):
            wrong.append((file, word))
    assert wrong == []


def test_commands_exist(page: Path) -> None:
    verbs = next(action.choices for action in parser({TRAIN: ""})._actions if action.dest == "verb")
    named = set(VERB.findall(code(page.read_text(encoding="utf-8"))))
    assert named - set(verbs or ()) == set()


def test_functions_of_the_api_exist(page: Path) -> None:
    named = set(API.findall(code(page.read_text(encoding="utf-8")))) - {"py"}
    assert named - set(api.__all__) == set()


def test_lines_of_prose_are_short(page: Path) -> None:
    lines = prose(page.read_text(encoding="utf-8"))
    assert [(number, len(line)) for number, line in lines if len(line) > PROSE] == []


def test_private_words_stay_away(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"\b(?:told|hangs? on|unit of work|units of work)\b", text) == []


def test_every_page_is_in_the_list_of_pages() -> None:
    listed = {Path(link).name for link in LINK.findall((ROOT / "docs/index.md").read_text(encoding="utf-8"))}
    assert {page.name for page in ROOT.glob("docs/*.md")} - listed == {"index.md"}
