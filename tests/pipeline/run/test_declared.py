"""A stage whose code breaks its own declaration ends the run with one line; what was paid for is kept."""

import json
import os
import pickle
import socket
import sys
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.helpers.recipes import (
    TOY_PATH,
    asked,
    open_state,
    run_cli,
    run_inline,
    start_python,
    texts_of,
    write_recipe,
)
from tests.helpers.waiting import rest_of
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.run.results import StageFault
from voxsmith.pipeline.run.worker import Worker
from voxsmith.stages import registry

STAGE = """
    from voxsmith.stages.context import Reject
    from voxsmith.stages.requests.llm import Complete
    from voxsmith.stages.stage import Stage, StageConfig


    def run(row, context):
        rows = list(row) if {many} else [row]
        texts = []
        for one in rows:
            reply = yield Complete(prompt=one["instruction"])
            texts.append(reply.text)
        text = texts[0]
        return {returned}


    STAGE = Stage(
        name="odd",
        config=StageConfig,
        reads=lambda config: ("instruction",),
        writes=lambda config: {writes!r},
        run=run,
        {more}
    )
"""
GOOD = '{"query_text": text}'
TEXTS = [f"thing number {n}" for n in range(6)]
NUMBERS = count()


def write_stage(
    folder: Path,
    returned: str,
    writes: tuple[str, ...] = ("query_text",),
    more: str = 'engine="llm"',
    name: str | None = None,
) -> str:
    """A module from outside; the name that a recipe gives it."""
    name = name or f"odd_{next(NUMBERS)}"
    package = folder / "outside"
    package.mkdir(parents=True, exist_ok=True)
    (package / f"{name}.py").write_text(
        dedent(STAGE).format(returned=returned, writes=writes, more=more, many="each=" in more)
    )
    return f"outside.{name}"


def recipe(folder: Path, stage: str, texts: list[str] = TEXTS, **changes: Any) -> str:
    return write_recipe(folder, texts, stages={"odd": {"stage": stage, "engine": "llm"}}, **changes)


def ids(path: str) -> list[str]:
    return [str(name) for name in texts_of(open_state(path), "id")]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose package `outside` can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "outside"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "__init__.py").touch()
    return tmp_path


AUDIO, PICK = ("query_audio",), ("query_text", "query_chosen")
DICT = "it returns a dict of its columns, or raises Reject"
ROW_FAULTS = {  # what is returned for a row, and what the line says after "stage 'odd'"
    "a misspelt column": (
        '{"query_txt": text}',
        " returned 'query_txt', which it doesn't declare; did you mean 'query_text'?",
    ),
    "a column like none": (
        '{"query_text": text, 7: 1}',
        " returned '7', which it doesn't declare; there is query_text",
    ),
    "nothing": ("None", f" returned nothing (None) for row {{id}}; {DICT}"),
    "a text": ("text", f" returned a value of type str for row {{id}}; {DICT}"),
    "a value of another type": (
        '{"query_text": 3}',
        ", column 'query_text', row {id}: a value of type int doesn't go into a column of type string",
    ),
}


@pytest.mark.parametrize(("returned", "line"), ROW_FAULTS.values(), ids=ROW_FAULTS)
def test_a_row_whose_result_is_not_what_was_declared_ends_the_run(outside: Path, returned: str, line: str) -> None:
    path = recipe(outside, write_stage(outside, returned))
    with pytest.raises(StageFault) as end:
        run_inline(open_state(path))
    assert str(end.value) in {"stage 'odd'" + line.replace("{id}", name) for name in ids(path)}
    assert not list((outside / "store/objects/odd").glob("*.json"))
    before = asked(path)
    assert before
    state = open_state(recipe(outside, write_stage(outside, GOOD)))
    assert run_inline(state) == {}
    assert texts_of(state, "query_text") == [text.upper() for text in TEXTS]
    assert sorted([*before, *asked(path)]) == sorted(TEXTS), "what was answered is not asked again"


CONVERSATIONS = 'engine="llm", each="conversation"'
EACH = "a dict of columns, or a Reject, for each row"
CONVERSATION_FAULTS = {
    "too few": (
        '[{"query_text": text}] * (len(rows) - 1)',
        f"returned 2 results for the 3 rows of a conversation (the first is row {{id}}); it returns {EACH}",
    ),
    "too many": (
        '[{"query_text": text}] * 4',
        f"returned 4 results for the 3 rows of a conversation (the first is row {{id}}); it returns {EACH}",
    ),
    "one for all": (
        GOOD,
        f"returned a value of type dict for the conversation of row {{id}}; it returns a list with {EACH}",
    ),
    "a misspelt column": (
        '[Reject("a", "b"), {"querytext": text}, {}]',
        "returned 'querytext', which it doesn't declare; did you mean 'query_text'?",
    ),
}


