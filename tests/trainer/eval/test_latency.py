"""Latency against Omega: first times and lagging words by hand, and the command from outside."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from tests.trainer.talk.checkpoints import VOCODER, made, models_in
from voxsmith.trainer.cli import main
from voxsmith.trainer.eval import latency, latency_report
from voxsmith.trainer.eval.latency import Clip, Heard, answer, measure, summed
from voxsmith.trainer.eval.svg import ticks
from voxsmith.trainer.generated.ears import Ears
from voxsmith.trainer.talk.command import Ready, ready
from voxsmith.trainer.talk.events import Audio, End, Token, Units

CLIP = Clip("q", np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = models_in(tmp_path_factory.mktemp("models"))
    place = made(models, tmp_path_factory.mktemp("run"))
    (place / "q.jsonl").write_text('{"audio": "question.wav"}\n{"audio": "none.wav"}\n{"audio": "question.wav"}\n')
    (models / "question.wav").rename(place / "question.wav")
    return place


@pytest.fixture(scope="module")
def talk(run: Path) -> Ready:
    return ready(run, str(VOCODER), torch.device("cpu"))


def test_firsts_and_lagging_words_of_an_answer_by_hand(talk: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that ticks whenever it is looked at: 10 ms an event."""
    sound = np.ones(5, np.float32)
    events = [
        Token(0, 1, "One"),
        Units(0, [1, 2]),
        Token(0, 2, " two three"),
        Audio(0, sound),
        Units(0, [3]),
        Token(0, 3, " four"),
        Audio(0, 2 * sound),
        End(0, False),
    ]
    monkeypatch.setattr(latency, "generate", lambda *_, **__: iter(events))

    def at(whole: bool) -> Heard:
        seconds = iter(np.arange(20) / 100)
        return answer(talk, CLIP, 10, None, 5, "answer", whole, lambda: next(seconds))

    heard = at(True)
    assert heard.first == pytest.approx({"token": 10, "unit": 20, "audio": 40}) and heard.lagging == 3
    assert heard.text == "One two three four" and heard.units == 3 and heard.speech.tolist() == [1] * 5 + [2] * 5
    short = at(False)
    assert short.first == heard.first and short.text == "One two three" and len(short.speech) == 5


def test_what_answers_come_to_by_hand() -> None:
    speech = np.zeros(160, np.float32)
    rows = [
        Heard("a", "A cat sat here.", {"token": 1, "unit": 2, "audio": 9}, 2, 12, speech),
        Heard("b", "Dogs bark.", {"token": 3, "unit": 4, "audio": 5}, 4, 12, speech),
        Heard("c", "Birds sing!", {"token": 5, "unit": 9, "audio": 7}, 9, 12, speech),
        Heard("d", "Fish.", {"token": 100}),
    ]
    ears = Ears("toy", lambda samples: "a cat sat there", {"dnsmos": lambda samples: 2.5})
    made = summed(10, rows, 16000, "answer", ears)
    assert (made.questions, made.silent, made.lagging) == (4, 1, 4)
    assert made.first == {"token": 3, "unit": 4, "audio": 7} and made.mos == {"dnsmos": 2.5}
    assert made.wer == (1 + 4 + 4) / 8  # one other word; two other words and two too many, twice
    deaf = summed(10, rows, 16000, "answer", None)
    assert deaf.wer is None and deaf.mos == {} and deaf.first == made.first
    assert summed(10, rows[3:], 16000, "answer", ears) == latency.Measure(10, 1, 1, {}, None)


def test_a_longer_chunk_waits_for_more_tokens_and_is_the_same_speech(talk: Ready) -> None:
    looks = iter(range(1_000_000))
    short, long = (answer(talk, CLIP, omega, None, 20, "answer", True, lambda: next(looks)) for omega in (2, 40))
    assert short.text == long.text and short.units == long.units > 60
    assert short.first["token"] == long.first["token"] and short.first["audio"] < long.first["audio"]
    assert np.abs(short.speech - long.speech).max() < 1e-5
    assert short.lagging is not None and long.lagging is not None and short.lagging < long.lagging


