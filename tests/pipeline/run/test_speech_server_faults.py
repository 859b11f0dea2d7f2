"""What a server of voices may send in place of speech: rows wait, and are spoken when it does better."""

from pathlib import Path

import pytest

from tests.helpers.hostile_clips import NO_CLIPS
from tests.helpers.openai_server import OpenAIServer
from tests.helpers.raw_server import Sends, endless, http, raw_server
from tests.helpers.recipes import open_state, run_inline, texts_of, write_recipe

TEXTS = [f"How long does {thing} stay fresh?" for thing in ("milk", "bread", "rice")]
SENDS: dict[str, Sends] = {
    **{name: lambda clip=clip: [http(clip, kind="audio/wav")] for name, clip in NO_CLIPS.items()},  # type: ignore[misc]
    "a body without end": lambda: endless(b"HTTP/1.1 200 OK\r\n\r\n", b"RIFF" * 2**14),
    "a page, 413": lambda: [http(b"<h1>413</h1>", "413 Payload Too Large")],
    "no page": lambda: [http(b"<h1>404</h1>", "404 Not Found")],
}


@pytest.mark.parametrize("sends", SENDS.values(), ids=SENDS)
def test_rows_that_were_not_spoken_wait(sends: Sends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    stages = {
        "normalise_query": {"stage": "normalise", "of": "query"},
        "speak_query": {"stage": "speak", "of": "query", "engine": "tts", "attempts": 1, "voices": ["anna"]},
        "listen_query": {"stage": "listen", "of": "query", "engine": "asr"},
        "rate_query": {"stage": "rate", "of": "query", "engine": "mos"},
        "pick_query": {"stage": "pick", "of": "query"},
    }
    with raw_server(sends) as bad, OpenAIServer() as good:
        tts = {"backend": "tts_openai", "base_url": good.url, "model": "small", "licence": "MIT", "retries": 0}
        engines = {"tts": tts, "asr": {"backend": "asr_null"}, "mos": {"backend": "mos_null"}}
        columns = {"instruction": "instruction", "query_text": "instruction"}
        path = write_recipe(tmp_path, TEXTS, stages=stages, engines=engines, sources__rows__columns=columns)
        pending = run_inline(open_state(path, overrides=[f"engines.tts.base_url={bad.url}"]))
        assert len(pending) == len(TEXTS) and all(bad.url in why for why in pending.values())
        state = open_state(path)
        assert run_inline(state) == {}
    assert all(clip is not None for clip in texts_of(state, "query_audio_1"))
