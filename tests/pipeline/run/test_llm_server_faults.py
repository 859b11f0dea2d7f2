"""What a language model's server may do to a run, through the command line, with the real engine and real stages.

What the world does costs no row and no byte; what a reply says is judged, and tried again.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.hostile import BODIES
from tests.helpers.openai_server import Body, Fault, OpenAIServer, user_text
from tests.helpers.raw_server import Sends, endless, http, raw_server
from tests.helpers.recipes import digests_of, run_cli, write_recipe

pytestmark = pytest.mark.usefixtures("one_ray")
THINGS = ("bread", "milk", "basil", "fish", "rice", "honey", "coffee", "cheese", "lemons", "carrots", "flour", "butter")
TEXTS = [f"How long does {thing} stay fresh in a kitchen?" for thing in THINGS]
HALF = '{"answer": "Bread stays fr'
ENDLESS = "and\nso\non\n" * 12_000  # 120,000 characters; without blanks, at which the server would count tokens
RUSSIAN = json.dumps({"answer": "Хлеб остаётся свежим на кухне примерно три дня, если его хорошо завернуть."})
WORLD = {
    "429": Fault(429, headers={"Retry-After": "0"}),
    "500": Fault(500),
    "503": Fault(503),
    "no answer": Fault(drop=True),
    "a body that is cut": Fault(cut=True),
    "half a JSON object": Fault(raw='{"choices": [{"mess'),
    "an empty body": Fault(raw=""),
    "a page": Fault(raw="<html>bad gateway</html>"),
}


def thing_in(body: Body) -> str:
    """What the request is about: the prompt's last line says it."""
    asked = user_text(body).strip().splitlines()[-1]
    return next(thing for thing in THINGS if thing in asked)


def field_of(body: Body) -> str:
    """The key of the JSON that is wanted: "spoken" of rewrite, "answer" of respond."""
    return next(iter(body["response_format"]["json_schema"]["schema"]["properties"]))


def well(body: Body) -> str:
    thing = thing_in(body)
    answer = f"In a kitchen {thing} stays fresh for about three days, when it is wrapped well."
    return json.dumps({"spoken": f"How long does {thing} stay fresh in a kitchen?"} | {"answer": answer})


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(well) as running:
        yield running


def recipe(folder: Path, server: OpenAIServer, **engine: Any) -> str:
    llm = {"backend": "llm_openai", "base_url": server.url, "model": "small", "retries": 12, "backoff": 0.01, **engine}
    stages = {
        name: {"engine": "llm", "prompt": f"configs/prompts/{name}_chat.jinja", "format": "chat"}
        for name in ("rewrite", "respond")
    }
    return write_recipe(folder, TEXTS, engines={"llm": llm}, stages=stages)


def rows_of(folder: Path, part: str) -> dict[str, dict[str, Any]]:
    """The exported rows by what they are about."""
    dataset = datasets.load_from_disk(str(folder / "out" / "toy" / part))
    text = "instruction" if part == "dataset" else "id"
    return {next((thing for thing in THINGS if thing in row[text]), row[text]): row for row in dataset}


@pytest.fixture(scope="module")
def undisturbed(on_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    with OpenAIServer(well) as server:
        code, output = run_cli("run", recipe(folder, server), env=on_ray)
    assert code == 0 and "12 rows out" in output, output
    return folder


def test_bad_minutes_change_no_byte(undisturbed: Path, server: OpenAIServer, tmp_path: Path) -> None:
    """Four of ten requests fail, in every way there is."""
    draw = random.Random(0)
    faults = [draw.choice(list(WORLD.values())) if draw.random() < 0.4 else None for _ in range(200)]
    server.seen.clear()
    server.script(*WORLD.values(), *faults)
    code, output = run_cli("run", recipe(tmp_path, server))
    assert code == 0, output
    assert len(server.seen) > 24 + len(WORLD)
    assert digests_of(tmp_path / "out") == digests_of(undisturbed / "out")


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["429", "half a JSON object"])
def test_a_bad_hour_leaves_rows_pending_and_the_same_command_finishes_them(
    undisturbed: Path, server: OpenAIServer, tmp_path: Path, name: str
) -> None:
    path = recipe(tmp_path, server, retries=2)
    server.script(*[None] * 12)
    server.always = WORLD[name]
    code, output = run_cli("run", path)
    assert code == 1, output
    assert "rows are pending; the same command tries just those again" in output
    assert f"{server.url}/chat/completions: " in output and "Traceback" not in output
    server.always = None
    server.seen.clear()
    code, output = run_cli("run", path)
    assert code == 0, output
    assert len(server.seen) == 12, "of 24 requests 12 had been answered"
    assert digests_of(tmp_path / "out") == digests_of(undisturbed / "out")