def test_every_question_is_asked_at_every_omega_after_one_that_does_not_count(
    talk: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def note(made: Ready, clip: Clip, omega: int, *_: Any) -> Heard:
        asked.append((clip.id, omega))
        return Heard(clip.id, "a", {"token": len(asked), "unit": len(asked), "audio": len(asked)}, 1, 1)

    monkeypatch.setattr(latency, "answer", note)
    clips = [Clip(name, CLIP.samples) for name in "ab"]
    made = measure(talk, clips, (10, 20), None, 5, "answer", None)
    assert asked == [("a", 10), ("a", 10), ("a", 20), ("b", 10), ("b", 20)]
    assert [(one.omega, one.first["audio"]) for one in made] == [(10, 3), (20, 4)]  # of 2 and 4, of 3 and 5


def test_the_command_writes_a_table_and_plots(run: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    ears = Ears("toy", lambda samples: "what", {"utmos": lambda samples: 1.5}, ("DNSMOS isn't here",))
    monkeypatch.setattr(latency_report, "open_ears", lambda asr: ears)
    options = ["--vocoder", str(VOCODER), "--omega", "4", "16", "--max-tokens", "10", "--device", "cpu"]
    options += ["--out", str(tmp_path), "--questions", str(run / "q.jsonl")]
    assert main(["latency", str(run), *options]) == 0
    printed = capsys.readouterr().out
    assert (
        "| Omega, units | first token, ms | first unit, ms | first audio, ms | words lagging | ASR-WER | UTMOS |"
        in printed
    )
    values = json.loads((tmp_path / "latency.json").read_text())
    assert [one["omega"] for one in values["measures"]] == [4, 16] and values["measures"][0]["questions"] == 2
    for one in values["measures"]:
        assert 0 < one["first"]["token"] <= one["first"]["unit"] <= one["first"]["audio"]
        assert f"| {one['omega']} | {one['first']['token']:.0f} | " in printed and one["mos"] == {"utmos": 1.5}
    assert "2 questions of" in printed and "DNSMOS isn't here." in printed and "so Omega changes nothing" in printed
    root = ElementTree.parse(tmp_path / "latency.svg").getroot()
    texts = [text.text for text in root.iter() if text.tag.endswith("text")]
    assert {"Omega, units of a chunk", "time from the question, ms", "first token", "first audio"} <= set(texts)
    assert {f"{tick:g}" for tick in ticks(4, 16)[1:-1]} <= set(texts) and (tmp_path / "latency.wer.svg").is_file()
    page = ["eval", str(run), "--questions", str(run / "q.jsonl"), "--max-tokens", "3", "--out", str(tmp_path)]
    assert main([*page, "--device", "cpu"]) == 0
    shown = (tmp_path / "q.html").read_text()
    assert "Latency against Omega" in shown and f"<td>{values['measures'][1]['first']['token']:.0f}</td>" in shown
    (tmp_path / "latency.json").write_text(json.dumps(values | {"checkpoint": "another"}))
    assert main([*page, "--device", "cpu"]) == 0
    assert "Latency" not in (tmp_path / "q.html").read_text()


def test_what_is_wrong_is_one_line(run: Path, tmp_path: Path, capsys: Any) -> None:
    def line(*options: str) -> str:
        assert main(["latency", str(run), "--vocoder", str(VOCODER), "--no-quality", "--device", "cpu", *options]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        return str(said)

    assert "an export or --questions FILE" in line()
    assert "twice" in line("--questions", str(run / "q.jsonl"), "--omega", "4", "4")
    (tmp_path / "q.jsonl").write_text('{"audio": "a.wav"}\n')
    assert "no question can be used" in line("--questions", str(tmp_path / "q.jsonl"))
