"""What hears generated answers, on real speech: Whisper base and DNSMOS against Kokoro."""

from pathlib import Path

import numpy as np
import pytest

from voxsmith.models import audio, references
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.tts import kokoro
from voxsmith.stages.requests.tts import Speak
from voxsmith.trainer.generated.answered import Answered
from voxsmith.trainer.generated.ears import listen, open_ears

SENTENCES = ("The weather is nice today, so we are going to the park.", "Could you name twenty five healthy snacks?")


@pytest.mark.heavy
def test_what_kokoro_says_is_heard_without_error_and_sounds_better_than_noise() -> None:
    for name in ("kokoro-82m", "whisper-base", "dnsmos"):
        references.fetch(name)
    rows = [Answered(text, "answer", "", np.zeros(1), "", text, cut=False) for text in (*SENTENCES, "Nothing")]
    voice = kokoro.BACKEND.load(kokoro.Config())
    for row in rows[:2]:
        spoken = voice.submit(Speak(row.text, "am_michael", sample_rate=24000)).result(120)
        row.speech, row.rate = audio.decode(spoken.flac)
    voice.close()
    rows[2].speech, rows[2].rate = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32), 16000
    listen(rows, open_ears())
    assert [row.speech_errors["normalised"].wer for row in rows[:2]] == [0, 0]
    assert "25" in rows[1].heard or "twenty" in rows[1].heard  # heard as it may, written alike
    assert min(row.mos["dnsmos"] for row in rows[:2]) > 3 > 2 > rows[2].mos["dnsmos"]


def test_ears_that_are_not_here_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"no CTranslate2 folder of Whisper: model\.bin isn't there"):
        open_ears(str(tmp_path))
