"""`eval` on answers that are generated: what it writes, against what `talk` generates and errors counted by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import GOLDEN
from tests.trainer import folders
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import build
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.cli import main
from voxsmith.trainer.data.exports import Export, clip
from voxsmith.trainer.eval import generated
from voxsmith.trainer.generated import generator
from voxsmith.trainer.generated.answered import Answered
from voxsmith.trainer.generated.ears import Ears, listen
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.command import ready
from voxsmith.trainer.talk.generate import answers
from voxsmith.trainer.talk.questions import asked


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, an export of 6 rows, and the checkpoints of a decoder of 20 units, which is the vocoder's, and of 200."""
    folder = tmp_path_factory.mktemp("made")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(6)], [], {"test": 1.0}, rows_a_file=6)
    for units, phase in ((20, "answer"), (200, "units")):
        decoder = {"layers": 1, "width": 32, "heads": 2, "inner": 32, "units": units, "upsampling": 5, "phase": True}
        recipe = TrainRecipe.model_validate(
            {
                "name": phase,
                "phase": phase,
                "start": "runs/units" if phase == "answer" else None,  # where its decoder has learned
                "data": [{"path": str(folder / "export")}],
                "llm": {"model": str(folder / "llm")},
                "encoder": {"model": str(folder / "whisper")},
                "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
                "decoder": decoder,
                "schedule": {"steps": 1, "budget": 3.0},
                "run": {"precision": "float32"},
            }
        )
        network = build(recipe).network
        with torch.no_grad():
            network.decoder.phase.weight *= 30  # units that change from frame to frame
        checkpoint.save(folder / phase, network, torch.optim.AdamW(network.adapter.parameters()), State(), recipe)
    return folder


def evaluated(made: Path, phase: str, out: Path, *options: str) -> dict[str, Any]:
    command = ["eval", str(made / phase), str(made / "export"), "--split", "test", "--out", str(out), "--device", "cpu"]
    assert main([*command, "--max-tokens", "7", "--no-shuffle", *options]) == 0
    values: dict[str, Any] = json.loads((out / "export.test.json").read_text())["generated"]
    return values


