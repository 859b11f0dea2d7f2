"""`judge` in a recipe, its engine a server of its own: what another gate, another rubric and another writer ask again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.openai_server import Body, Fault, OpenAIServer, user_text
from tests.helpers.paths import ROOT
from tests.helpers.recipes import finish, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.pipeline.report.outputs import export_state

THINGS = ("bread", "milk", "basil", "fish", "rice", "honey")
TEXTS = [f"How long does {thing} stay fresh?" for thing in THINGS]
DAYS = ("two", "three", "four")


def thing_in(text: str) -> str:
    return next(thing for thing in THINGS if thing in text)


def replies(body: Body) -> str:
    """The writer's days change with the seed; the judge finds four days best, and never likes fish."""
    if body["model"] == "writer":
        days = DAYS[body["seed"] % 3]
        return json.dumps({"answer": f"In a kitchen {thing_in(user_text(body))} stays fresh for about {days} days."})
    judged = user_text(body).partition("<answer>")[2]
    right = 1 if "fish" in judged else 5 if "four" in judged else 4 if "three" in judged else 3
    return json.dumps({"reason": "so", "right": right, "complete": 5, "concise": 5, "hearing": 5, "safe": 5})


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(replies, models=("writer", "judge")) as running:
        yield running


def recipe(folder: Path, server: OpenAIServer, **changes: Any) -> str:
    engines = {
        name: {"backend": "llm_openai", "base_url": server.url, "model": name, "retries": 0}
        for name in ("writer", "judge")
    }
    prompts = ROOT / "configs/prompts"
    respond = {"engine": "writer", "prompt": str(prompts / "respond_chat.jinja"), "format": "chat"}
    judge = {
        "stage": "judge", "of": "answer", "engine": "judge", "format": "chat",
        "prompt": str(prompts / "judge_answer_chat.jinja"),
    }  # fmt: skip
    settings: dict[str, Any] = {
        "engines": engines,
        "stages": {
            "respond": respond,
            "judge_answer": judge,
            "normalise": {"of": "answer", "after": "judge_answer"},
        },
        "sources__rows__columns": {"instruction": "instruction", "query_text": "instruction"},
    }
    return write_recipe(folder, TEXTS, **settings | changes)


def asked(server: OpenAIServer) -> dict[str, int]:
    """How often each model was asked since the last call."""
    models = [seen.body["model"] for seen in server.seen]
    server.seen.clear()
    return {name: models.count(name) for name in ("writer", "judge")}


def reasons(path: str) -> dict[str, str]:
    """Why rows are rejected, by what they ask about."""
    state = open_state(path)
    run_inline(state)
    why: dict[str, str] = {}
    for shard, source in enumerate(state.shards):
        from voxsmith.pipeline.store.objects import read_columns

        texts = read_columns(state.store, {"instruction": (source.folder, source.key)})["instruction"].to_pylist()
        rejected = zip(texts, rejects_of(state, shard), strict=True)
        why |= {thing_in(text): f"{one.stage}: {one.reason}" for text, one in rejected if one is not None}
    return why


def test_another_gate_asks_nothing_and_another_rubric_asks_the_judge_alone(
    tmp_path: Path, server: OpenAIServer
) -> None:
    path = recipe(tmp_path, server)
    assert reasons(path) == {"fish": "judge_answer: judged_right"}
    assert asked(server) == {"writer": 6, "judge": 6}
    state = open_state(path)
    spoken = [text for text in texts_of(state, "answer_spoken") if text]
    assert len(spoken) == 5 and not any("fish" in text for text in spoken), (
        "who comes after the judge passes rejects over"
    )
    assert sorted(score for score in texts_of(state, "answer_judged_right") if score) == sorted(
        5 if "four" in text else 4 if "three" in text else 3 for text in spoken
    )

    stricter = recipe(tmp_path, server, checks={"judged": {"answer": {"min_right": 5}}})
    assert {*reasons(stricter)} == {"fish", *(thing_in(text) for text in spoken if "four" not in text)}
    looser = recipe(tmp_path, server, checks={"judged": {"answer": {"min_right": 1}}})
    assert reasons(looser) == {}
    assert asked(server) == {"writer": 0, "judge": 0}

    rubric = tmp_path / "rubric.jinja"
    rubric.write_text("Be strict.\n" + (ROOT / "configs/prompts/judge_answer_chat.jinja").read_text())
    assert reasons(recipe(tmp_path, server, stages__judge_answer__prompt=str(rubric))) == {
        "fish": "judge_answer: judged_right"
    }
    assert asked(server) == {"writer": 0, "judge": 6}


