"""What is printed gives a terminal no orders, wherever it comes from; an output that is closed or full ends nothing."""

import json
import logging
import os
import pty
import re
import subprocess
import sys
import termios
import unicodedata
from pathlib import Path

import pytest
from rich.table import Table

from tests.helpers.made_corpus import export_corpus, row
from tests.helpers.openai_server import Fault, OpenAIServer
from tests.helpers.recipes import ROOT, TOY_PATH, finish, open_state, run_cli, write_recipe
from tests.helpers.waiting import LONGEST, wait_for
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.store.liveness import at_work
from voxsmith.pipeline.terminal import console, json_text, one_line, printable, standard_streams
from voxsmith.pipeline.watch.progress import Progress
from voxsmith.pipeline.watch.views import JsonLines, make_view

# Title, colour, clipboard, C1 forms of the same, back to the line's start, bell, direction of writing, without width.
EVIL = "\x1b]0;mine\x07\x1b[31m\x9b2J\x85\r\x08\x7f\u202emoc\u2066\u200b\u2060\ufeff\u2028\U000e0041\u3164"
TEXTS = [f"a bad one {EVIL}", f"a good one {EVIL}"]


def orders(text: str) -> list[str]:
    """What of the text is no letter, mark or space, by Unicode's own classes."""
    kinds = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return [sign for sign in text if (unicodedata.category(sign) in kinds and sign not in "\n\t") or sign == "\u3164"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """All that the command line prints; none of it is an order."""
    capsys.readouterr()
    try:
        main(list(arguments))
    except SystemExit as end:  # what argparse can't read
        assert end.code == 2
    captured = capsys.readouterr()
    assert orders(captured.out + captured.err) == [], captured
    return captured.out + captured.err


def test_orders_are_shown_and_letters_stay() -> None:
    assert orders(printable(EVIL)) == []
    assert printable("\x1b[31m") == r"\x1b[31m"
    letters = "größer, 中文　。, हिन्दी, ça va ?, 👍️\n\tnext"
    assert printable(letters) == letters
    assert one_line("a\nvoxsmith: done") == r"a\nvoxsmith: done"
    assert json.loads(json_text({EVIL: letters})) == {EVIL: letters}
    assert orders(json_text({EVIL: letters})) == [] and "größer" in json_text(letters)


def yaml_text(text: str) -> str:
    """The text as YAML in double quotes writes it."""
    return '"' + "".join(f"\\U{ord(sign):08x}" for sign in text) + '"'


def test_every_command_shows_what_others_wrote(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Names of folders, texts, reasons, values of keys; runs and marks in the store; the manifest of what is exported."""
    folder = tmp_path / "a \x1b[5m \u202e folder"
    path = write_recipe(folder, TEXTS)
    finish(path)
    write_recipe(folder, [TEXTS[0], f"a better one {EVIL}"])
    finish(path)
    rows = folder / "toy.jsonl"
    rows.write_text(rows.read_text() + '{"half a line\n')
    state = open_state(path)
    model = f"engines.llm.model={yaml_text(EVIL)}"
    shown = {
        arguments[0]: printed(capsys, *arguments)
        for arguments in (
            ["rejects", path],
            ["diff", path],
            ["plan", path, "--set", model],
            ["explain", path, "toy_shout", "--set", model],
            ["doctor", path],
            ["export", path],
            ["report", path],
        )
    }
    assert not [verb for verb, text in shown.items() if "\\x1b" not in text], shown
    assert json.loads(printed(capsys, "rejects", path, "--json"))["rejects"][0]["sample"] == TEXTS[0].upper()
    assert json.loads(printed(capsys, "diff", path, "--json"))["runs"]
    json.loads(printed(capsys, "plan", path, "--json", "--set", model))

    manifest = folder / "out" / "toy" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"recipe_file": f"/{EVIL}.yaml"}))
    printed(capsys, "export", path)
    name = manifests.run_names(state.store)[-1]
    beats = folder / "store" / "runs" / name / "progress.json"
    with Progress(state, name, set(state.graph.nodes), "off"):
        beat = wait_for(lambda: beats.is_file() and json.loads(beats.read_text()), "a heartbeat")
    beat |= {"run": f"{EVIL}\nvoxsmith: done", "running": [EVIL], "elsewhere": {EVIL: 1}}
    state.store.write_json(f"runs/{name}/progress.json", beat | {"stages": {EVIL: next(iter(beat["stages"].values()))}})
    with at_work(state.store, "run toy", ["toy_shout"]), at_work(state.store, f"export {EVIL}", []):
        text = printed(capsys, "status", path)
        assert "a run is on: \\x1b]0;mine" in text and "\nvoxsmith: done" not in text, text
        assert json.loads(printed(capsys, "status", path, "--json"))["live"]["running"] == [EVIL]
        assert "export \\x1b]0;" in printed(capsys, "gc", path, "--dry-run", "--grace", "0")


def test_what_is_refused_is_shown_as_well(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    for arguments in (
        [EVIL],
        ["plan", f"{EVIL}.yaml"],
        ["plan", f"{EVIL}\udcff.yaml"],
        ["plan", path, f"--{EVIL}"],
        ["plan", path, "--set", EVIL],
        ["plan", path, "--set", f"{EVIL}=1"],
        ["plan", path, "--set", f"name={yaml_text(EVIL)}"],
        ["plan", path, "--set", f"engines.llm.backend={yaml_text(EVIL)}"],
        ["plan", path, "--set", f"sources.rows.path={yaml_text(EVIL)}"],
        ["plan", path, "--set", f"sources.rows.licence={yaml_text(EVIL)}", "--profile", EVIL],
        ["plan", path, "--only", EVIL],
        ["plan", path, "--limit", EVIL],
        ["explain", path, EVIL],
        ["run", path, "--retry-rejects", EVIL],
        ["diff", path, EVIL],
        ["gc", path, "--grace", EVIL],
        ["new", EVIL],
        ["keys", EVIL],
        ["fetch", EVIL],
        ["fetch", f"hub:{EVIL}"],
        ["publish", path, "--repo", EVIL],
    ):
        assert "\\x1b" in printed(capsys, *arguments), arguments
    broken = tmp_path / "broken.yaml"
    broken.write_text(f"name: {yaml_text('toy' + EVIL)}\n{yaml_text(EVIL)}: 1\nstages: {{}}\n")
    assert "\\x1b" in printed(capsys, "plan", str(broken))


def test_a_server_gives_no_orders(capsys: pytest.CaptureFixture[str], tmp_path: Path, on_ray: dict[str, str]) -> None:
    """What it says of itself, and of what goes wrong: in lines, in JSON lines and at the end of the run."""
    with OpenAIServer(models=(EVIL,)) as server:
        llm = {"backend": "llm_openai", "base_url": server.url, "model": "small", "retries": 0}
        path = write_recipe(tmp_path, TEXTS[1:], engines={"llm": llm})
        assert "it has \\x1b" in printed(capsys, "doctor", path)
        server.always = Fault(status=500, message=f"{EVIL}\nvoxsmith: all is well")
        for progress in ("plain", "json"):
            code, text = run_cli("run", path, "--progress", progress, env=on_ray)
            assert code == 1 and orders(text) == [], text
            assert "rows are pending" in text and "\\x1b]0;mine" in text and "\nvoxsmith: all is well" not in text


def test_what_is_published_gives_no_orders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [row(i) | {"licence": EVIL, "source": EVIL} for i in range(4)]
    path = export_corpus(tmp_path, rows)
    assert "under \\x1b" in printed(capsys, "publish", path, "--to", str(tmp_path / "there"))
    manifest = tmp_path / "out/made_corpus/manifest.json"
    export_corpus(tmp_path, [row(i) | {"query_voice": EVIL} for i in range(4)])
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"created": EVIL, "recipe_digest": "other"}))
    assert "since the export of \\x1b" in printed(capsys, "publish", path, "--to", str(tmp_path / "there"))
    card = (tmp_path / "there" / "README.md").read_text()
    assert orders(card) == [] and "x1b" in card


def test_tables_and_lines_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    """In a program or a notebook, where no command line stands in front of stdout and stderr."""
    for form in ("plain", "auto", "json"):
        view = make_view(form, EVIL)
        view.tell("note", f"{EVIL} [red]:smile:[/nothing]\nnext", {"reason": EVIL})
        view.close()
    JsonLines(EVIL).tell("note", EVIL, {EVIL: 1})
    table = Table(title=EVIL, caption=EVIL)
    table.add_column(EVIL)
    table.add_row(f"{EVIL} [/red]")
    console(stderr=True, width=400).print(table)
    text = capsys.readouterr().err
    assert orders(text) == [] and "[red]:smile:[/nothing]" in text and "[/red]" in text


@pytest.mark.parametrize("form", ["plain", "auto", "json"])
@pytest.mark.parametrize("stream", ["gone", "closed", "none"])
def test_what_a_program_shows_of_a_run_ends_no_run(form: str, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe whose reader has left, a file that is closed, and Python's way to say that there is no stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    broken = os.fdopen(writing, "w", buffering=1)
    if stream == "closed":
        broken.close()
    monkeypatch.setattr("sys.stderr", None if stream == "none" else broken)
    view = make_view(form, "run")
    for _ in range(2):
        view.tell("note", "something happened", {})
    view.close()
    if stream == "gone":
        with pytest.raises(BrokenPipeError):
            broken.close()


def test_logs_and_what_nobody_expected(capsys: pytest.CaptureFixture[str]) -> None:
    with standard_streams():
        logging.getLogger("voxsmith.test").warning("%s", EVIL)
        logging.getLogger("another").addHandler(handler := logging.StreamHandler())
        logging.getLogger("another").error(EVIL)
        logging.getLogger("another").removeHandler(handler)
        print(EVIL, EVIL, file=sys.stderr, flush=True)
        sys.stdout.writelines([EVIL])
    captured = capsys.readouterr()
    assert orders(captured.out) == orders(captured.err) == [] and captured.out and captured.err.count("mine") == 3
    code = "import voxsmith.pipeline.cli as cli\ncli._run = lambda options: 1 / 0 if print('x') else {}['\x1b]0;mine']\ncli.main(['keys'])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    assert ran.returncode == 1 and "KeyError" in ran.stderr and orders(ran.stderr) == []


def test_logs_of_workers(tmp_path: Path) -> None:
    code = f"""
import logging, voxsmith.pipeline.run.worker as worker
worker.LoggedWorker({str(tmp_path / "store")!r}, b"", None)
logging.getLogger("voxsmith").warning({EVIL!r})
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    assert ran.returncode == 0 and "mine" in ran.stderr and orders(ran.stderr) == [], ran.stderr


def test_bars_are_drawn_on_a_terminal_alone() -> None:
    """tqdm, of the Hub's client, goes back to the line's start; the names in it come from a server."""
    code = f"""
import sys, voxsmith.pipeline.terminal as terminal
from tqdm import tqdm
with terminal.standard_streams():
    for _ in tqdm(range(3), desc={EVIL!r}, mininterval=0, disable=False): pass
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    assert ran.returncode == 0 and orders(ran.stderr) == [], ran.stderr
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 200))
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=theirs, timeout=LONGEST)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        drawn = terminal.read(100_000).decode()
    assert ran.returncode == 0 and "100%" in drawn and set(orders(drawn)) == {"\r"}


RESULTS = ("plan", "status", "explain", "rejects", "diff", "keys", "doctor")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("finished")
    path = write_recipe(folder, ["a bad one", "a good one"])
    finish(path)
    write_recipe(folder, ["a bad one", "another good one"])
    finish(path)
    return path


def into(shell: str, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of the command line with the shell's redirection behind it."""
    command = subprocess.list2cmdline([sys.executable, "-m", "voxsmith", *arguments])
    environment = {**os.environ, "PYTHONPATH": TOY_PATH}
    ran = subprocess.run(
        ["bash", "-c", f"{command} {shell}"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONGEST
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    "verb",
    [
        *("plan", "rejects", "export"),
        *(
            pytest.param(verb, marks=pytest.mark.heavy)
            for verb in ("status", "explain", "diff", "keys", "doctor", "report", "gc", "new")
        ),
    ],
)
def test_outputs_that_are_closed_or_full(verb: str, finished: str, tmp_path: Path) -> None:
    """Where the output is the result, it is missed (exit code 1); work is done whether anybody reads of it or not."""
    arguments = {"keys": ["keys", "recipe"], "new": ["new", "quickstart", str(tmp_path)]}.get(verb, [verb, finished])
    missed = int(verb in RESULTS)
    arguments += ["toy_shout"] if verb == "explain" else []
    code, errors = into(">/dev/full", *arguments)
    assert (code, errors.count("standard output: No space left on device")) == (missed, 1), errors
    code, errors = into(">&-", *arguments)
    assert (code, errors.count("standard output: it is closed")) == (missed, 1), errors
    for both in (">&- 2>&- <&-", ">/dev/full 2>/dev/full"):
        assert into(both, *arguments) == (missed, "")
    code, errors = into("| true; exit ${PIPESTATUS[0]}", *arguments)  # a reader who reads nothing
    assert code == 0 and "Traceback" not in errors and "Broken" not in errors and "Exception ignored" not in errors


def test_a_file_never_takes_the_place_of_a_closed_output(finished: str, tmp_path: Path) -> None:
    """It would get what others print: the lowest number that is free is the next file's."""
    code = f"""
import os, sys
import voxsmith.pipeline.cli as cli
cli._run = lambda options: open({str(tmp_path / "data")!r}, "w").fileno() > 2 or 9
sys.exit(cli.main(["keys"]))
"""
    ran = subprocess.run(["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, code], cwd=ROOT, timeout=LONGEST)
    assert ran.returncode == 1  # True


def test_help_and_mistakes_without_an_output() -> None:
    for arguments, code in ((["--help"], 1), (["nothing"], 2), (["plan", "no.yaml"], 2)):
        for shell in (">/dev/full", ">&- 2>&-"):
            ended, errors = into(shell, *arguments)
            assert ended == code and "Traceback" not in errors and "Exception ignored" not in errors, errors


@pytest.mark.parametrize(
    "shell",
    [
        "2>&1 | true; exit ${PIPESTATUS[0]}",
        ">&- 2>&- <&-",
        pytest.param(">/dev/full 2>/dev/full", marks=pytest.mark.heavy),
    ],
)
def test_a_run_goes_on_unseen(shell: str, tmp_path: Path, one_ray: None) -> None:
    path = write_recipe(tmp_path, ["a bad one", "a good one"])
    assert into(shell, "run", path, "--progress", "json" if "true" in shell else "plain")[0] == 0
    assert json.loads((tmp_path / "out/toy/manifest.json").read_text())["counts"]["rows_out"] == 1


def test_there_is_one_way_to_make_a_console() -> None:
    """`terminal.console`; rich's own takes what it shows for markup, and passes orders on."""
    files = [file for room in ("schemas", "models", "stages", "pipeline") for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    assert [file for file in files if re.search(r"\bConsole\(|sys\.__std(?:out|err)__", file.read_text())] == []