@pytest.mark.parametrize(("returned", "line"), CONVERSATION_FAULTS.values(), ids=CONVERSATION_FAULTS)
def test_a_conversation_gets_a_result_for_each_of_its_rows(outside: Path, returned: str, line: str) -> None:
    columns = {"instruction": "instruction", "conversation_id": "talk", "turn": "turn"}
    path = recipe(outside, write_stage(outside, returned, more=CONVERSATIONS), sources__rows__columns=columns)
    lines = (json.dumps({"instruction": text, "talk": "one", "turn": turn}) for turn, text in enumerate("abc"))
    (outside / "toy.jsonl").write_text("\n".join(lines))
    with pytest.raises(StageFault) as end:
        run_inline(open_state(path))
    assert str(end.value) == f"stage 'odd' {line}".replace("{id}", ids(path)[0])


def test_what_arrow_would_pass_over_is_no_clip(outside: Path) -> None:
    """A struct's fields are filled by name, and a name that it doesn't have would be a null."""
    path = recipe(outside, write_stage(outside, '{"query_audio": {"byte": b"RIFF", "path": None}}', AUDIO))
    with pytest.raises(
        StageFault, match=r"column 'query_audio', row .*: the column has no field 'byte'; did you mean 'bytes'\?"
    ):
        run_inline(open_state(path))


@pytest.mark.parametrize("choice", ["2", "-1", "1.0", "__import__('numpy').int64(7)"])
def test_a_choice_is_one_of_those_there_are(outside: Path, choice: str) -> None:
    more = 'engine="llm", choices=lambda config: {"query_text": ("instruction", "context")}'
    path = recipe(outside, write_stage(outside, f'{{"query_text": {choice}}}', more=more))
    with pytest.raises(StageFault, match=r"column 'query_text', row .*: .* is no position of instruction, context"):
        run_inline(open_state(path))


def test_a_stage_without_an_engine_asks_none(outside: Path) -> None:
    stage = write_stage(outside, GOOD, more="")
    path = write_recipe(outside, TEXTS, stages={"odd": {"stage": stage}})
    with pytest.raises(StageFault, match="stage 'odd' asks an engine, and declares none"):
        run_inline(open_state(path))


@pytest.mark.parametrize(
    ("returned", "line"),
    [
        ("None", "stage 'odd' returned nothing (None); it returns a dict with 'codebook'"),
        ("{}", "stage 'odd' returned nothing (None) as 'codebook'; it returns bytes"),
        ('{"codebook": [1]}', "stage 'odd' returned a value of type list as 'codebook'; it returns bytes"),
        ('{"codebok": b""}', "stage 'odd' returned 'codebok', which it doesn't declare; did you mean 'codebook'?"),
    ],
)
def test_a_fit_stage_returns_its_artifact(outside: Path, returned: str, line: str) -> None:
    more = 'engine="llm", each="recipe", fits="codebook"'
    stage = write_stage(outside, returned, (), more)
    file = outside / f"{stage.replace('.', '/')}.py"
    settings = "class Config(StageConfig):\n    sample_rows: int = 4\n\n\n"
    text = file.read_text().replace("def run(", f"{settings}def run(")
    file.write_text(text.replace("config=StageConfig", "config=Config"))
    path = recipe(outside, stage)
    with pytest.raises(StageFault) as end:
        run_inline(open_state(path))
    assert str(end.value) == line
    assert not list((outside / "store/objects").glob("odd/*"))


def test_code_that_is_not_that_of_the_key_makes_nothing(outside: Path) -> None:
    """A node may have another version of a package; its results would be kept under a wrong key."""
    stage = write_stage(outside, GOOD, name="versioned")
    path = recipe(outside, stage)
    state = open_state(path)
    write_stage(outside, '{"query_text": text.lower()}', name="versioned")
    with pytest.raises(RunFailed, match=r"stage 'odd': the code on .* is not the code that the run was started with"):
        run_inline(state)
    assert not asked(path)


