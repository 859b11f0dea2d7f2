"""The page in a real browser, with a wav as its microphone, and the real server: `python -m voxsmith.trainer serve`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.helpers.chromium import MISSING, Browser, Tab, browser, installed
from tests.helpers.paths import ROOT
from tests.helpers.waiting import read_until, rest_of
from tests.trainer.talk.checkpoints import VOCODER, made, models_in

pytest.importorskip("fastapi")
pytestmark = [pytest.mark.heavy, pytest.mark.skipif(installed() is None, reason=MISSING)]

SPEECH = ROOT / "tests/data/voices/audio/LJ001-0025.flac"
FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
LONG = 100_000  # tokens: an answer that doesn't end before it is stopped
# Notes what goes out and what is played; `loud`: the highest sample of the last moment that left for the loudspeaker.
NOTED = """{
  window.sent = { samples: 0, peak: 0, rate: 0 }, window.played = [], window.ears = [];
  const send = WebSocket.prototype.send, play = AudioBufferSourceNode.prototype.start;
  const halt = AudioBufferSourceNode.prototype.stop, connect = AudioNode.prototype.connect;
  WebSocket.prototype.send = function (data) {
    if (typeof data !== "string") {
      sent.samples += data.length;
      sent.peak = Math.max(sent.peak, ...data.map(Math.abs));
    } else {
      sent.rate = JSON.parse(data).rate ?? sent.rate;
    }
    return send.call(this, data);
  };
  AudioBufferSourceNode.prototype.start = function (when) {
    const one = { when, samples: this.buffer.length, now: this.context.currentTime, ended: false, stopped: false };
    played.push(one);
    this.one = one;
    this.addEventListener("ended", () => { one.ended = true; });
    return play.call(this, when);
  };
  AudioBufferSourceNode.prototype.stop = function () {
    this.one.stopped = true;
    return halt.call(this);
  };
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      const ear = this.context.ear ??= new AnalyserNode(this.context, { fftSize: 256 });
      if (!ears.includes(ear)) ears.push(ear), connect.call(ear, to);
      return connect.call(this, ear);
    }
    return connect.call(this, to, ...more);
  };
  window.loud = () => Math.max(0, ...ears.flatMap((ear) => {
    const last = new Float32Array(ear.fftSize);
    ear.getFloatTimeDomainData(last);
    return Array.from(last, Math.abs);
  }));
}"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    return made(models_in(folder, 1500), folder / "run")  # a question of 30 s


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech as a wav, which the browser plays over and over."""
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    soundfile.write(path, samples, rate, "PCM_16")
    return path


@contextmanager
def served(run: Path, *options: object, port: int = 0) -> Iterator[str]:
    """The address at which it listens; Ctrl-C ends it, also with pages open and an answer under way."""
    command = [sys.executable, "-m", "voxsmith.trainer", "serve", run, "--port", port, "--device", "cpu", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        yield read_until(process, "http://").splitlines()[-1].split()[0]
        process.send_signal(signal.SIGINT)
        assert (rest_of(process), process.returncode) == ("", 0)
    finally:
        process.kill()
        process.wait()


@contextmanager
def page(browser: Browser, address: str) -> Iterator[Tab]:
    tab = browser.tab()
    tab.on_new_pages(NOTED)
    tab.go(address)
    said(tab, "Ready.")
    yield tab
    tab.close()


def said(tab: Tab, text: str) -> None:
    tab.wait(f"document.getElementById('state').textContent.includes({text!r})", f"the page to say {text!r}")


def spoken(tab: Tab, samples: int = 20_000) -> None:
    """Until so many samples of a question have gone out."""
    said(tab, "Listening")
    before = tab.value("sent.samples")
    tab.wait(f"sent.samples > {before + samples}", "samples of the microphone")


def turns(tab: Tab) -> Any:
    """Each answer's text, note and units."""
    parts = "['.answer', '.note', 'code'].map((part) => item.querySelector(part).textContent)"
    return tab.value(f"[...document.querySelectorAll('li')].map((item) => {parts})")


def ended(tab: Tab, number: int, text: str = "first audio") -> list[str]:
    note = f"document.querySelectorAll('.note')[{number - 1}]?.textContent"
    tab.wait(f"{note}?.includes({text!r})", f"answer {number} to end with {text!r}")
    answer: list[str] = turns(tab)[number - 1]
    return answer


