"""`talk` from outside: a tiny checkpoint of random weights, a wav, and what can be wrong with either."""

import os
import re
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.trainer.talk.checkpoints import VOCODER, made, models_in
from voxsmith.models.chat import Chat
from voxsmith.models.unit_vocoder import open_vocoder
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.cli import main
from voxsmith.trainer.talk.command import ready
from voxsmith.trainer.talk.events import Audio, Event, Token
from voxsmith.trainer.talk.generate import answers, generate
from voxsmith.trainer.talk.questions import asked, heard
from voxsmith.trainer.talk.wav import GrowingWav


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_in(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def run(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(models, tmp_path_factory.mktemp("run"))


def line(capsys: Any, *arguments: object) -> tuple[int, str]:
    """The exit code, and the one line to standard error."""
    code = main(["talk", *map(str, arguments), "--device", "cpu"])
    output = capsys.readouterr()
    (said,) = output.err.splitlines()
    return code, said


def test_it_answers_in_text_units_and_speech(models: Path, run: Path, tmp_path: Path, capsys: Any) -> None:
    question, out = models / "question.wav", tmp_path / "answer.wav"
    options = ["--vocoder", VOCODER, "--omega", 4, "--out", out, "--max-tokens", 12, "--units", "--device", "cpu"]
    assert main(["talk", *map(str, [run, question, *options])]) == 0
    said = capsys.readouterr().out
    there = ready(run, None, torch.device("cpu"))
    network, chat = there.speaker.network, Chat(there.speaker.tokenizer)
    clip = heard(question, network)
    (answer,) = answers(there.speaker, asked(network, chat, TASKS["transcribe"].request, [clip]), 12)
    units = [int(unit) for group in re.findall(r"\[([\d ]+)\]", said) for unit in group.split()]
    assert units == answer.units and len(units) > 10
    text = re.sub(r"\[[\d ]+\]", "", said).splitlines()[0].removesuffix(" … (cut after 12 tokens)")
    assert text == answer.text != ""
    wave, rate = soundfile.read(out, dtype="float32")
    wanted = open_vocoder(VOCODER, torch.device("cpu")).wave(np.array(units))
    assert rate == 16000 and np.abs(wave - wanted).max() < 1e-4  # 16 bits
    firsts = [float(ms) for ms in re.findall(r"first (?:token|unit|audio) (\d+) ms", said)]
    assert len(firsts) == 3 and firsts == sorted(firsts)
    assert f"12 tokens, {len(units)} units, {len(wave) / rate:.2f} s of audio" in said and said.endswith(f"{out}\n")


def test_draws_differ_by_seed_and_are_the_same_again(models: Path, run: Path, capsys: Any) -> None:
    def said(seed: int) -> str:
        options = ["--temperature", "2", "--seed", str(seed), "--max-tokens", "8", "--device", "cpu"]
        assert main(["talk", str(run), str(models / "question.wav"), *options]) == 0
        return str(capsys.readouterr().out.splitlines()[0])

    assert said(1) == said(1) != said(2)


def test_a_checkpoint_without_decoder_gives_text_alone(models: Path, tmp_path: Path, capsys: Any) -> None:
    bare, question = made(models, tmp_path, None), str(models / "question.wav")
    assert main(["talk", str(bare), question, "--max-tokens", "5", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "first token" in said and "unit" not in said and "audio" not in said
    code, error = line(capsys, bare, question, "--vocoder", VOCODER)
    assert code == 2 and "has no decoder" in error


def test_a_clip_is_resampled_and_channels_are_averaged(models: Path, run: Path, tmp_path: Path) -> None:
    network = ready(run, None, torch.device("cpu")).speaker.network
    tone = np.sin(np.arange(44100) / 44100 * 440 * 2 * np.pi) * 0.5
    soundfile.write(tmp_path / "tone.wav", np.stack((tone, np.zeros_like(tone)), axis=1), 44100)
    clip = heard(tmp_path / "tone.wav", network)
    wanted = np.sin(np.arange(16000) / 16000 * 440 * 2 * np.pi) * 0.25
    assert len(clip) == 16000 and np.abs(clip - wanted)[100:-100].max() < 1e-3


def test_what_can_be_wrong_is_one_line(models: Path, run: Path, tmp_path: Path, capsys: Any) -> None:
    question = models / "question.wav"
    assert line(capsys, run, tmp_path / "no.wav") == (
        2,
        f"{tmp_path}/no.wav: No such file or directory; name a wav or another audio file",
    )
    (tmp_path / "text.wav").write_text("no clip")
    code, said = line(capsys, run, tmp_path / "text.wav")
    assert code == 2 and said.startswith(f"{tmp_path}/text.wav: not an audio file that can be read (7 bytes)")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    assert line(capsys, run, tmp_path / "empty.wav") == (2, f"{tmp_path}/empty.wav: the clip has no samples")
    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 5), 16000)
    code, said = line(capsys, run, tmp_path / "long.wav")
    assert code == 2 and said == f"{tmp_path}/long.wav: 5.0 s; the encoder hears 4 s at most: cut the clip"
    code, said = line(capsys, run, question, "--vocoder", tmp_path)
    assert code == 1 and said.startswith(f"{tmp_path}: no unit vocoder")
    code, said = line(capsys, run, question, "--vocoder", VOCODER, "--out", tmp_path / "nowhere" / "answer.wav")
    assert code == 2 and said.startswith(f"--out {tmp_path}/nowhere/answer.wav can't be written (No such file")
    code, said = line(capsys, run, question, "--vocoder", VOCODER, "--out", question)
    assert code == 2 and said == f"--out {question} is the question itself: name another file for the answer"
    soundfile.write(tmp_path / "nan.wav", np.array([0.1, np.nan] * 8000), 16000, "FLOAT")
    assert line(capsys, run, tmp_path / "nan.wav") == (
        2,
        f"{tmp_path}/nan.wav: the clip has samples that aren't finite numbers",
    )
    code, said = line(capsys, run, tmp_path)
    assert code == 2 and said == f"{tmp_path}: Is a directory; name a wav or another audio file"
    code, said = line(capsys, tmp_path, question)
    assert code == 2 and said.startswith(f"{tmp_path}: no checkpoint")
    other = made(models, tmp_path / "other", units=30)
    code, said = line(capsys, other, question, "--vocoder", VOCODER)
    assert code == 2 and said.startswith(f"--vocoder {VOCODER} knows 20 units, and the checkpoint says 30")


def test_a_clip_comes_through_a_pipe(models: Path, run: Path, tmp_path: Path) -> None:
    """As a recorder writes it, whose wav doesn't know yet how long it will be."""
    network = ready(run, None, torch.device("cpu")).speaker.network
    soundfile.write(tmp_path / "clip.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 8000, "PCM_16")
    content = bytearray((tmp_path / "clip.wav").read_bytes())
    wanted = heard(tmp_path / "clip.wav", network)
    content[4:8] = content[40:44] = (0x7FFFFFFF).to_bytes(4, "little")
    os.mkfifo(pipe := tmp_path / "pipe")
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert np.array_equal(heard(pipe, network), wanted) and len(wanted) == 16000
    writer.join()


def test_the_answer_can_be_played_at_any_moment(tmp_path: Path) -> None:
    """Read by libsndfile and by the standard library, which believes the header."""
    samples = np.random.default_rng(0).normal(0, 0.5, 3000).astype(np.float32)
    file = GrowingWav(tmp_path / "grows.wav", 22050)
    for end in (0, 1000, 3000):
        file.add(samples[file.samples : end])
        with wave.open(str(tmp_path / "grows.wav")) as there:
            assert (there.getnframes(), there.getframerate()) == (end, 22050)
        read = soundfile.read(tmp_path / "grows.wav", dtype="float32")[0]
        assert len(read) == end and np.abs(read - samples[:end].clip(-1, 1)).max(initial=0) < 1e-4
    file.close()


@pytest.mark.parametrize("amid", ["the answer", "two pieces"])
def test_ctrl_c_keeps_what_was_spoken(
    amid: str, models: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """It comes while a token is made, or while a piece is printed."""
    out, spoken = tmp_path / "answer.wav", 0

    def interrupted(*arguments: Any) -> Iterator[Event]:
        nonlocal spoken
        for event in generate(*arguments):
            yield event
            spoken += len(event.samples) if isinstance(event, Audio) else 0
            if spoken > 8000 and amid == "the answer":
                raise KeyboardInterrupt
            if spoken > 8000:
                yield Token(0, 0, "!")

    def printed(text: str = "", **options: Any) -> None:
        if text == "!":
            raise KeyboardInterrupt

    monkeypatch.setattr("voxsmith.trainer.talk.command.generate", interrupted)
    monkeypatch.setattr("builtins.print", printed) if amid == "two pieces" else None
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the tests' own stays
    options = ["--vocoder", VOCODER, "--omega", 4, "--out", out, "--max-tokens", 400, "--device", "cpu"]
    code = main(["talk", *map(str, [run, models / "question.wav", *options])])
    assert code == 130
    with wave.open(str(out)) as there:
        assert there.getnframes() == spoken > 8000
    if amid == "the answer":
        said = f"interrupted; {out} has the {spoken / 16000:.2f} s that were spoken until then"
        assert capsys.readouterr().err.splitlines()[-1] == said


@pytest.mark.parametrize(
    ("option", "value"),
    [("--omega", "0"), ("--max-tokens", "0"), ("--max-tokens", "x"), ("--top-p", "1.5"), ("--temperature", "nan")],
)
def test_options_that_mean_nothing_are_refused(run: Path, option: str, value: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["talk", str(run), "question.wav", option, value])
    assert ended.value.code == 2 and f"argument {option}: '{value}' is no" in capsys.readouterr().err


def test_a_decoder_that_has_learned_nothing_is_not_listened_to(tmp_path: Path, capsys: Any) -> None:
    """A recipe of phase answer may have a decoder's shape already."""
    models = models_in(tmp_path)
    place = made(models, tmp_path / "run")
    (recipe,) = place.glob("checkpoints/*/recipe.json")
    recipe.write_text(recipe.read_text().replace('"runs/units"', "null"))
    options = ["talk", str(place), str(tmp_path / "question.wav"), "--max-tokens", "3", "--device", "cpu"]
    assert main(options) == 0
    assert "units" not in capsys.readouterr().out
    assert main([*options, "--vocoder", str(VOCODER), "--out", str(tmp_path / "out.wav")]) == 2
    assert "has no decoder" in capsys.readouterr().err
