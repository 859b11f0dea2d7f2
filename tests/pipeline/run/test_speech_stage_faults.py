"""What an engine's faults do to rows of recorded speech, at each stage that asks one: a timeout, a reply of another kind, a
refusal, a library that raises, an engine that is lost.
"""

import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.paths import DATA, ROOT
from tests.helpers.recipes import open_state, run_inline
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.stages.engines.asr import null as asr_null
from voxsmith.stages.engines.augmenter import signal
from voxsmith.stages.engines.base import EngineLost, Refused, Unavailable
from voxsmith.stages.engines.llm import null as llm_null
from voxsmith.stages.engines.recordings import reader

ASR = DATA / "asr"
RECORDS = sorted(
    (json.loads(line) for line in (ASR / "manifest.jsonl").read_text().splitlines()), key=lambda one: one["duration"]
)[:4]
STAGES = {
    "read_clip": (reader.Reader, "ReadClip"),
    "listen": (asr_null.Asr, "Transcribe"),
    "augment": (signal.Signal, "Augment"),
    "continue_text": (llm_null.Llm, "Complete"),
    "translate": (llm_null.Llm, "Complete"),
}


def write(folder: Path, stage: str) -> str:
    """A recipe of four clips that ends with the stage."""
    rows = [{"id": one["id"], "path": one["path"], "text": one["text"]} for one in RECORDS]
    (folder / "speech.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts = ROOT / "configs/prompts"
    settings: dict[str, Any] = {
        "read_clip": {"engine": "clips"},
        "listen": {"of": "row", "engine": "asr"},
        "augment": {"engine": "signal", "gain": {"p": 1.0}},
        "clean_transcript": {},
        "continue_text": {"engine": "llm", "prompt": str(prompts / "continue.jinja")},
        "translate": {"engine": "llm", "to": "de", "prompt": str(prompts / "translate.jinja")},
    }
    before = {
        "listen": ["read_clip"],
        "augment": ["read_clip"],
        "continue_text": ["clean_transcript"],
        "translate": ["clean_transcript"],
    }
    stages = {name: settings[name] for name in [*before.get(stage, []), stage]}
    backends = {"clips": "clip_reader", "asr": "asr_null", "signal": "augmenter_signal", "llm": "llm_null"}
    recipe = {
        "name": "faults",
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": {
            "asr": {
                "layout": "manifest",
                "path": str(folder / "speech.jsonl"),
                "clips": str(ASR),
                "licence": "CC-BY-4.0",
            }
        },
        "engines": {
            name: {"backend": backend}
            for name, backend in backends.items()
            if any(one.get("engine") == name for one in stages.values())
        },
        "stages": stages,
        "checks": {"max_reject_ratio": 1},
    }
    (folder / "faults.yaml").write_text(yaml.safe_dump(recipe))
    return str(folder / "faults.yaml")


class Watched:
    """An engine's class, of which the requests are noted. The first one, whenever it is asked, meets the fault."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
        engine, self.kind = STAGES[stage]
        self.fault: Callable[[], Any] | None = None
        self.first: bytes | None = None
        self.asked: list[bytes] = []
        submit = engine.submit

        def watching(this: Any, request: Any) -> "Future[Any]":
            assert type(request).__name__ == self.kind
            name = request.digest("")
            self.first = self.first or name
            if self.fault is None or name != self.first:
                self.asked.append(name)
                return submit(this, request)
            answered: Future[Any] = Future()
            try:
                answered.set_result(self.fault())
            except Exception as error:
                answered.set_exception(error)
            return answered

        monkeypatch.setattr(engine, "submit", watching)


def raising(error: Exception) -> Callable[[], Any]:
    def fault() -> Any:
        raise error

    return fault


def reasons(state: Any, stage: str) -> list[str]:
    shards = range(len(state.shards))
    return [one.reason for shard in shards for one in rejects_of(state, shard) if one and one.stage == stage]


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return request.param


def test_what_is_no_verdict_leaves_the_row_pending(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, engine = write(tmp_path, stage), Watched(monkeypatch, stage)
    for fault, why in (
        (raising(Unavailable("no reply within 60 s")), "no reply within 60 s"),
        (raising(MemoryError("out of memory")), "out of memory"),
        (lambda: 17, "the backend is at fault: "),
    ):
        engine.fault = fault
        pending = run_inline(open_state(path))
        assert len(pending) == 1 and why in next(iter(pending.values())), (stage, pending)
    engine.fault = None
    state = open_state(path)
    assert run_inline(state) == {}
    assert "engine_error" not in reasons(state, stage)
    assert engine.first in engine.asked
    assert len(engine.asked) == len(set(engine.asked)), "what was answered is not asked again"


def test_what_is_one_costs_one_row(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (error, reason) in enumerate(
        ((Refused("bad_request", "not this one"), "bad_request"), (ValueError("a library's own"), "engine_error"))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, engine = write(folder, stage), Watched(monkeypatch, stage)
        engine.fault = raising(error)
        state = open_state(path)
        assert run_inline(state) == {}
        assert reasons(state, stage).count(reason) == 1, stage


def test_an_engine_that_is_lost_blames_no_row(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, engine = write(tmp_path, stage), Watched(monkeypatch, stage)
    engine.fault = raising(EngineLost("its process died"))
    with pytest.raises(EngineLost, match="its process died"):
        run_inline(open_state(path))
    engine.fault = None
    state = open_state(path)
    assert run_inline(state) == {} and "engine_error" not in reasons(state, stage)