def test_answers_are_those_of_talk_and_their_speech_is_heard(made: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    heard: list[int] = []

    def hear(samples: np.ndarray) -> str:
        heard.append(len(samples))
        return "What I hear"

    ears = Ears("toy", hear, {"dnsmos": lambda samples: 2.5, "utmos": lambda samples: float("nan")}, ("No more",))
    monkeypatch.setattr(generator, "open_ears", lambda asr, mos: ears)
    vocoder = GOLDEN / "vocoder"
    values = evaluated(made, "answer", tmp_path, "--generate", "4", "--vocoder", str(vocoder))
    talk = ready(made / "answer", str(vocoder), torch.device("cpu"))
    export = Export(made / "export", "test")
    every = {one["id"]: one for one in (export.row(place, TASKS["answer"].columns) for place in range(6))}
    assert len(values["each"]) == values["rows"] == 4
    for one in values["each"]:
        of = every[one["id"]]
        samples = clip(of["query_audio"])
        (answer,) = answers(talk.speaker, asked(talk.speaker.network, talk.chat, TASKS["answer"].request, [samples]), 7)
        assert (one["text"], one["cut"], one["units"]) == (answer.text, answer.cut, len(answer.units))
        assert (one["question"], one["reference"]) == (of["query_text"], of["answer_text"])
        question, rate = soundfile.read(tmp_path / one["question_audio"])
        assert rate == 16000 and np.allclose(question, samples, atol=1e-4)
        speech, rate = soundfile.read(tmp_path / one["answer_audio"])
        wanted = talk.vocoder.wave(np.array(answer.units))
        assert rate == talk.vocoder.rate and np.allclose(speech, wanted.clip(-1, 1), atol=1e-4)
        assert one["seconds"] == len(wanted) / rate
        assert one["heard"] == "What I hear" and one["mos"] == {"dnsmos": 2.5}
        assert one["unit_errors"] is None  # the phase `answer` has no units in view
    assert sorted(heard) == sorted(round(one["seconds"] * 16000) for one in values["each"])
    assert values["mos"] == {"dnsmos": 2.5} and values["asr"] == "toy" and values["lacking"] == ["No more"]
    assert "DNSMOS 2.50." in capsys.readouterr().out


def test_units_are_compared_with_those_of_the_export(made: Path, tmp_path: Path, capsys) -> None:
    values = evaluated(made, "units", tmp_path, "--generate", "9")
    export = Export(made / "export", "test")
    wanted = {one["id"]: len(one["answer_units"]) for one in (export.row(n, ("id", "answer_units")) for n in range(6))}
    assert values["rows"] == 6
    assert [one["id"] for one in values["each"]] == [*wanted]  # in the order of the export
    assert {one["id"]: one["unit_errors"]["wanted"] for one in values["each"]} == wanted
    counts = [one["unit_errors"] for one in values["each"]]
    wrong = sum(one[name] for one in counts for name in ("substitutions", "deletions", "insertions"))
    assert values["unit_errors"]["rate"] == wrong / sum(wanted.values())
    assert values["vocoder"] is values["speech_errors"] is values["each"][0]["heard"] is None
    assert (
        f"Unit errors: {values['unit_errors']['rate']:.1%} of {sum(wanted.values())} units" in capsys.readouterr().out
    )
    assert not list(tmp_path.rglob("*.answer.wav"))


def test_a_decoder_says_no_units_of_a_transcript_that_could_be_compared(made: Path, tmp_path: Path) -> None:
    values = evaluated(made, "units", tmp_path, "--task", "transcribe", "--generate", "2")
    assert values["unit_errors"] is None and values["text_errors"]["normalised"]["wer"] > 0
    assert all(one["reference"] == one["question"] for one in values["each"])


def test_a_vocoder_of_other_units_is_one_line(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vocoder = str(GOLDEN / "vocoder")
    assert main(["eval", str(made / "units"), str(made / "export"), "--vocoder", vocoder, "--device", "cpu"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_rates_by_hand(tmp_path: Path) -> None:
    """In all: 2 of 10 words of the references are generated otherwise; of 10 generated words 1 is heard otherwise, 4 are lost."""

    def one(name: str, reference: str, text: str, heard: str | None) -> Answered:
        return Answered(name, "answer", "", np.zeros(160, np.float32), reference, text, cut=False, heard=heard)

    rows = [
        one("a", "I have 25 red apples.", "I have twenty five red pears!", "i have 25 red bears"),
        one("b", "Blue sky, you see.", "Blue sky you saw", ""),
        one("c", "", "Nobody knows", None),
    ]
    values = generated.as_json(rows, tmp_path / "audio", {})
    assert values["text_errors"]["normalised"]["wer"] == 2 / 10  # pears, saw
    assert values["text_errors"]["raw"]["wer"] == pytest.approx(
        (3 + 2) / 9
    )  # twenty five pears!; sky you saw... by hand
    assert values["speech_errors"]["normalised"]["wer"] == (1 + 4) / 10  # bears; four words lost
    assert [row["text_errors"] is None for row in values["each"]] == [False, False, True]
    assert [row["speech_errors"] is None for row in values["each"]] == [False, False, True]
    assert values["each"][1]["speech_errors"]["raw"] == {"wer": 1.0, "cer": 1.0}
    letters = len("ihavetwentyfiveredapples") + len("blueskyyousee")
    assert values["text_errors"]["normalised"]["cer"] == pytest.approx((4 + 2) / letters)


def test_speech_is_heard_at_16_khz_and_none_is_silence() -> None:
    lengths: list[int] = []
    ears = Ears("toy", lambda samples: lengths.append(len(samples)) or "", {"dnsmos": lambda samples: 7.0})
    rows = [Answered(str(n), "answer", "", np.zeros(1), "", "Yes", False) for n in range(3)]
    rows[0].speech, rows[0].rate = np.zeros(4800, np.float32), 24000
    rows[1].speech, rows[1].rate = np.zeros(0, np.float32), 24000
    listen(rows, ears)
    assert lengths == [3200]
    assert [row.heard for row in rows] == ["", "", None]
    assert [row.mos for row in rows] == [{"dnsmos": 5.0}, {}, {}]  # between 1 and 5
