"""What a task's work comes to is counted: requests, tokens, seconds of audio, and the engine's time, shared out."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ray.util.metrics import Gauge

from pipeline.watch.meter import Account, Meter
from pipeline.watch.ray_metrics import RayMetrics
from pipeline.watch.work import Work
from stages.engines.asr import null as asr_null
from stages.engines.llm import null as llm_null
from stages.engines.tts import null as tts_null
from stages.engines.usage import seconds_of
from stages.requests.asr import Transcribe
from stages.requests.llm import Complete
from stages.requests.tts import Speak
from tests.helpers.recipes import open_state, run_inline, write_recipe

QUICK = llm_null.Config(latency=0.01)


def ask(account: Account, prompts: list[str]) -> None:
    for future in [account.submit(Complete(prompt=prompt)) for prompt in prompts]:
        future.result()


def test_the_engines_time_is_shared_out_by_who_it_worked_for() -> None:
    meter = Meter(llm_null.load(QUICK))
    time.sleep(0.2)  # nobody's
    few, many = meter.open(), meter.open()
    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, (few, many), (["a b"] * 5, ["c d e"] * 20)))
    took = time.monotonic() - start
    first, second = few.told(), many.told()
    assert (first["asked"], second["asked"]) == (5, 20)
    assert first["prompt_tokens"] + second["prompt_tokens"] == 5 * 2 + 20 * 3
    assert first["busy"] + second["busy"] == pytest.approx(took, rel=0.25)
    assert second["busy"] > 2 * first["busy"]
    assert first["busy"] <= first["worked"] + 0.01


def test_idle_time_is_nobodys_and_failures_are_counted_as_asked() -> None:
    meter = Meter(llm_null.load(QUICK))
    account = meter.open()
    ask(account, ["one"])
    time.sleep(0.3)
    with pytest.raises(TypeError):
        account.submit(Transcribe(clip=b"")).result()  # a language model can't
    found = account.told()
    assert found["asked"] == 2 and found["busy"] < 0.2 and found["worked"] > 0.3
    account.close()


def test_seconds_of_audio_are_those_spoken_and_heard() -> None:
    speaks, hears = Meter(tts_null.load(tts_null.Config())), Meter(asr_null.load(asr_null.Config()))
    spoken, heard = speaks.open(), hears.open()
    clip = spoken.submit(Speak(text="a hum that lasts for as long as this", voice="null_1")).result()
    assert heard.submit(Transcribe(clip=clip.flac)).result().text == "a hum that lasts for as long as this"
    seconds = spoken.told()["spoken_seconds"]
    assert seconds == pytest.approx(28 / tts_null.LETTERS, abs=0.01) == heard.told()["heard_seconds"]
    assert seconds_of(b"RIFF, not FLAC") == 0


def test_a_process_without_an_engine_is_busy_while_a_unit_is_on() -> None:
    meter = Meter(None)
    account = meter.open()
    time.sleep(0.05)
    account.progressed(3)
    found = account.told()
    assert account.rows == 3 and found["busy"] == found["worked"] >= 0.05
    with pytest.raises(TypeError, match="names no engine"):
        account.submit(Complete(prompt="who?"))


def metrics_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The metrics of each stage's objects, summed."""
    found: dict[str, Counter[str]] = {}
    for file in (folder / "store" / "objects").glob("toy_*/*.json"):
        found.setdefault(file.parent.name, Counter()).update(json.loads(file.read_text())["metrics"])
    return found


def test_objects_say_what_they_took(toys: None, tmp_path: Path) -> None:
    texts = ["one", "two words", "three words here"] * 4
    path = write_recipe(tmp_path, texts)
    assert run_inline(open_state(path)) == {}
    found = metrics_of(tmp_path)
    words = sum(len(text.split()) for text in texts)
    assert found["toy_shout"]["prompt_tokens"] == found["toy_shout"]["completion_tokens"] == words
    assert found["toy_count"]["asked"] == 24
    assert found["toy_count"]["prompt_tokens"] == 2 * words + 24 * 2
    assert found["toy_words"]["busy"] > 0 and found["toy_words"]["asked"] == 0


def test_an_engine_whose_actors_have_gone_has_none(toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
