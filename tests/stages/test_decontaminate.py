"""Items of evaluation sets in a corpus: found as written, asked and heard; short questions by the whole alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.helpers.recipes import asked, open_state, run_inline, write_recipe
from voxsmith.models.overlap.evaluation import BadIndex, build_index, read_index
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.pipeline.plan.state import State
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.decontaminate import Config, decontaminate

ITEMS = [
    "What is the capital of France?",
    "A farmer has 17 sheep and all but nine of them run away during a storm; how many sheep does the farmer have left?",
    "Read the passage and choose the best answer: why do leaves of maple trees turn red in autumn before they fall?",
    "Read the passage and choose the best answer: which gas do green plants take out of the air in bright daylight?",
]  # fmt: skip
HELD = [
    ("what is the capital of france", 0),
    ("Hey, could you please tell me what's the capital of France?", 0),
    ("A farmer has seventeen sheep, and all but 9 of them run away during a storm. How many sheep does the farmer have left?", 1),
    ("Here is a riddle for you. A farmer has 17 sheep and all but nine of them run away during a storm, how many sheep are "
     "left for the farmer?", 1),
    ("why do leaves of maple trees turn red in autumn before they fall down to the ground each year, my dear friend?", 2),
]  # fmt: skip
FREE = [
    "What is the capital of Germany?",
    "What is the capital of France, and how many people live there?",
    "A farmer has 17 cows and sells nine of them at the market in the morning; how many cows does the farmer have left?",
    "Read the passage and choose the best answer: who was it that wrote the letters to the young queen of Spain?",
    "",
]


@pytest.mark.parametrize(("text", "item"), HELD)
def test_a_planted_item_is_known_again(text: str, item: int) -> None:
    overlap = build_index(ITEMS).overlap(text)
    assert overlap is not None and overlap.item == item


@pytest.mark.parametrize("text", FREE)
def test_what_only_looks_like_an_item_is_free(text: str) -> None:
    assert build_index(ITEMS).overlap(text) is None


def test_an_index_has_no_text_unless_it_is_asked_for(tmp_path: Path) -> None:
    index = build_index(ITEMS)
    index.write(tmp_path / "closed.npz")
    with np.load(tmp_path / "closed.npz", allow_pickle=False) as file:
        everything = b"".join(file[name].tobytes() for name in file.files)
    assert not any(word in everything for word in (b"France", b"france", b"sheep", b"maple"))
    again = read_index(tmp_path / "closed.npz")
    assert again.digest == index.digest and again.overlap(ITEMS[1]) == index.overlap(ITEMS[1])
    build_index(ITEMS, with_texts=True).write(tmp_path / "open.npz")
    assert read_index(tmp_path / "open.npz").texts[0] == ITEMS[0]
    assert read_index(tmp_path / "open.npz").digest == index.digest  # texts make nothing stale


def test_a_file_that_is_no_index_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04nothing")
    np.savez(tmp_path / "pickled.npz", whole=np.array([{}], dtype=object))
    for name in ("bad.npz", "pickled.npz", "none.npz"):
        with pytest.raises(BadIndex, match="index-eval"):
            read_index(tmp_path / name)


def judged(row: dict[str, Any], **settings: Any) -> Any:
    work = decontaminate(row, Context(Config(**settings)))
    with pytest.raises(StopIteration) as stop:
        next(work)
    return stop.value.value


def test_each_text_of_a_row_is_compared(tmp_path: Path) -> None:
    build_index(ITEMS, with_texts=True).write(tmp_path / "farm.npz")
    sets = {"farm": str(tmp_path / "farm.npz")}
    row = {"instruction": "Solve it", "query_text": "Solve this one for me", "query_heard": HELD[2][0]}
    with pytest.raises(Reject) as reject:
        next(decontaminate(row, Context(Config(sets=sets))))
    assert reject.value.reason == "contaminated"
    assert reject.value.message.startswith("farm: item 2: ") and "in query_heard" in reject.value.message
    assert ITEMS[1] in reject.value.message and reject.value.sample == HELD[2][0]
    assert judged(row, sets=sets, action="flag")["evaluation_overlap"].startswith("farm: item 2: ")
    assert judged(row | {"query_heard": None}, sets=sets) == {"evaluation_overlap": "none"}


def rejected(state: State) -> list[str]:
    rejects = [one for shard in range(len(state.shards)) for one in rejects_of(state, shard)]
    return [one.sample for one in rejects if one is not None]


def test_a_new_set_checks_again_and_asks_no_engine(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [HELD[0][0], FREE[0], "Tell me about the sea and its fish"])
    recipe = yaml.safe_load(Path(path).read_text())
    (tmp_path / "evals.jsonl").write_text("".join(json.dumps({"prompt": one}) + "\n" for one in ITEMS))
    assert main(["index-eval", str(tmp_path / "first.npz"), str(tmp_path / "evals.jsonl")]) == 0
    recipe["stages"]["decontaminate"] = {"sets": {"first": "first.npz"}}
    Path(path).write_text(yaml.safe_dump(recipe))
    state = open_state(path)
    assert run_inline(state) == {}
    assert rejected(state) == [HELD[0][0]]
    assert asked(path)
    (tmp_path / "more.csv").write_text("Question\nWhat is the capital of Germany?\n")
    assert main(["index-eval", str(tmp_path / "second.npz"), str(tmp_path / "more.csv"), "--field", "Question"]) == 0
    recipe["stages"]["decontaminate"]["sets"]["second"] = "second.npz"
    Path(path).write_text(yaml.safe_dump(recipe))
    state = open_state(path)
    assert {node for node, _ in state.ready} == {"decontaminate"}
    assert run_inline(state) == {}
    assert sorted(rejected(state)) == sorted([HELD[0][0], FREE[0]])
    assert asked(path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.txt", "evals.jsonl"], "ends in .npz"),
        (["x.npz"], "either files of questions or a --preset"),
        (["x.npz", "--preset", "voicebenhc"], "did you mean 'voicebench'"),
        (["x.npz", "nothing.jsonl"], "no such file"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index-eval", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and message in lines[0]