SAID = {  # of which thing what is answered always, and what its reject says
    "bread": (HALF, "unreadable_reply"),
    "milk": ("", "empty"),
    "basil": (RUSSIAN, "script"),
    "fish": (json.dumps({"answer": ENDLESS}), "unreadable_reply"),
    "rice": (ENDLESS, "list"),
}
ONCE = {"honey": "", "coffee": HALF, "cheese": RUSSIAN, "lemons": "a" * 100_000}  # said to the first try alone


def test_replies_that_are_no_answers(undisturbed: Path, server: OpenAIServer, tmp_path: Path) -> None:
    """Where each try fails the row is a reject that says why; where one does not, the row is as it was."""

    def reply(body: Body) -> str:
        thing = thing_in(body)
        if field_of(body) == "answer" and thing in SAID:
            return SAID[thing][0]
        first = body["temperature"] == (0.2 if field_of(body) == "answer" else 0.0)
        return ONCE[thing] if first and thing in ONCE else well(body)

    server.reply = reply
    code, output = run_cli("run", recipe(tmp_path, server))
    assert code == 0, output
    before, after = rows_of(undisturbed, "dataset"), rows_of(tmp_path, "dataset")
    assert list(after) == [thing for thing in before if thing not in SAID]
    for thing, row in after.items():
        tries = 2 if thing in ONCE else 1
        assert (row["query_attempts"], row["answer_attempts"]) == (tries, tries)
        for name in ("query_text", "answer_text", "instruction"):
            assert row[name] == before[thing][name]
    ids = {row["id"]: thing for thing, row in before.items()}
    rejects = {ids[row["id"]]: row for row in rows_of(tmp_path, "rejects").values()}
    assert {thing: row["reason"] for thing, row in rejects.items()} == {thing: why for thing, (_, why) in SAID.items()}
    assert all(row["stage"] == "respond" and len(row["text"]) <= 10_000 for row in rejects.values())
    assert sum(file.stat().st_size for file in tmp_path.glob("store/objects/**/*")) < 200_000, (
        "nobody keeps such replies whole"
    )


def test_no_reply_that_is_none_judges_a_row_or_ends_a_run(
    undisturbed: Path, server: OpenAIServer, tmp_path: Path
) -> None:
    """Each kind comes to some row; where it is over, the same command finishes them all."""
    server.script(*(Fault(raw=body) for body in BODIES.values()))
    server.always = Fault(raw=BODIES["a page"])
    path = recipe(tmp_path, server, retries=0)
    code, output = run_cli("run", path)
    assert code == 1 and "Traceback" not in output, output
    assert "12 rows are pending; the same command tries just those again" in output, output
    assert "is base_url right? It usually ends in /v1" in output
    server.script(*(Fault(raw=body) for body in BODIES.values()))
    server.always = None
    code, output = run_cli("run", path, "--set", f"engines.llm.retries={len(BODIES)}")
    assert code == 0, output
    assert digests_of(tmp_path / "out") == digests_of(undisturbed / "out")


SERVERS: dict[str, tuple[Sends, str]] = {
    "a web page, 404": (lambda: [http(b"<html>Not Found</html>", "404 Not Found")], "It usually ends in /v1"),
    "a body without end": (lambda: endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 2**16), "a reply of more than"),
}


def test_an_address_of_a_web_page_or_of_an_endless_one_leaves_all_rows_pending(
    undisturbed: Path, server: OpenAIServer, tmp_path: Path
) -> None:
    path = recipe(tmp_path, server, retries=0)
    for sends, line in SERVERS.values():
        with raw_server(sends) as web:
            wrong = f"engines.llm.base_url=http://127.0.0.1:{web.port}"
            code, output = run_cli("run", path, "--set", wrong)
        assert code == 1 and "Traceback" not in output, output
        assert "12 rows are pending; the same command tries just those again" in output, output
        assert line in output
    code, output = run_cli("run", path)
    assert code == 0, output
    assert digests_of(tmp_path / "out") == digests_of(undisturbed / "out")
