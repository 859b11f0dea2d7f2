"""`eval --questions` from outside: a file of questions, a vocoder, ears and a judge; the report, and the page as a browser reads it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.html_page import HOSTILE, Page
from tests.helpers.made_corpus import tone
from tests.helpers.openai_server import Body, Fault, OpenAIServer, user_text
from tests.trainer.talk.checkpoints import VOCODER, made, models_in
from voxsmith.models.chat import Chat
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.cli import main
from voxsmith.trainer.generated import generator
from voxsmith.trainer.generated.ears import Ears
from voxsmith.trainer.talk.command import ready
from voxsmith.trainer.talk.generate import answers
from voxsmith.trainer.talk.questions import asked, heard


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a checkpoint of random weights, and its log."""
    folder = tmp_path_factory.mktemp("run")
    made(models_in(tmp_path_factory.mktemp("models")), folder)
    (folder / "log.jsonl").write_text('{"step": 1, "loss": 2, "answer": 2}\n{"step": 2, "loss": 1, "answer": 1}\n')
    return folder


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Ten of them, of which two are of no use; more than are answered together."""
    rows: list[Any] = []
    for number in range(10):
        (tmp_path / f"{number}.flac").write_bytes(tone(0.3 + 0.02 * number))
        rows.append({"id": f"q{number}", "question": f"Number {number}? {HOSTILE}", "audio": f"{number}.flac"})
    rows[3]["audio"] = "../3.flac"
    (tmp_path / "5.flac").write_bytes(b"no sound")
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_questions_are_put_with_the_prompt_that_was_trained(tmp_path: Path, capsys: Any) -> None:
    models, clip = models_in(tmp_path), tone(0.4)
    run = made(models, tmp_path / "run", units=None, prompt="llama_omni")
    (tmp_path / "0.flac").write_bytes(clip)
    (tmp_path / "q.jsonl").write_text('{"audio": "0.flac"}')
    assert (
        main(["eval", str(run), "--questions", str(tmp_path / "q.jsonl"), "--max-tokens", "8", "--device", "cpu"]) == 0
    )
    capsys.readouterr()
    assert main(["talk", str(run), str(tmp_path / "0.flac"), "--max-tokens", "8", "--device", "cpu"]) == 0
    (report,) = run.glob("checkpoints/*/eval/q.json")
    (answer,) = json.loads(report.read_text())["generated"]["each"]
    said = capsys.readouterr().out
    assert said.split(" … (cut")[0].split("\nfirst token")[0] == answer["text"], said


def grades(body: Body) -> str:
    asked = json.loads(user_text(body))
    return json.dumps({"why": HOSTILE, "helpfulness": 5 if asked["answer"] == "what I hear" else 2, "speech": 3})


def test_questions_are_answered_spoken_heard_and_graded(
    run: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    ears = Ears("toy", lambda samples: "what I hear", {"dnsmos": lambda samples: 2.5})
    monkeypatch.setattr(generator, "open_ears", lambda asr, mos: ears)
    monkeypatch.setenv("JUDGE_KEY", "sk-secret")
    out = tmp_path / "out"
    with OpenAIServer(grades) as judge:
        judge.key = "sk-secret"
        options = ["--vocoder", str(VOCODER), "--judge", judge.url, "--judge-model", "small", "--max-tokens", "6"]
        options += ["--out", str(out), "--judge-key-env", "JUDGE_KEY", "--device", "cpu"]
        assert main(["eval", str(run), "--questions", str(questions), *options]) == 0
    values = json.loads((out / "questions.json").read_text())
    assert len(values["spoiled"]) == 2 and values["rows"] == 8
    assert f"{questions} line 4: the clip ../3.flac isn't in" in values["spoiled"][0]
    assert f"{questions} line 6: not an audio file" in values["spoiled"][1]

    talk = ready(run, None, torch.device("cpu"))
    network = talk.speaker.network
    each = values["generated"]["each"]
    assert [one["id"] for one in each] == [f"q{number}" for number in (0, 1, 2, 4, 6, 7, 8, 9)]
    for one in each:
        clip = heard(tmp_path / f"{one['id'][1:]}.flac", network)
        batch = asked(network, Chat(talk.speaker.tokenizer), TASKS["transcribe"].request, [clip])
        (answer,) = answers(talk.speaker, batch, 6)
        assert one["text"] == answer.text and one["units"] == len(answer.units) and one["heard"] == "what I hear"
        assert (out / one["answer_audio"]).is_file() and one["judge"]["speech"]["helpfulness"] == 5
        assert one["judge"]["text"]["helpfulness"] == 2 and one["text_errors"] is None  # nobody said what is right
    of = values["generated"]["judge"]
    assert (of["text"]["helpfulness"]["mean"], of["speech"]["helpfulness"]["mean"], of["text"]["judged"]) == (2, 5, 8)

    printed = capsys.readouterr().out
    assert "| its speech, as ASR hears it: helpful | 5.00 | 5.00 to 5.00 | 8 |" in printed
    assert printed == (out / "questions.md").read_text() + f"\nreport  {out / 'questions.md'}\n"
    page = Page((out / "questions.html").read_text())
    assert len(page.all("audio")) == 16 and not page.all("script") and not page.all("img")
    assert page.text.count(f"? {HOSTILE}") == 8 and page.text.count("Heard in its speech: what I hear") == 8
    assert "Loss: answer" in page.text and len(page.all("svg")) == 1
    everything = printed + "".join(file.read_text() for file in out.iterdir() if file.is_file())
    assert "sk-secret" not in everything


def test_what_was_measured_outlives_the_judge(run: Path, questions: Path, tmp_path: Path, capsys: Any) -> None:
    with OpenAIServer(grades) as judge:
        judge.always = Fault(status=401, message="who are you?")
        options = ["--judge", judge.url, "--judge-model", "small", "--max-tokens", "3", "--generate", "2"]
        options += ["--out", str(tmp_path / "out"), "--device", "cpu"]
        assert main(["eval", str(run), "--questions", str(questions), *options]) == 0
    values = json.loads((tmp_path / "out" / "questions.json").read_text())["generated"]
    assert values["rows"] == 2 and values["judge"]["text"]["judged"] == 0 and "speech" not in values["judge"]
    assert "helpfulness" not in values["judge"]["text"] and len(judge.seen) <= 2
    assert "not judged (text): status 401: who are you?" in capsys.readouterr().out


def test_what_is_wrong_is_one_line(run: Path, questions: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def line(*arguments: str) -> str:
        assert main(["eval", str(run), *arguments, "--device", "cpu"]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        return str(said)

    of = ["--questions", str(questions)]
    assert "an export or --questions" in line() and "an export or --questions" in line("out", *of)
    assert "--split is of exports" in line(*of, "--split", "test")
    assert "go together" in line(*of, "--judge", "http://127.0.0.1:1/v1")
    named = [*of, "--judge-model", "small"]
    assert "no address of a server" in line(*named, "--judge", "127.0.0.1:8000")
    assert "holds no key" in line(*named, "--judge", "http://me:sk-secret@127.0.0.1/v1")
    assert "no JSON object" in line(*named, "--judge", "http://127.0.0.1:1/v1", "--judge-extra", "[1]")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00e4")
    assert "OPENAI_API_KEY holds no key" in line(*named, "--judge", "http://127.0.0.1:1/v1")
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "no such file" in line("--questions", str(questions.parent / "none"))
    shutil.rmtree(questions.parent, ignore_errors=True)
    questions.parent.mkdir()
    questions.write_text('{"audio": "a.wav"}\n')
    assert f"{questions}: no question can be used: {questions} line 1: no clip a.wav in" in line(*of)
