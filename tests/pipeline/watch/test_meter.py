"""What a task's work comes to is counted: requests, tokens, seconds of audio, and the engine's time, shared out."""

import json
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray.util.metrics import Gauge

from tests.helpers.recipes import open_state, run_inline, write_recipe
from voxsmith.pipeline.watch import meter
from voxsmith.pipeline.watch.meter import Meter
from voxsmith.pipeline.watch.ray_metrics import RayMetrics
from voxsmith.pipeline.watch.work import Work
from voxsmith.stages.engines.asr import null as asr_null
from voxsmith.stages.engines.base import Unavailable
from voxsmith.stages.engines.tts import null as tts_null
from voxsmith.stages.engines.usage import seconds_of
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.requests.mos import Rate, Score
from voxsmith.stages.requests.speaker import Embed, Voiceprint
from voxsmith.stages.requests.tts import Clip, Speak
from voxsmith.stages.requests.units import Encode, Features, Quantise, Units


class Clock:
    """Stands in for `time` where the meter looks: it goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(meter, "time", clock)
    return clock


class SlowEngine:
    """Replies to what waits, one request after another, when it is told to; each takes a second on the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.usage = clock, Counter[str]()
        self.waiting: list[tuple[Complete, Future[Any]]] = []

    def submit(self, request: Complete) -> "Future[Any]":
        self.waiting.append((request, Future()))
        return self.waiting[-1][1]

    def reply(self) -> None:
        while self.waiting:
            request, future = self.waiting.pop(0)
            self.clock.now += 1
            self.usage["prompt_tokens"] += len((request.prompt or "").split())
            future.set_result(Completion("yes", "stop", 1))

    def close(self) -> None: ...


def test_the_engines_time_is_shared_out_by_who_it_worked_for(clock: Clock) -> None:
    engine = SlowEngine(clock)
    measured = Meter(engine)
    clock.now += 100  # nobody's
    few, many = measured.open(), measured.open()
    clock.now += 2  # before anything is asked: of the actor, not of the engine
    for account, prompts in ((few, ["a b"] * 5), (many, ["c d e"] * 20)):
        for prompt in prompts:
            account.submit(Complete(prompt=prompt))
    engine.reply()
    first, second = few.totals(), many.totals()
    assert (first["asked"], second["asked"]) == (5, 20)
    assert (first["prompt_tokens"], second["prompt_tokens"]) == (5 * 2, 20 * 3)
    assert (first["completion_tokens"], second["completion_tokens"]) == (5, 20)
    assert (first["busy"], second["busy"]) == (5, 20)
    assert (first["worked"], second["worked"]) == (2 + 5, 20)


def test_idle_time_is_nobodys_and_failures_are_counted_as_asked(clock: Clock) -> None:
    engine = SlowEngine(clock)
    account = Meter(engine).open()
    account.submit(Complete(prompt="one"))
    engine.reply()
    clock.now += 30
    failing = account.submit(Complete(prompt="two"))
    clock.now += 4
    engine.waiting.pop()[1].set_exception(TypeError("it can't"))
    with pytest.raises(TypeError):
        failing.result()
    figures = account.totals()
    assert (figures["asked"], figures["busy"], figures["worked"]) == (2, 1 + 4, 1 + 30 + 4)
    account.close()


def test_seconds_of_audio_are_those_spoken_and_heard() -> None:
    speaks, hears = Meter(tts_null.BACKEND.load(tts_null.Config())), Meter(asr_null.BACKEND.load(asr_null.Config()))
    spoken, heard = speaks.open(), hears.open()
    clip = spoken.submit(Speak(text="a hum that lasts for as long as this", voice="null_1")).result()
    assert heard.submit(Transcribe(clip=clip.flac)).result().text == "a hum that lasts for as long as this"
    seconds = spoken.totals()["spoken_seconds"]
    assert seconds == pytest.approx(28 / tts_null.LETTERS, abs=0.01) == heard.totals()["heard_seconds"]
    assert seconds_of(b"RIFF, not FLAC") == 0


def test_a_process_without_an_engine_is_busy_while_a_unit_is_on(clock: Clock) -> None:
    account = Meter(None).open()
    clock.now += 7
    account.progressed(3)
    figures = account.totals()
    assert account.rows == 3 and figures["busy"] == figures["worked"] == 7
    with pytest.raises(TypeError, match="names no engine"):
        account.submit(Complete(prompt="who?"))


def metrics_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The metrics of each stage's objects, summed."""
    metrics: dict[str, Counter[str]] = {}
    for file in (folder / "store" / "objects").glob("toy_*/*.json"):
        metrics.setdefault(file.parent.name, Counter()).update(json.loads(file.read_text())["metrics"])
    return metrics


def test_objects_say_what_they_took(tmp_path: Path) -> None:
    texts = ["one", "two words", "three words here"] * 4
    path = write_recipe(tmp_path, texts)
    assert run_inline(open_state(path)) == {}
    metrics = metrics_of(tmp_path)
    words = sum(len(text.split()) for text in texts)
    assert metrics["toy_shout"]["prompt_tokens"] == metrics["toy_shout"]["completion_tokens"] == words
    assert metrics["toy_count"]["asked"] == 24
    assert metrics["toy_count"]["prompt_tokens"] == 2 * words + 24 * 2
    assert metrics["toy_words"]["busy"] > 0 and metrics["toy_words"]["asked"] == 0


