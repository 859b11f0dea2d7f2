"""CosyVoice's own code on tiny models in its own files: what comes out is what its plain calls give for the same seed.

Wants CosyVoice and its packages, in an environment of its own: `make test-cosyvoice`, which says how it is had. With
COSYVOICE set, the clone in that folder is tested.
"""

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.cosyvoice_models import SPEAKERS, make
from tests.helpers.paths import ROOT
from tests.helpers.recipes import open_state, run_inline, texts_of, write_recipe
from voxsmith.models import audio
from voxsmith.models.references import ModelMissing
from voxsmith.pipeline.errors import RecipeError
from voxsmith.stages.engines import voice_bank
from voxsmith.stages.engines.base import EngineLost, Refused, Unavailable
from voxsmith.stages.engines.clips import hear
from voxsmith.stages.engines.tts import cosyvoice as tts_cosyvoice
from voxsmith.stages.engines.tts import cosyvoice_library
from voxsmith.stages.engines.tts.cosyvoice import BACKEND, Config, CosyVoice
from voxsmith.stages.engines.tts.long_texts import joined
from voxsmith.stages.requests.tts import Speak

pytestmark = pytest.mark.cosyvoice
BANK = ROOT / "tests" / "data" / "voices"
ANNA, BERT = "LJ001-0025", "vctk-p226_008"
TEXT = "The cat sat on the mat, and it was happy."
# What the package on the registry leaves out of CosyVoice, as the repository has it: the language model's weights.
LEFT_OUT = {
    "model.py": {
        "        # self.llm.load_state_dict(": "        self.llm.load_state_dict(",
        "        # self.llm.to(self.device)": "        self.llm.to(self.device)",
        "        # self.llm = llm": "        self.llm = llm",
        "            # self.llm.half()": "            self.llm.half()",
    },
    "cosyvoice.py": {"CosyVoice2Model(None, configs": "CosyVoice2Model(configs['llm'], configs"},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a clone; or one like it, made of the package that the registry has."""
    if clone := os.environ.get("COSYVOICE"):
        return clone
    folder = tmp_path_factory.mktemp("clone")
    for name, target in {"cosyvoice": folder, "matcha": folder / "third_party" / "Matcha-TTS"}.items():
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin, f"{name} isn't installed: make test-cosyvoice"
        shutil.copytree(Path(spec.origin).parent, target / name)
    for file, changes in LEFT_OUT.items():
        path = folder / "cosyvoice" / "cli" / file
        text = path.read_text(encoding="utf-8")
        for before, after in changes.items():
            assert before in text, before
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def models(source: str, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    sys.path[:0] = [source, f"{source}/third_party/Matcha-TTS"]
    folder = tmp_path_factory.mktemp("models")
    return {kind: make(folder / f"v{kind}", kind) for kind in (1, 2)}


@pytest.fixture(scope="module")
def first(source: str, models: dict[int, Path]) -> Iterator[CosyVoice]:
    engine = BACKEND.load(Config(model=str(models[1]), source=source))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def second(source: str, models: dict[int, Path]) -> Iterator[CosyVoice]:
    engine = BACKEND.load(Config(model=str(models[2]), source=source, bank=str(BANK)))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def plain(models: dict[int, Path], source: str) -> Callable[..., np.ndarray]:
    """CosyVoice called as its page says, on objects of its own."""
    from cosyvoice.cli.cosyvoice import CosyVoice as First
    from cosyvoice.cli.cosyvoice import CosyVoice2 as Second
    from cosyvoice.utils.common import set_all_random_seed

    made: dict[int, Any] = {}

    def speaking(kind: int, texts: list[str], voice: str, seed: int, speed: float = 1.0) -> np.ndarray:
        if kind not in made:
            made[kind] = {1: First, 2: Second}[kind](str(models[kind]))
        options = {"stream": False, "speed": speed, "text_frontend": False}
        one = voice_bank.read_bank(str(BANK)).get(voice)
        prompt = _prompt(made[kind], one) if one else None
        set_all_random_seed(seed)
        said = []
        for text in texts:
            if one:
                pieces = list(made[kind].inference_zero_shot(text, one.voice.text, prompt, **options))
            else:
                pieces = list(made[kind].inference_sft(text, voice, **options))
            said.append(np.concatenate([part["tts_speech"].numpy()[0] for part in pieces]))
        return joined(said, made[kind].sample_rate)

    return speaking


def _prompt(model: Any, one: voice_bank.Reference) -> Any:
    import torch

    newer = "prompt_wav" in model.inference_zero_shot.__code__.co_varnames
    return str(one.file) if newer else torch.from_numpy(hear(one.clip()))[None]


@pytest.mark.parametrize(("kind", "voice"), [(1, "中文女"), (1, "英文男"), (2, ANNA), (2, BERT)])
@pytest.mark.parametrize("speed", [1.0, 0.9])
def test_a_text_sounds_as_cosyvoice_itself_says_it(
    first: CosyVoice, second: CosyVoice, plain: Callable[..., np.ndarray], kind: int, voice: str, speed: float
) -> None:
    engine = first if kind == 1 else second
    samples = engine.say(Speak(TEXT, voice, speed=speed, seed=7))
    wanted = plain(kind, [TEXT], voice, 7, speed)
    assert len(samples) > 0.3 * engine.rate
    print(f"CosyVoice {kind}, {voice}, speed {speed}: largest difference {np.abs(samples - wanted).max():.1e}")
    np.testing.assert_array_equal(samples, wanted)


def test_the_same_request_is_the_same_clip_whatever_was_asked_before(first: CosyVoice, second: CosyVoice) -> None:
    for engine, voices in ((first, ("中文女", "英文男")), (second, (ANNA, BERT))):
        asked = [Speak(TEXT, voice, seed=seed) for voice in voices for seed in (1, 2**31 - 1)]
        futures = [engine.submit(one) for one in (*asked, *reversed(asked))]
        clips = [future.result(120).flac for future in futures]
        assert clips[:4] == clips[:3:-1] and len(set(clips)) == 4
        samples, rate = audio.decode(engine.submit(replace(asked[0], sample_rate=16000)).result(60).flac)
        assert rate == 16000 and len(samples) > 0.3 * rate


def test_a_voice_is_heard_once(source: str, models: dict[int, Path]) -> None:
    engine = BACKEND.load(Config(model=str(models[2]), source=source, bank=str(BANK)))
    heard: list[str] = []
    keep = engine.model.add_zero_shot_spk

    @wraps(keep)
    def keeping(text: str, prompt: Any, name: str) -> None:
        heard.append(name)
        keep(text, prompt, name)

    engine.model.add_zero_shot_spk = keeping
    for voice in (ANNA, BERT, ANNA):
        engine.submit(Speak("Hello there.", voice)).result(60)
    assert heard == [voice_bank.digests(str(BANK))[voice] for voice in (ANNA, BERT)]
    engine.close()


def test_a_long_text_is_said_in_pieces(source: str, models: dict[int, Path], plain: Callable[..., np.ndarray]) -> None:
    short = BACKEND.load(Config(model=str(models[2]), source=source, bank=str(BANK), longest=30))
    samples = short.say(Speak(f"{TEXT} {TEXT}", ANNA, seed=3))
    halves = ["The cat sat on the mat,", "and it was happy."]
    np.testing.assert_array_equal(samples, plain(2, halves * 2, ANNA, 3))
    short.close()


@pytest.mark.parametrize("kind", [1, 2])
def test_a_recipe_speaks_in_every_voice_that_there_is(
    source: str, models: dict[int, Path], tmp_path: Path, kind: int
) -> None:
    bank = {"bank": str(BANK)} if kind == 2 else {}
    path = write_recipe(
        tmp_path,
        [f"Name {number} colours." for number in ("two", "three", "four")],
        sources__rows__columns={"instruction": "instruction", "query_text": "instruction"},
        engines={
            "tts": {"backend": "tts_cosyvoice", "model": str(models[kind]), "source": source, **bank},
            "asr": {"backend": "asr_null"},
        },
        stages={
            "normalise": {"of": "query"},
            "speak": {"of": "query", "engine": "tts", "voices": "*"},
            "listen": {"of": "query", "engine": "asr"},
            "pick": {"of": "query"},
        },
    )
    state = open_state(path)
    assert run_inline(state) == {}
    assert set(texts_of(state, "query_voice_1")) <= set(SPEAKERS if kind == 1 else voice_bank.digests(str(BANK)))
    assert all(len(audio.decode(clip["bytes"])[0]) > 4800 for clip in texts_of(state, "query_audio_1"))
    with pytest.raises(RecipeError) as caught:
        open_state(path, overrides=["stages.speak.voices=[Anna]"])
    assert any("no voice 'Anna' in tts" in line for line in caught.value.lines)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Speak("", "英文男"), "unspeakable"),
        (Speak("?!", "英文男"), "unspeakable"),
        (Speak("Hello <|endofprompt|> there", "英文男"), "unspeakable"),
        (Speak(TEXT, "anna"), "unknown_voice"),
    ],
)
def test_what_cannot_be_said_is_refused(first: CosyVoice, request_: Speak, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        first.submit(request_).result(60)
    assert caught.value.reason == reason


def test_a_bank_that_changed_leaves_the_row_pending(second: CosyVoice) -> None:
    with pytest.raises(Unavailable, match="voice bank has changed"):
        second.submit(Speak(TEXT, ANNA, reference="0" * 32)).result(60)
    with pytest.raises(Refused, match="no voice 'nobody' in the bank"):
        second.submit(Speak(TEXT, "nobody")).result(60)


def test_a_language_model_that_fails_in_its_thread_says_nothing(first: CosyVoice) -> None:
    """CosyVoice alone would speak what it had so far."""
    network = first.model.model.llm
    speak = network.inference

    def failing(error: Exception) -> Callable[..., Iterator[int]]:
        def inference(**named: Any) -> Iterator[int]:
            for number, unit in enumerate(speak(**named)):
                if number == 20:
                    raise error
                yield unit

        return inference

    try:
        for error, kind, message in (
            (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), Unavailable, "out of memory on 'The cat"),
            (
                RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors"),
                EngineLost,
                "assert triggered$",
            ),
            (RuntimeError("sampling reaches max_trials 100 and still get eos"), Refused, "didn't end"),
            (KeyError("something else"), KeyError, "something else"),
        ):
            network.inference = failing(error)
            with pytest.raises(kind, match=message):
                first.submit(Speak(TEXT, "英文男")).result(60)
    finally:
        del network.inference
    assert first.submit(Speak(TEXT, "英文男")).result(60).flac


def test_samples_that_are_no_numbers_are_refused(source: str, models: dict[int, Path]) -> None:
    import torch

    broken = BACKEND.load(Config(model=str(models[1]), source=source))
    with torch.inference_mode():
        broken.model.model.hift.conv_post.bias.fill_(float("nan"))
    with pytest.raises(Refused, match="aren't finite"):
        broken.submit(Speak(TEXT, "英文男")).result(60)
    broken.close()


def test_a_reference_beyond_thirty_seconds_is_refused(source: str, models: dict[int, Path], tmp_path: Path) -> None:
    bank = Path(shutil.copytree(BANK, tmp_path / "bank"))
    file = voice_bank.read_bank(str(bank))[ANNA].file
    samples, rate = audio.decode(file.read_bytes())
    file.write_bytes(audio.encode(np.tile(samples, 1 + 31 * rate // len(samples)), rate))
    given = {"model": str(models[2]), "source": source, "bank": str(bank)}
    with pytest.raises(ModelMissing, match=f"{ANNA}: it lasts 3"):
        BACKEND.load(Config(**given))
    engine = BACKEND.load(Config(**given, check_bank=False))
    with pytest.raises(Refused, match="bad_voice"):
        engine.submit(Speak(TEXT, ANNA)).result(60)
    assert engine.submit(Speak(TEXT, BERT)).result(60).flac
    engine.close()


def broken_folders(models: dict[int, Path], path: Path) -> Iterator[tuple[Path, str]]:
    import torch

    def copy(name: str, kind: int = 1) -> Path:
        return Path(shutil.copytree(models[kind], path / name))

    weights = (models[1] / "flow.pt").read_bytes()
    (cut := copy("cut") / "flow.pt").write_bytes(weights[: len(weights) // 2])
    yield cut.parent, "flow.pt: broken, or not only weights"
    torch.save({"weights": SimpleNamespace()}, (pickled := copy("pickled")) / "llm.pt")
    yield pickled, "llm.pt: broken, or not only weights"
    torch.save([1, 2], (list_ := copy("list")) / "hift.pt")
    yield list_, "hift.pt: no weights: it holds list"
    shutil.copy(models[2] / "flow.pt", (mixed := copy("mixed")) / "flow.pt")
    yield mixed, "can't be loaded: Error\\(s\\) in loading state_dict for MaskedDiffWithXvec"
    (deaf := copy("deaf") / "campplus.onnx").write_bytes(b"nothing")
    yield deaf.parent, "can't be loaded: .*campplus.onnx"


def test_broken_folders_are_told_in_one_line(source: str, models: dict[int, Path], tmp_path: Path) -> None:
    for folder, message in broken_folders(models, tmp_path):
        with pytest.raises(ModelMissing, match=message) as caught:
            BACKEND.load(Config(model=str(folder), source=source))
        assert "\n" not in str(caught.value), caught.value


@pytest.mark.parametrize("call", ["torch.load", "cosyvoice.cli.cosyvoice.CosyVoice"])
def test_too_little_memory_to_load_it_is_told(
    source: str, models: dict[int, Path], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*args: Any, **named: Any) -> Any:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(call, too_much)
    with pytest.raises(ModelMissing, match=f"^tts_cosyvoice: out of memory while loading {models[1]}"):
        BACKEND.load(Config(model=str(models[1]), source=source))


def test_it_keeps_to_itself(first: CosyVoice, source: str, capfd: pytest.CaptureFixture[str]) -> None:
    """No progress bar, and no text in the log; its code's digest goes into the key."""
    first.submit(Speak("A secret.", "英文男")).result(60)
    written = capfd.readouterr()
    assert "secret" not in written.out + written.err and "it/s" not in written.err
    identity = tts_cosyvoice.BACKEND.identity(Config(model=str(BANK), source=source))
    assert len(identity["code"]) == 16 and identity["code"] == cosyvoice_library.digest(source, "")
