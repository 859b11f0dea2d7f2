"""Engines without a model: all of the pipeline runs on them, and what they reply hangs on the request alone."""

from pathlib import Path

import pytest

from benchmarks.corpora import write_recipe
from tests.helpers.recipes import open_state, run_inline, texts_of
from voxsmith.stages.engines.asr import null as asr_null
from voxsmith.stages.engines.llm import null as llm_null
from voxsmith.stages.engines.tts import null as tts_null
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.requests.mos import Rate
from voxsmith.stages.requests.tts import Speak
from voxsmith.stages.text.scores import read_scores, scores_schema


def test_every_stage_runs_on_them_and_nearly_every_row_comes_out(tmp_path: Path) -> None:
    path = str(write_recipe(tmp_path, 120))
    state = open_state(path)
    assert run_inline(state) == {}
    units = texts_of(state, "answer_units")
    assert sum(value is not None for value in units) > 0.97 * len(units) > 100


def test_what_was_said_is_heard_and_equal_requests_have_equal_replies(ask) -> None:
    tts, asr, llm = (
        tts_null.BACKEND.load(tts_null.Config()),
        asr_null.BACKEND.load(asr_null.Config()),
        llm_null.BACKEND.load(llm_null.Config()),
    )
    request = Speak("Many words, and a “quotation”.", "null_1", sample_rate=16000)
    first, again = ask(tts, [request, request])
    assert first == again
    assert ask(asr, [Transcribe(first.flac)])[0].text == request.text
    assert ask(llm, [Complete(prompt="Why?", seed=1)]) != ask(llm, [Complete(prompt="Why?", seed=2)])
    with pytest.raises(TypeError, match="Rate"):
        ask(tts, [Rate(first.flac)])


def test_a_judge_without_a_model_gives_scores() -> None:
    """So that a recipe with a judge can be tried before a GPU is rented."""
    engine = llm_null.BACKEND.load(llm_null.Config())
    request = Complete(messages=(("user", "Judge this."),), json_schema=scores_schema(("right", "safe")))
    scores = read_scores(engine.submit(request).result().text, ("right", "safe"))
    assert scores is not None and set(scores.by_aspect) == {"right", "safe"} and scores.reason
    engine.close()
