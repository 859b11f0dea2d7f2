"""No row is lost: verdicts are rejects, failures of the world are pending."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.openai_server import Fault, OpenAIServer, user_text
from tests.helpers.recipes import asked, dataset_of, open_state, run_inline, texts_of, write_recipe
from toys import llm, shout
from voxsmith.models.references import ModelMissing
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.pipeline.run.worker import Worker
from voxsmith.stages.engines import backend
from voxsmith.stages.engines.base import Engine, EngineLost

TEXTS = ["one", "two", "a bad three", "refuse four", "explode five", "six", "seven"]


def reasons(state) -> dict[str, int]:
    counts: dict[str, int] = {}
    for shard in range(len(state.shards)):
        for reject in rejects_of(state, shard):
            if reject is not None:
                counts[reject.reason] = counts.get(reject.reason, 0) + 1
    return counts


def test_each_bad_row_is_one_reject(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    assert run_inline(state) == {}
    assert reasons(state) == {"bad": 1, "refused": 1, "engine_error": 1}
    summary = dataset_of(state, tmp_path / "out")
    assert summary["counts"] == {"rows_in": 7, "rows_out": 4, "rejects": 3, "pending": 0}


def test_an_unavailable_engine_leaves_rows_pending_and_only_those_are_asked_again(tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.touch()
    texts = [*(f"row {n}" for n in range(8)), "down one", "down two"]
    path = write_recipe(tmp_path, texts)
    overrides = [f"engines.llm.down={down}", f"engines.llm.log={tmp_path / 'asked.log'}"]
    state = open_state(path, overrides=overrides)
    pending = run_inline(state)
    assert set(pending.values()) == {"the toy server is down"}
    assert len(pending) == 2
    counts = dataset_of(state, tmp_path / "out")["counts"]
    assert counts["rows_in"] == counts["rows_out"] + counts["rejects"] + counts["pending"]
    assert counts["pending"] >= 2
    first = asked(path)
    down.unlink()
    state = open_state(path, overrides=overrides)
    assert run_inline(state) == {}
    assert sorted([*first, *asked(path)]) == sorted(set(first) | {"down one", "down two"} | _counts(texts))
    assert dataset_of(state, tmp_path / "out")["counts"]["rows_out"] == len(texts)


def test_a_reply_of_another_type_than_declared_leaves_its_row_pending(tmp_path: Path) -> None:
    """Whatever made it, a library or a server that a backend asks, it is no verdict on the row."""
    texts = ["one", "mistype two", "three"]
    path = write_recipe(tmp_path, texts)
    state = open_state(path)
    pending = run_inline(state)
    assert set(pending.values()) == {
        "the backend is at fault: Engine gave 'str' in reply to Complete, which wants Completion"
    }
    assert reasons(state) == {}
    first = asked(path)
    (tmp_path / "mended").touch()
    state = open_state(path)
    assert run_inline(state) == {} and reasons(state) == {}
    assert dataset_of(state, tmp_path / "out")["counts"]["rows_out"] == len(texts)
    assert not set(first) & set(asked(path)), "what was answered well is not asked again"


def test_a_lost_engine_blames_no_row_and_its_replies_are_kept(tmp_path: Path) -> None:
    """A card fails: the task comes to nothing, as if its actor had died, but for what was answered before."""
    path = write_recipe(tmp_path, ["one", "two", "a card", "four"], engines__llm__resources={"batch": 1})
    with pytest.raises(EngineLost, match="device-side assert"):
        run_inline(open_state(path))
    assert not list((tmp_path / "store/objects/toy_shout").glob("*.json"))
    first = asked(path)
    assert "one" in first and "a card" not in first
    rows = tmp_path / "toy.jsonl"
    rows.write_text(rows.read_text().replace("a card", "three"))
    assert run_inline(open_state(path)) == {}
    assert not set(first) & set(asked(path))


def test_what_a_card_still_has_of_another_process_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray gives a card away when an actor ends, which is before the card's memory is free."""
    full = [
        RuntimeError("CUDA failed with error out of memory"),
        ModelMissing("vLLM can't load m: ValueError: Free memory on device cuda:0 (1.2/79.2 GiB) on startup is less"),
    ]
    load, left = llm.BACKEND.load, iter(full)

    def loading(config: llm.Config) -> Engine:
        if error := next(left, None):
            raise error
        return load(config)

    monkeypatch.setattr(llm, "BACKEND", replace(llm.BACKEND, load=loading))
    monkeypatch.setattr(backend, "_PAUSE", 0)
    state = open_state(write_recipe(tmp_path, ["one"], engines__llm__resources={"num_gpus": 0.25}))
    assert run_inline(state) == {}
    left = iter(full)
    monkeypatch.setattr(backend, "_FREED_WITHIN", -1)
    with pytest.raises(ModelMissing, match="llm_toy: out of memory"):
        Worker(state.store.url, state.graph, "llm").load()