def test_a_node_that_lacks_a_package_says_which(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor reads the graph itself, so that it can say what is missing where it is."""
    state = open_state(recipe(outside, write_stage(outside, GOOD, name="elsewhere")))
    graph = pickle.dumps(state.graph)
    for lacking in ("outside.elsewhere", "toys.llm"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, lacking, None)
            registry.stage.cache_clear()
            with pytest.raises(RunFailed) as end:
                Worker(state.store.url, graph, "llm").load()
        line = str(end.value)
        assert line.startswith(f"node {socket.gethostname()} can't import what the recipe names: ") and lacking in line
        assert "All nodes need the packages" in line and "\n" not in line
    Worker(state.store.url, graph, "llm").load()


def test_the_command_line_says_it_in_one_line_and_the_mended_stage_asks_nothing_again(
    tmp_path: Path,
) -> None:
    texts = [f"thing number {n}" for n in range(24)]
    write_stage(tmp_path, '{"query_titel": text}', name="title")
    (tmp_path / "outside" / "__init__.py").touch()
    path = recipe(tmp_path, "outside.title", texts, engines__llm__delay=0.05)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), TOY_PATH])}
    code, output = run_cli("run", path, "--progress", "off", env=env)
    assert code == 1, output
    assert output.splitlines()[-1] == (
        "voxsmith: stage 'odd' returned 'query_titel', which it doesn't declare; did you mean 'query_text'?"
    )
    assert "Traceback" not in output
    assert not list((tmp_path / "store/objects/odd").glob("*.json"))
    before = asked(path)
    assert before
    write_stage(tmp_path, GOOD, name="title")
    code, output = run_cli("run", path, "--progress", "off", env=env)
    assert code == 0, output
    assert "24 rows in, 24 rows out, 0 rejects" in output
    assert sorted([*before, *asked(path)]) == sorted(texts)


def test_the_command_line_says_which_node_lacks_a_package(tmp_path: Path, on_ray: dict[str, str]) -> None:
    """The driver has the package in its environment, the shared Ray has not."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    stage = write_stage(packages, GOOD, name="title")
    (packages / "outside" / "__init__.py").touch()
    arguments = ["run", recipe(tmp_path, stage), "--progress", "off"]
    main = f"import sys; sys.path.append({str(packages)!r}); from voxsmith.pipeline.cli import main; sys.exit(main({arguments}))"
    process = start_python("-c", main, env=on_ray)
    output = rest_of(process)
    assert process.returncode == 1, output
    assert output.splitlines()[-1].startswith(
        f"voxsmith: engine 'llm': node {socket.gethostname()} can't import what the recipe names: "
        "no stage 'outside.title': there is no package 'outside'"
    )
    assert "Traceback" not in output


def test_a_number_that_is_not_whole_is_not_cut(outside: Path) -> None:
    """Arrow makes 1 of 1.7 and says nothing."""
    returned = '{"query_text": text, "query_attempts": 1.7}'
    path = recipe(outside, write_stage(outside, returned, writes=("query_text", "query_attempts")))
    line = r"column 'query_attempts', row .*: 1\.7 doesn't go into a column of whole numbers"
    with pytest.raises(StageFault, match=line):
        run_inline(open_state(path))


def test_code_that_raises_on_every_row_ends_the_run_and_writes_no_dataset(tmp_path: Path) -> None:
    write_stage(tmp_path, '{"query_text": one["query_txt"]}', name="slip")
    (tmp_path / "outside" / "__init__.py").touch()
    path = recipe(tmp_path, "outside.slip", TEXTS)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), TOY_PATH])}
    code, output = run_cli("run", path, "--progress", "off", env=env)
    assert code == 1 and "stage 'odd': its code raised on all of its first" in output, output
    assert f"voxsmith rejects {path} --reason stage_error" in output
    assert not (tmp_path / "out" / "toy" / "dataset").exists()


def test_what_is_yielded_is_a_request(outside: Path) -> None:
    path = recipe(outside, write_stage(outside, GOOD))
    for file in (outside / "outside").glob("odd_*.py"):
        file.write_text(file.read_text().replace('Complete(prompt=one["instruction"])', 'one["instruction"]'))
    with pytest.raises(StageFault, match="stage 'odd' yielded a value of type str; it yields requests"):
        run_inline(open_state(path))


def test_what_a_source_gives_stands_where_a_stage_works_on_conversations(outside: Path) -> None:
    stage = write_stage(outside, '[{"query_text": text}] * len(rows)', more=CONVERSATIONS)
    path = recipe(outside, stage)
    rows = Path(path).with_suffix(".jsonl")
    rows.write_text("".join(json.dumps({"instruction": text, "said": f"Said: {text}"}) + "\n" for text in TEXTS))
    changes = ["sources.rows.columns={instruction: instruction, query_text: said}"]
    state = open_state(path, overrides=changes)
    assert run_inline(state) == {}
    assert texts_of(state, "query_text") == [f"Said: {text}" for text in TEXTS]