def test_an_engine_whose_actors_have_gone_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus keeps showing what a gauge was set to last: in waves engines come and go."""
    shown: dict[tuple[str, str], float] = {}

    def keep(gauge: Gauge, value: float, tags: dict[str, str]) -> None:
        shown[gauge.info["name"], tags["engine"]] = value

    monkeypatch.setattr(Gauge, "set", keep)
    metrics = RayMetrics(Work(open_state(write_recipe(tmp_path, ["x"])).graph))
    metrics.look({"llm": 4})
    assert shown == {("voxsmith_actors", "llm"): 4}
    metrics.look({"stages": 1})
    assert shown == {("voxsmith_actors", "llm"): 0, ("voxsmith_actors", "stages"): 1}


def test_nothing_goes_to_a_task_that_has_given_its_figures(clock: Clock) -> None:
    """While one task writes its object, the engine works for another: that is not lost with the end of the first."""
    engine = SlowEngine(clock)
    shared = Meter(engine)
    ends, goes_on = shared.open(), shared.open()
    ends.submit(Complete(prompt="two words"))
    engine.reply()
    given = dict(ends.figures)
    goes_on.submit(Complete(prompt="three words more"))
    engine.usage["prompt_tokens"] += 3  # counted by the engine; its reply is on the way
    clock.now += 5
    ends.close()
    assert ends.figures == given
    engine.waiting.pop()[1].set_result(Completion("yes", "stop", 1))
    goes_on.close()
    assert (goes_on.figures["prompt_tokens"], goes_on.figures["busy"], goes_on.figures["worked"]) == (3, 5, 5)


class Odd:
    """Replies to whatever it is asked with what it was given."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply

    def submit(self, request: Request) -> "Future[Any]":
        future = Future[Any]()
        if self.reply is None:
            assert future.cancel() and not future.set_running_or_notify_cancel()
        else:
            future.set_result(self.reply)
        return future

    def close(self) -> None: ...


def of(kind: type, **values: Any) -> Any:
    """An instance that was never asked whether its values fit."""
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


@pytest.mark.parametrize(
    ("request_", "reply", "wrong"),
    [
        (Complete(prompt="x"), "yes", "'str' in reply to Complete, which wants Completion"),
        (Complete(prompt="x"), {"text": "yes"}, "'dict' in reply to Complete"),
        (Complete(prompt="x"), Clip(b"fLaC"), "'Clip' in reply to Complete"),
        (
            Complete(prompt="x"),
            of(Completion, text=None, finish="stop", tokens=1, teacher=None),
            "text of type 'NoneType'",
        ),
        (
            Complete(prompt="x"),
            of(Completion, text=["y"], finish="stop", tokens=1, teacher=None),
            "text of type 'list'",
        ),
        (Complete(prompt="x"), Completion("yes", "stop", "2"), "tokens of type 'str'"),  # type: ignore[arg-type]
        (Complete(prompt="x"), Completion("yes", "stop", np.int64(2)), "doesn't pack"),  # type: ignore[arg-type]
        (Complete(prompt="x"), Completion("yes", "stop", 2, {"a": {1}}), "doesn't pack"),
        (Speak("x", "v"), Clip(None), "flac of type 'NoneType'"),  # type: ignore[arg-type]
        (Speak("x", "v"), Clip("fLaC"), "flac of type 'str'"),  # type: ignore[arg-type]
        (Transcribe(b""), Heard(7), "text of type 'int'"),  # type: ignore[arg-type]
        (Rate(b""), Score("3"), "mos of type 'str'"),  # type: ignore[arg-type]
        (Quantise(b"", b""), Units([1, 2]), "frames of type 'list'"),  # type: ignore[arg-type]
        (Encode(b""), Features([1.0]), "frames of type 'list'"),  # type: ignore[arg-type]
        (Embed(b""), Voiceprint(None), "vector of type 'NoneType'"),  # type: ignore[arg-type]
        (Complete(prompt="x"), None, "dropped"),
    ],
)
def test_a_reply_of_the_wrong_type_is_no_rows_fault(request_: Request, reply: Any, wrong: str) -> None:
    error = Meter(Odd(reply)).open().submit(request_).exception(5)
    assert isinstance(error, Unavailable) and wrong in str(error)


def test_figures_that_are_none_keep_no_task_waiting() -> None:
    engine = Odd(Completion("yes", "stop", 1))
    engine.usage = None  # type: ignore[attr-defined]
    assert Meter(engine).open().submit(Complete(prompt="x")).result(5).text == "yes"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (Complete(prompt="x"), Completion("yes", "stop", 2, {"tokens": [1]})),
        (Rate(b""), Score(3)),
        (Rate(b""), Score(np.float64(3.5))),
        (Encode(b""), Features(np.zeros((2, 3), np.float32))),
        (Quantise(b"", b""), Units(np.zeros(2, np.uint16))),
    ],
)
def test_a_reply_of_the_right_type_goes_through(request_: Request, reply: Any) -> None:
    assert Meter(Odd(reply)).open().submit(request_).result(5) is reply
