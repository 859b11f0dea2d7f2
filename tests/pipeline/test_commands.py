"""What each command prints, on a store that a run has filled."""

import json
from pathlib import Path

import pytest

from tests.helpers.openai_server import OpenAIServer
from tests.helpers.raw_server import http, raw_server
from tests.helpers.recipes import asked, finish, open_state, run_cli, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan import manifests

TEXTS = [*(f"tell me about thing number {n}" for n in range(18)), "a bad one"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == code
    return capsys.readouterr().out


def test_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    plan = json.loads(said(capsys, "plan", path, "--json"))["stages"]
    assert set(plan[0]) == {"name", "shards", "to_run", "at_most", "reused", "rows_to_run", "reason"}
    assert (plan[0]["name"], plan[0]["reason"]) == ("toy_shout", "never run")
    assert plan[1]["to_run"] == 0
    assert plan[1]["at_most"] == plan[1]["shards"]
    assert not (tmp_path / "store").exists()  # nothing is touched
    finish(path)
    assert "nothing to do" in said(capsys, "plan", path)
    changed = ["--set", "stages.toy_count.times=3"]
    plan = {row["name"]: row for row in json.loads(said(capsys, "plan", path, "--json", *changed))["stages"]}
    assert plan["toy_shout"]["at_most"] == plan["toy_words"]["at_most"] == 0
    assert plan["toy_count"]["to_run"] == plan["toy_count"]["shards"]
    assert plan["toy_count"]["reason"] == "config.times changed from 2 to 3"


def test_explain(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    assert "stale: never run" in said(capsys, "explain", path, "toy_shout", "0")
    assert "waits for toy_shout" in said(capsys, "explain", path, "toy_count", "0")
    state = finish(path)
    assert "up to date" in said(capsys, "explain", path, "toy_count", "0")
    shard = next(n for n, one in enumerate(state.shards) if one.rows > 2)
    row = sum(one.rows for one in state.shards[:shard])  # the first of its shard: its end stays where it is
    for text in ("something else", "anything else", "nothing else"):  # one that is no end of a shard by its own hash
        edited = write_recipe(tmp_path, [*TEXTS[:row], text, *TEXTS[row + 1 :]])
        if open_state(edited, keep=False).shards[shard].anchor == state.shards[shard].anchor:
            break
    assert "rows of it were edited, added or taken out" in said(capsys, "explain", edited, "toy_shout", str(shard))
    assert "engine.model changed" in said(capsys, "explain", path, "toy_shout", "1", "--set", "engines.llm.model=other")
    said(capsys, "explain", path, "toy_shout", "99", code=2)


def test_status_and_rejects(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    assert json.loads(said(capsys, "status", path, "--json"))["rows_finished"] == 0
    finish(path)
    status = json.loads(said(capsys, "status", path, "--json"))
    assert status["rows"] == status["rows_finished"] == 19
    assert {row["name"]: row["rejects"] for row in status["stages"]}["toy_shout"] == 1
    shown = json.loads(said(capsys, "rejects", path, "--json"))["rejects"]
    assert [(one["stage"], one["reason"], one["sample"]) for one in shown] == [("toy_shout", "bad", "A BAD ONE")]
    assert "1 rejects" in said(capsys, "rejects", path, "--reason", "bad")
    assert "0 rejects" in said(capsys, "rejects", path, "--reason", "loop")


def test_status_of_a_run_that_was_killed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path)
    manifests.write_run(state, manifests.new_run(state), manifests.now(), "running")
    output = said(capsys, "status", path)
    assert "killed" in output and "running" not in output


def test_rejects_of_a_source_say_where_they_stand(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    rows = tmp_path / "toy.jsonl"
    rows.write_text(rows.read_text() + '{"instruction": "half a line\n' + '{"instruction": "a nul \\u0000 within"}\n')
    open_state(path)
    output = said(capsys, "rejects", path)
    line = len(rows.read_text().splitlines())
    assert f"bad_line: {rows}, line {line - 1}: not JSON: Unterminated string starting at column" in output
    assert f"bad_text: {rows}, line {line}: " in output
    assert output.count("\0") == 0
    before = [shard.key for shard in open_state(path).shards]
    rows.write_text("\n" + rows.read_text())  # the same rows, a line further down: nothing is stale, places follow
    assert [shard.key for shard in open_state(path).shards] == before
    assert f"line {line}: not JSON" in said(capsys, "rejects", path)


def test_nothing_to_export_and_no_such_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    assert main(["export", path]) == 1
    assert "no shard is through all stages yet; first: voxsmith run" in capsys.readouterr().err
    run_inline(open_state(path))
    assert main(["run", path, "--retry-rejects", "bda"]) == 2
    assert "no row is rejected for 'bda'; did you mean 'bad'?" in capsys.readouterr().err
    assert main(["run", path, "--retry-rejects", "earlier_turn_rejected"]) == 2
    assert "go with the first that is rejected: name its reason; there is bad" in capsys.readouterr().err
    assert not Path(tmp_path, "store/retries").exists()


def test_two_recipes_of_one_name(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    path = write_recipe(tmp_path, TEXTS)
    finish(path)
    said(capsys, "export", path)
    twin = tmp_path / "twin.yaml"
    twin.write_text(Path(path).read_text())
    assert main(["export", str(twin)]) == 0
    assert f"holds the dataset of {path}, whose name is 'toy' too" in caplog.text


def test_plan_tells_of_a_dataset_that_is_behind(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    finish(path)
    said(capsys, "export", path)
    assert said(capsys, "plan", path).strip() == "nothing to do: every stage is up to date"
    assert "is not what the recipe would give now" in said(
        capsys, "plan", path, "--set", "export.splits={a: 0.5, b: 0.5}"
    )


def test_retried_rejects_are_asked_again_and_nothing_else(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    state = finish(path)
    asked(path)
    ids = [
        row
        for shard in range(len(state.shards))
        for row in state.store.read(state.shards[shard].folder, state.shards[shard].key, ["id"])["id"].to_pylist()
    ]
    state.store.write_json("retries/toy.json", {"toy_shout": {ids[-1]: 1}})
    again = open_state(path)
    assert {task.node for task in again.ready.values()} == {"toy_shout"}
    run_inline(again)
    assert asked(path) == ["a bad one"]


def test_report_and_export_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    said(capsys, "report", path, code=1)
    finish(path)
    page = tmp_path / "out" / "toy" / "report.html"
    page.unlink()
    assert str(page) in said(capsys, "report", path)
    assert page.is_file()
    assert "19 rows in, 18 rows out, 1 rejects, 0 pending" in said(capsys, "export", path)
    manifest = json.loads((tmp_path / "out" / "toy" / "manifest.json").read_text())
    assert manifest["engines"]["llm"]["licence"] == "CC0-1.0"
    assert manifest["recipe"]["name"] == "toy"


def test_doctor(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    assert "ready" in said(capsys, "doctor", path)
    assert "wants more CPUs" in said(capsys, "doctor", path, "--set", "engines.llm.resources.num_cpus=999", code=1)
    with OpenAIServer() as server:
        here = f"engines.llm={{backend: llm_openai, base_url: '{server.url}', model: small}}"
        assert "ready" in said(capsys, "doctor", path, "--set", here)
        assert "it has small" in said(capsys, "doctor", path, "--set", here.replace("small}", "large}"), code=1)
    assert "no server answers at" in said(capsys, "doctor", path, "--set", here, code=1)
    with raw_server(lambda: [http(b"<!doctype html><title>It works!</title>")]) as web:
        here = f"engines.llm={{backend: llm_openai, base_url: '{web.url}', model: small}}"
        assert "is base_url right?" in said(capsys, "doctor", path, "--set", here, code=1)


@pytest.mark.parametrize(
    ("lines", "message"), [("", "they have no row"), ('{"q": 1}\n{"q": 2}\n', "all 2 rows are rejects")]
)
def test_sources_without_a_usable_row(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, lines: str, message: str
) -> None:
    path = write_recipe(tmp_path, ["x"])
    (tmp_path / "toy.jsonl").write_text(lines)
    assert main(["run", path]) == 1
    assert f"the sources give nothing to work on: {message}" in capsys.readouterr().err


def test_a_pilot_is_written_beside_the_corpus(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    run_inline(open_state(path))
    assert main(["run", path]) == 0
    full = (tmp_path / "out/toy/manifest.json").read_bytes()
    assert main(["run", path, "--limit", "4"]) == 0
    assert "toy.pilot/dataset" in capsys.readouterr().out
    assert (tmp_path / "out/toy/manifest.json").read_bytes() == full
    counts = json.loads((tmp_path / "out/toy.pilot/manifest.json").read_text())["counts"]
    assert 4 <= counts["rows_in"] < len(TEXTS)


@pytest.mark.parametrize("limit", ["0", "-3", "few"])
def test_a_limit_is_a_number_of_rows(capsys: pytest.CaptureFixture[str], limit: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", "configs/quickstart.yaml", f"--limit={limit}"])
    assert end.value.code == 2
    assert "1 or more" in capsys.readouterr().err


def test_a_text_gives_the_terminal_no_orders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    order = "\x1b]0;mine\x07"
    path = write_recipe(tmp_path, [f"a bad one {order}", f"a good one {order}"])
    finish(path)
    write_recipe(tmp_path, [f"a bad one {order}", f"a better one {order}"])
    finish(path)
    for verb in ("rejects", "diff"):
        output = said(capsys, verb, path)
        assert "\x1b" not in output and "\\x1b]0;" in output.lower(), output


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, ["größer, a bad one", "a good one"], sources__rows__licence="CC0-1.0 (frei für alle)")
    run_inline(open_state(path))
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    code, output = run_cli("export", path, env=plain)
    assert code == 0 and "1 rows out, 1 rejects" in output, output
    code, output = run_cli("rejects", path, env=plain)
    assert code == 0 and r"GR\xd6SSER" in output, output