def test_questions_are_answered_and_speaking_again_stops_the_voice(run: Path, microphone: Path, tmp_path: Path) -> None:
    flags = (*FAKE, f"--use-file-for-fake-audio-capture={microphone}")
    speech = ("--vocoder", VOCODER, "--omega", 4)
    with ExitStack() as stack:
        chromium = stack.enter_context(browser(tmp_path, *flags))
        with served(run, *speech, "--max-tokens", 12) as address:
            tab = stack.enter_context(page(chromium, address))
            tab.key(True)
            spoken(tab)
            tab.key(True, repeat=True)
            tab.key(False)
            text, note, units = ended(tab, 1)
            assert text.strip() and "first token" in note and "first unit" in note and len(units.split()) > 10
            assert tab.value("sent.peak") > 1000  # speech, and not silence
            tab.wait("played.length > 1 && played.every((one) => one.ended && !one.stopped)", "the speech to be over")
            pieces = tab.value("played")  # one after another, without a gap or an overlap
            for one, after in pairwise(pieces):
                end = one["when"] + one["samples"] / 16000
                assert after["when"] == pytest.approx(end) or after["when"] > max(end, after["now"])
            x, y = tab.middle("#speak")
            tab.mouse("mousePressed", x, y)
            spoken(tab)
            tab.mouse("mouseMoved", x, y + 300)  # off the button, and still held
            tab.mouse("mouseReleased", x, y + 300)
            assert ended(tab, 2)[0].strip() and len(turns(tab)) == 2
            tab.key(True, "Enter", "\r")
            tab.key(False, "Enter", "\r")
            spoken(tab)
            tab.key(True, "Enter", "\r")
            tab.key(False, "Enter", "\r")
            assert ended(tab, 3)[0].strip()
        said(tab, "The server is gone")
        assert tab.value("document.getElementById('speak').disabled")
        stack.enter_context(served(run, *speech, "--max-tokens", LONG, port=int(address.rsplit(":", 1)[1])))
        said(tab, "Ready.")
        tab.key(True)
        spoken(tab)
        tab.key(False)
        tab.wait("loud() > 1e-3", "speech at the loudspeaker")
        tab.key(True)  # amid the answer
        count = tab.value("played.length")
        tab.wait("loud() == 0", "silence")
        spoken(tab)
        assert tab.value("played.length") == count
        assert tab.value("played.every((one) => one.ended || one.stopped)")
        assert ended(tab, 4, "stopped")[0].strip()
        tab.key(False)
        tab.wait("loud() > 1e-3", "speech of the next answer")
        other = stack.enter_context(page(chromium, address))  # a second page waits for the first one's answer
        other.key(True)
        spoken(other)
        other.key(False)
        said(other, "Another page is being answered")
        tab.key(True, "Escape", "Escape")
        tab.wait("loud() == 0", "silence")
        assert ended(tab, 5, "stopped")
        other.wait("loud() > 1e-3", "speech in the second page")


def test_a_phone_shows_all_and_a_tap_asks_nothing(microphone: Path, tmp_path: Path) -> None:
    """Fingers on a narrow screen; the question is longer than the encoder hears, and ends by itself."""
    run = made(models_in(tmp_path), tmp_path / "run")
    flags = (*FAKE, f"--use-file-for-fake-audio-capture={microphone}")
    with (
        browser(tmp_path, *flags) as chromium,
        served(run, "--max-tokens", 200, "--vocoder", VOCODER) as address,
        page(chromium, address) as tab,
    ):
        tab.size(320, 600, phone=True)
        x, y = tab.middle("#speak")
        tab.touch("touchStart", (x, y))
        assert ended(tab, 1)[1].startswith("4 s are the most")
        assert tab.value("sent.samples == 4 * sent.rate")
        tab.touch("touchEnd")
        tab.value("document.querySelector('details').open = true")
        assert tab.value("document.documentElement.scrollWidth") <= 320
        tab.touch("touchStart", (x, tab.middle("#speak")[1]))
        tab.touch("touchEnd")
        said(tab, "hold while you speak")
        assert len(turns(tab)) == 1


def test_a_microphone_that_is_refused_is_said(run: Path, tmp_path: Path) -> None:
    with (
        browser(tmp_path, "--use-fake-device-for-media-stream", "--deny-permission-prompts") as chromium,
        served(run) as address,
        page(chromium, address) as tab,
    ):
        assert "written alone" in tab.value("document.getElementById('about').textContent")
        tab.key(True)
        said(tab, "lets this page use no microphone")
        tab.key(False)
        assert tab.value("document.getElementById('speak').ariaPressed") == "false" and turns(tab) == []