def test_the_best_of_several_is_the_answer(tmp_path: Path, server: OpenAIServer) -> None:
    one = recipe(tmp_path, server)
    assert reasons(one) and asked(server) == {"writer": 6, "judge": 6}
    path = recipe(tmp_path, server, stages__respond__candidates=3, stages__judge_answer__choose=True)
    assert reasons(path) == {"fish": "judge_answer: judged_right"}
    more = asked(server)
    assert more["writer"] > 6, "replies that are kept are not asked for again, others are"
    state = open_state(path)
    for chosen, candidates, others in zip(
        *(texts_of(state, f"answer_{name}") for name in ("text", "candidates", "others")), strict=True
    ):
        assert len(set(candidates)) == len(candidates) >= 1
        if chosen is None:
            assert "fish" in candidates[0]
            continue
        best = max(candidates, key=lambda text: ("four" in text, "three" in text))
        assert chosen == best and {other["text"] for other in others} == set(candidates) - {best}

    # The judge saw each text once, in whichever row and recipe; a gate still asks nothing.
    assert (
        reasons(
            recipe(
                tmp_path,
                server,
                stages__respond__candidates=3,
                stages__judge_answer__choose=True,
                checks={"judged": {"answer": {"min_right": 1}}},
            )
        )
        == {}
    )
    assert asked(server) == {"writer": 0, "judge": 0}


@pytest.mark.parametrize("splits", [{}, {"train": 0.5, "test": 0.5}])
def test_preferences_are_a_table_beside_the_dataset(
    tmp_path: Path, server: OpenAIServer, splits: dict[str, float]
) -> None:
    """In the form of TRL's trainers: each pair's answers are messages, the chosen one is the dataset's."""
    best_of_three = {"stages__respond__candidates": 3, "stages__judge_answer__choose": True}
    path = recipe(tmp_path, server, **best_of_three, export={"splits": splits})
    state = finish(path)
    out = tmp_path / "out" / "toy"
    loaded = datasets.load_from_disk(str(out / "dataset")), datasets.load_from_disk(str(out / "preferences"))
    parts = [(loaded[0][name], loaded[1][name]) for name in splits] if splits else [loaded]
    pairs = 0
    for rows, preferred in parts:
        assert {"prompt", "chosen", "rejected", "score_chosen", "score_rejected"} <= set(preferred.column_names)
        by_id = {row["id"]: row for row in rows}
        for pair in preferred:
            row = by_id[pair["id"]]
            assert pair["prompt"] == [{"role": "user", "content": row["query_text"]}]
            assert pair["chosen"] == [{"role": "assistant", "content": row["answer_text"]}]
            ((role, worse),) = [(said["role"], said["content"]) for said in pair["rejected"]]
            assert role == "assistant" and worse != row["answer_text"] and "fish" not in worse
            assert pair["scores_chosen"]["right"] == row["answer_judged_right"] > pair["scores_rejected"]["right"]
            assert pair["score_chosen"] == pytest.approx((row["answer_judged_right"] + 20) / 5)
            pairs += 1
    others = [other for some in texts_of(state, "answer_others") for other in some or ()]
    assert pairs == len(others) > 0 and "answer_others" not in parts[0][0].column_names
    manifest = json.loads((out / "manifest.json").read_text())
    assert sum(manifest["preferences"].values()) == pairs
    card = (out / "README.md").read_text()
    assert "config_name: preferences" in card and "judged answer" in card
    assert "The scores of `answer_judged` are judge's, a language model's" in card
    assert not export_state(state, again=False), "the export is whole, and is known"

    export_state(state)  # its own table is no stranger to it
    finish(recipe(tmp_path, server))
    assert not (out / "preferences").exists() and "preferences" not in (out / "README.md").read_text()


def test_a_judge_that_does_not_answer_leaves_rows_pending_and_rejects_none(
    tmp_path: Path, server: OpenAIServer
) -> None:
    path = recipe(tmp_path, server)
    state = open_state(path)
    server.script(*[None] * 6)
    server.always = Fault(503)
    pending = run_inline(state)
    assert len(pending) == 6 and all("status 503" in why for why in pending.values())
    server.always = None
    assert reasons(path) == {"fish": "judge_answer: judged_right"}


@pytest.mark.parametrize(("unjudged", "lost"), [("keep", 0), ("reject", 6)])
def test_a_judge_that_says_nothing_readable_is_no_verdict(
    tmp_path: Path, server: OpenAIServer, unjudged: str, lost: int
) -> None:
    server.reply = lambda body: replies(body) if body["model"] == "writer" else '{"reason": "I like it"}'
    path = recipe(tmp_path, server, stages__judge_answer__unjudged=unjudged)
    lost_for = reasons(path)
    assert len(lost_for) == lost and {*lost_for.values()} <= {"judge_answer: unjudged"}
    assert asked(server) == {"writer": 6, "judge": 12}, "each is asked once more"
    assert sum(text is not None for text in texts_of(open_state(path), "answer_spoken")) == 6 - lost