def test_a_node_with_another_model_than_the_keys_name_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each node fetches for itself: one that comes later may get a newer commit."""
    path = write_recipe(tmp_path, ["one"], engines__llm__model="toy@1")
    state = open_state(path)
    other = replace(llm.BACKEND, identity=lambda config: {"backend": "toys.llm", "model": "toy@2"})
    monkeypatch.setattr(llm, "BACKEND", other)
    with pytest.raises(ModelMissing, match=r"engine 'llm': .* has toy@2, and toy@1 is where the run was started"):
        run_inline(state)
    assert not asked(path)


def _counts(texts: list[str]) -> set[str]:
    return {f"count {n}: {text.upper()}" for text in texts for n in range(2)}


MILK, BREAD = (f"How long does {thing} stay fresh in a kitchen?" for thing in ("milk", "bread"))
GOOD = "In a kitchen bread stays fresh for about three days."


def answering(folder: Path, server: OpenAIServer, prompt: str = "{{ query }}") -> str:
    """A recipe whose only stage asks the server for answers to MILK, then BREAD."""
    (folder / "prompt.jinja").write_text(prompt)
    llm = {"backend": "llm_openai", "base_url": server.url, "model": "small", "retries": 0, "backoff": 0.01}
    stages = {"respond": {"engine": "llm", "prompt": str(folder / "prompt.jinja"), "format": "chat"}}
    columns = {"instruction": "instruction", "query_text": "instruction"}
    llm["resources"] = {"concurrency": 1}
    return write_recipe(folder, [MILK, BREAD], engines={"llm": llm}, stages=stages, sources__rows__columns=columns)


FRESH = "Milk stays fresh for three days."
HALVES = {  # of a surrogate pair, which no file can hold; and what the answer is, None: the row is a reject
    "escaped in an answer": (r'{"answer": "Milk stays \ud83d fresh for three days."}', FRESH),
    "escaped in what is no answer": (r'{"answer": "- \ud83d"}', None),
    "in an answer": ('{"answer": "Milk stays \ud83d fresh for three days."}', FRESH),
    "in what is no answer": ("- \ud83d", None),
    "in a refusal": (Fault(400, "it says \ud83d", code="content_filter"), None),
}


@pytest.mark.parametrize(("said", "answer"), HALVES.values(), ids=HALVES)
def test_half_a_surrogate_pair_costs_no_other_row(tmp_path: Path, said: str | Fault, answer: str | None) -> None:
    """A stage finds it in the JSON that it parses, an engine in the JSON that it decodes."""
    with OpenAIServer(lambda body: str(said) if "milk" in user_text(body) else GOOD) as server:
        server.script(said if isinstance(said, Fault) else None)
        state = open_state(answering(tmp_path, server))
        assert run_inline(state) == {}
    assert texts_of(state, "answer_text") == [answer, GOOD]
    assert sum(reasons(state).values()) == (answer is None)


def test_half_a_surrogate_pair_in_what_a_server_in_trouble_says(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        server.always = Fault(503, "it says \ud83d")
        pending = run_inline(open_state(answering(tmp_path, server)))
    assert [json.dumps(why, ensure_ascii=False).encode() for why in pending.values()]


def test_a_request_that_cannot_be_named_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage's own fault, like any other: the rest of the shard is kept."""
    code = Path(shout.__file__).read_text()
    asked_for = """f"{row['instruction']}\""""
    assert asked_for in code
    (tmp_path / "parts_of_test").mkdir()
    (tmp_path / "parts_of_test" / "unnameable.py").write_text(
        code.replace(asked_for, f"""'\\ud83d' if 'milk' in {asked_for} else {asked_for}""")
    )
    monkeypatch.syspath_prepend(tmp_path)
    stages = {"toy_shout": {"stage": "parts_of_test.unnameable", "engine": "llm"}}
    state = open_state(write_recipe(tmp_path, [MILK, BREAD], stages=stages))
    assert run_inline(state) == {}
    assert texts_of(state, "query_text") == [None, BREAD.upper()]
    assert reasons(state) == {"stage_error": 1}
