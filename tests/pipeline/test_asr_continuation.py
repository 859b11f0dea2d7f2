"""The recipe asr_continuation over its real clips, with engines that have no model: what runs again after what was changed."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.recipes import run_inline, texts_of
from voxsmith.pipeline.api.opened import load, open_recipe
from voxsmith.pipeline.plan.state import State
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.stages.engines.null import Null
from voxsmith.stages.engines.recordings.reader import Reader
from voxsmith.stages.requests.asr import Heard, Transcribe

CLIPS = ROOT / "configs/data/asr"


class Corpus:
    """A copy of the recipe's transcripts beside its clips, and what engines were asked since the last run."""

    def __init__(self, folder: Path, asked: Counter[str], said: dict[bytes, str]) -> None:
        self.folder, self.asked, self.said = folder, asked, said
        self.verified = False
        self.manifest, self.prompt = folder / "manifest.jsonl", folder / "continue.jinja"
        self.records = [json.loads(line) for line in (CLIPS / "manifest.jsonl").read_text().splitlines()]
        self.spoken = {record["path"]: record["text"] for record in self.records}
        self.prompt.write_text((ROOT / "configs/prompts/continue.jinja").read_text())

    def run(self) -> tuple[State, dict[str, int]]:
        """The state at its end, and how many requests of which kind were asked."""
        self.manifest.write_text("".join(json.dumps(record) + "\n" for record in self.records))
        source = {"layout": "manifest", "path": str(self.manifest), "clips": str(CLIPS), "licence": "CC-BY-4.0"}
        changes: dict[str, Any] = {
            "store": str(self.folder / "store"),
            "out": str(self.folder / "out"),
            "sources.clips": source | {"shard": {"least": 4, "target": 8, "most": 12}},
            "engines.asr": {"backend": "asr_null"},
            "engines.mos": {"backend": "mos_null"},
            "engines.llm": {"backend": "llm_null"},
            "stages.continue_text.prompt": str(self.prompt),
            "stages.verify.reject": self.verified,  # the null recogniser hears nothing
        }
        self.asked.clear()
        state = open_recipe(load(str(ROOT / "configs/asr_continuation.yaml"), changes, "tiny"), True).state(True, None)
        assert run_inline(state) == {}
        return state, dict(self.asked)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    asked, read, said = Counter[str](), Reader.read, dict[bytes, str]()
    corpus = Corpus(tmp_path, asked, said)

    def slowly(engine: Null, request: Any) -> Any:
        asked[type(request).__name__] += 1
        heard = said.get(request.clip) if isinstance(request, Transcribe) else None
        return Heard(heard) if heard else engine.reply(request)

    def read_and_count(engine: Reader, request: Any) -> Any:
        asked[type(request).__name__] += 1
        clip = read(engine, request)
        path = ClipReference.parse(request.place).path  # type: ignore[attr-defined]
        corpus.said[clip.flac] = corpus.spoken[path] if corpus.verified else ""
        return clip

    monkeypatch.setattr(Null, "_slowly", slowly)
    monkeypatch.setattr(Reader, "read", read_and_count)
    return corpus


def test_only_what_changed_is_asked(corpus: Corpus) -> None:
    state, first = corpus.run()
    assert first["ReadClip"] == first["Rate"] == 24 and first["Transcribe"] >= 24 and first["Complete"] >= 24
    assert len([text for text in texts_of(state, "continuation") if text]) >= 20

    assert corpus.run()[1] == {}, "a second run does nothing"

    edited = next(record for record in corpus.records if record["id"] == "vctk-p287_002")
    edited["text"] = "Ask him to bring these things with him from the market."
    state, again = corpus.run()
    assert edited["text"] in texts_of(state, "transcript")
    assert set(again) <= {"Complete", "Transcribe"} and 1 <= again["Complete"] <= 3, "no more than that row's attempts"
    assert again.get("Transcribe", 0) <= 1, "its clip is heard again at most: carefully, where the text is another"

    corpus.prompt.write_text("Go on with this.\n" + corpus.prompt.read_text())
    _, asked = corpus.run()
    assert set(asked) == {"Complete"} and asked["Complete"] >= 24, "no clip is read, heard or rated again"


def test_the_llm_is_not_asked_about_mislabelled_clips(corpus: Corpus) -> None:
    corpus.verified = True
    first, second = corpus.records[0], corpus.records[1]
    first["text"], second["text"] = second["text"], first["text"]
    state, asked = corpus.run()
    assert state.rejected["verify"] == 2, "each has the other's transcript"
    assert asked["Complete"] == 22
    rows = zip(texts_of(state, "id"), texts_of(state, "continuation"), strict=True)
    assert {row for row, text in rows if text is None} == {f"clips-{one['id']}.0" for one in (first, second)}
    assert corpus.run()[1] == {}

    corpus.prompt.write_text("Go on with this.\n" + corpus.prompt.read_text())
    assert corpus.run()[1] == {"Complete": 22}

    first["text"], second["text"] = second["text"], first["text"]
    state, again = corpus.run()
    assert state.rejected["verify"] == 0 and again["Complete"] == 2, "the two that were mended, and no other"
    assert set(again) <= {"Complete", "Transcribe"} and again.get("Transcribe", 0) <= 2


def test_a_row_is_named_by_its_corpus_whatever_its_transcript(corpus: Corpus) -> None:
    before = texts_of(corpus.run()[0], "id")
    corpus.records[3]["text"] = "SOMETHING ELSE"
    assert texts_of(corpus.run()[0], "id") == before and len(set(before)) == 24
