"""Whisper hears what Kokoro said."""

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ctranslate2
import jiwer
import numpy as np
import pytest
import soundfile
from faster_whisper import WhisperModel
from whisper_normalizer.english import EnglishTextNormalizer

from voxsmith.models import audio, cublas
from voxsmith.models.references import ModelMissing
from voxsmith.pipeline.recipe.nodes import Engine
from voxsmith.stages.engines.asr.whisper import BACKEND, Config, Whisper
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.clips import hear
from voxsmith.stages.requests.asr import Heard, Transcribe

NORMALISE = EnglishTextNormalizer()


@pytest.fixture(scope="module")
def whisper() -> Iterator[Whisper]:
    engine = BACKEND.load(Config())
    yield engine
    engine.close()


def test_what_was_said_is_heard(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    heard = ask(whisper, [Transcribe(clip) for clip in speech.values()])
    for said, reply in zip(speech, heard, strict=True):
        assert jiwer.wer(NORMALISE(said), NORMALISE(reply.text)) == 0


def test_replies_do_not_depend_on_their_neighbours(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    requests = [Transcribe(clip) for clip in speech.values()]
    together = [reply.pack() for reply in ask(whisper, requests)]
    other = BACKEND.load(Config())
    assert together[::-1] == [reply.pack() for reply in ask(other, requests[::-1])]
    other.close()


def test_a_clip_longer_than_thirty_seconds_is_heard_to_its_end(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    (said, clip), (last_said, last) = speech.items()
    samples, rate = audio.decode(clip)
    pause = np.zeros(rate // 2, np.float32)
    times = int(32 * rate / (len(samples) + len(pause)))
    parts = [part for _ in range(times) for part in (samples, pause)]
    long = np.concatenate([*parts, audio.decode(last)[0]])
    assert len(long) > 30 * rate
    text = NORMALISE(ask(whisper, [Transcribe(audio.encode(long, rate))])[0].text)
    assert jiwer.wer(NORMALISE(" ".join([said] * times + [last_said])), text) < 0.1


@pytest.mark.heavy
def test_a_careful_hearing_takes_the_whole_window(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    careful = [Transcribe(clip, careful=True) for clip in speech.values()]
    full = BACKEND.load(Config(window="full"))
    assert ask(whisper, careful) == ask(full, [Transcribe(clip) for clip in speech.values()])
    full.close()


@pytest.mark.heavy
def test_in_batches_one_alone_is_heard_as_several_are(ask, speech: dict[str, bytes]) -> None:
    """As on a card, where whole windows go together."""
    engine = BACKEND.load(Config(window="full"))
    engine.in_batches, engine.batch = True, 4
    transcribe, in_full = engine.model.transcribe, []
    engine.model.transcribe = lambda samples, **how: in_full.append(len(samples)) or transcribe(samples, **how)
    clips = list(speech.values())
    alone = [ask(engine, [Transcribe(clip)])[0] for clip in clips]
    mixed = engine.answer([Transcribe(clips[0]), Transcribe(clips[1], careful=True), Transcribe(clips[1])])
    assert [mixed[0], mixed[2]] == alone == engine.answer([Transcribe(clip) for clip in clips])
    assert in_full == [len(hear(clips[1]))]  # the careful one, and no other
    assert mixed[1] == engine.hear(Transcribe(clips[1], careful=True))
    engine.close()


class Card(WhisperModel):
    """A model on a card, as far as a machine without one goes: it lacks what CTranslate2 looks for at the first product."""

    says = "Library libcublas.so.12 is not found or cannot be loaded"

    def __init__(self, folder: str, device: str, compute_type: str, **settings: Any) -> None:
        assert (device, compute_type) == ("cuda", "float16")
        super().__init__(folder, device="cpu", compute_type="int8", **settings)

    def encode(self, features: np.ndarray) -> Any:
        if self.says:
            raise RuntimeError(self.says)
        assert features.shape == (80, 3000)
        return super().encode(features)


CARD = Config.model_validate(
    {"compute_type": "float16", "window": "full", "resources": {"num_gpus": 0.25, "batch": 16}}
)


def test_what_a_card_lacks_is_told_before_any_clip(ask, speech: dict[str, bytes], monkeypatch) -> None:
    monkeypatch.setattr("faster_whisper.WhisperModel", Card)
    with pytest.raises(ModelMissing, match=r"libcublas.so.12 is not found .*pip install nvidia-cublas-cu12"):
        BACKEND.load(CARD)
    monkeypatch.setattr(Card, "says", "CUDA failed with error out of memory")
    with pytest.raises(ModelMissing, match=r"out of memory$"):  # which may pass
        BACKEND.load(CARD)
    monkeypatch.setattr(Card, "says", "")
    engine = BACKEND.load(CARD)
    assert engine.batch == 16 and ask(engine, [Transcribe(next(iter(speech.values())))])[0].text
    engine.close()


def test_cublas_is_found_where_pip_puts_it(tmp_path: Path, monkeypatch) -> None:
    """Another library stands in for it: what counts is that the process has it open, then CTranslate2 finds it by name."""
    folder = tmp_path / "nvidia" / "cublas" / "lib"
    folder.mkdir(parents=True)
    for name in ("libcublas.so.12", "libcublasLt.so.12"):
        shutil.copy(next(Path(ctranslate2.__file__).parent.parent.glob("ctranslate2.libs/libgomp*")), folder / name)
    monkeypatch.syspath_prepend(tmp_path)
    cublas.open_libraries()
    opened = Path("/proc/self/maps").read_text()
    assert all(f"{folder}/{name}" in opened for name in ("libcublas.so.12", "libcublasLt.so.12"))


def test_only_batches_depend_on_neighbours() -> None:
    def is_invariant(**settings: Any) -> bool:
        return Engine("asr", "asr_whisper", Config.model_validate(settings)).batch_invariant

    card: dict[str, Any] = {"num_gpus": 1, "batch": 8}
    assert is_invariant() and is_invariant(window="full") and is_invariant(resources=card)
    assert is_invariant(window="full", resources=card | {"batch": 1})
    assert not is_invariant(window="full", resources=card)


@pytest.mark.heavy
def test_a_batch_hears_what_each_alone_does(whisper: Whisper, speech: dict[str, bytes]) -> None:
    """As on a card: whole windows together; what is longer, or no speech, is heard alone."""
    samples, rate = audio.decode(next(iter(speech.values())))
    clips = [*speech.values(), audio.encode(np.zeros(rate, np.float32), rate)]
    requests = [Transcribe(clip) for clip in [*clips, audio.encode(np.tile(samples, 12), rate)]]
    assert len(samples) * 12 > 30 * rate
    together = whisper.hear_together(requests)
    assert [reply.text for reply in together[:3]] == [*(reply.text for reply in map(alone(whisper), requests[:2])), ""]
    assert together[3].text == alone(whisper)(requests[3]).text
    with pytest.raises(Refused, match="Whisper doesn't know 'xx'"):
        whisper.hear_together([*requests[:1], Transcribe(clips[0], language="xx")])


def alone(whisper: Whisper) -> Callable[[Transcribe], Heard]:
    return lambda request: whisper.hear(replace(request, careful=True))


def test_stereo_at_any_rate(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    said, clip = next(iter(speech.items()))
    samples = audio.resample(*audio.decode(clip), 44100)
    file = io.BytesIO()
    soundfile.write(file, np.stack([samples, samples], axis=1), 44100, format="FLAC")
    assert jiwer.wer(NORMALISE(said), NORMALISE(ask(whisper, [Transcribe(file.getvalue())])[0].text)) == 0


@pytest.mark.parametrize("seconds", [0.00007, 0.01, 2.0])
def test_silence_is_no_words(whisper: Whisper, ask, seconds: float) -> None:
    clip = audio.encode(np.zeros(round(seconds * 16000), np.float32), 16000)
    assert ask(whisper, [Transcribe(clip)]) == [Heard("")]


def test_a_hundredth_of_a_second_of_speech_works(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    samples, rate = audio.decode(next(iter(speech.values())))
    assert isinstance(ask(whisper, [Transcribe(audio.encode(samples[8000 : 8000 + rate // 100], rate))])[0].text, str)


@pytest.mark.parametrize("clip", [b"", b"no audio"])
def test_what_cannot_be_heard_is_refused(whisper: Whisper, ask, clip: bytes) -> None:
    with pytest.raises(Refused, match="bad_audio"):
        ask(whisper, [Transcribe(clip)])


def test_an_unknown_language_is_refused(whisper: Whisper, ask, speech: dict[str, bytes]) -> None:
    with pytest.raises(Refused, match=r"unknown_language: .*'klingon'"):
        ask(whisper, [Transcribe(next(iter(speech.values())), language="klingon")])


def test_identity_holds_what_replies_depend_on() -> None:
    assert BACKEND.identity(Config()) == BACKEND.identity(Config.model_validate({"resources": {"threads": 2}}))
    assert (
        BACKEND.identity(Config())
        != BACKEND.identity(Config(beam_size=3))
        != BACKEND.identity(Config(compute_type="float32"))
    )
    assert BACKEND.identity(Config())["model"].startswith("whisper-base@")
    assert BACKEND.licence(Config()) == "MIT"
    assert BACKEND.models(Config(model="whisper-tiny")) == ("whisper-tiny",)
