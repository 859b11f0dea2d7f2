"""Settings of each effect: how often, and within which range. And presets, which are such settings."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from voxsmith.schemas.strict import Strict

# What ranges lie within: more than anybody uses, and nothing that can only be a slip.
_SNR = (-20.0, 60.0)  # dB; Moshi's are -6 to 30. 60 below speech of -26 dBFS is 1.6 steps of 16 bits
_GAIN = (-60.0, 40.0)  # dB; Moshi's are -24 to 15. -26 dBFS is telephony's usual level
_SPEED = (0.5, 2.0)  # Kaldi's are 0.9 to 1.1 (Ko et al. 2015)
_RT60 = (0.05, 2.0)  # seconds; those of arXiv:2006.12847 are 0.3 to 1.3
_KBPS = (1.0, 510.0)  # Opus' most, RFC 6716; which rates there are stands in KBPS
_SPEAKERS = (1, 100)  # Kaldi's are 3 to 7


def _within(least: float, most: float, which: str) -> AfterValidator:
    """That a range rises, and lies within two numbers. `which`: what they are, to end a message."""

    def checked(limits: tuple[float, float]) -> tuple[float, float]:
        if limits[0] > limits[1]:
            raise ValueError(f"a range begins with its lower end: [{limits[1]:g}, {limits[0]:g}]")
        if limits[0] < least or limits[1] > most:
            raise ValueError(f"[{limits[0]:g}, {limits[1]:g}] goes beyond {which}: {least:g} to {most:g}")
        return limits

    return AfterValidator(checked)


Range = tuple[float, float]


def _p(default: float = 0.0) -> Any:
    return Field(default, ge=0, le=1, description="share of the clips that get it")


class Speed(Strict):
    p: float = _p()
    factor: Annotated[Range, _within(*_SPEED, "how many times as fast a clip is played")] = Field(
        (0.9, 1.1), description="faster and higher above 1; within 0.5 to 2"
    )


class Room(Strict):
    p: float = _p()
    rt60: Annotated[Range, _within(*_RT60, "seconds of a room that is simulated")] = Field(
        (0.2, 0.8), description="seconds in which sound falls by 60 dB, of a simulated room; within 0.05 to 2"
    )
    kinds: tuple[Literal["simulated", "folder"], ...] = Field(
        ("simulated",), min_length=1, description="one is drawn; folder: the engine's impulse responses"
    )


class Noise(Strict):
    p: float = _p()
    snr: Annotated[Range, _within(*_SNR, "an SNR in dB")] = Field(
        (5.0, 30.0), description="dB of active speech over the noise; within -20 to 60"
    )
    kinds: tuple[Literal["folder", "babble", "white", "pink", "brown", "blue", "violet"], ...] = Field(
        ("white", "pink", "brown"), min_length=1, description="one is drawn; folder: the engine's noises"
    )
    speakers: Annotated[tuple[int, int], _within(*_SPEAKERS, "voices of babble")] = Field(
        (3, 7), description="voices of babble, from and to, within 1 to 100; as many as fit_babble has at most"
    )


class Gain(Strict):
    p: float = _p()
    db: Annotated[Range, _within(*_GAIN, "a gain in dB")] = Field(
        (-10.0, 5.0), description="louder above 0, and no louder than full scale; within -60 to 40"
    )


class Telephone(Strict):
    p: float = _p()


# Kilobits a second that a codec may be drawn at. AMR's are 3GPP TS 26.071's.
KBPS: dict[str, tuple[float, ...]] = {
    "opus": (8, 12, 16, 24, 32),
    "mp3": (16, 24, 32, 48, 64),
    "amr_nb": (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2),
    "gsm": (13.2,),
    "mulaw": (64,),
    "alaw": (64,),
}


class Codec(Strict):
    p: float = _p()
    kinds: tuple[Literal["opus", "mp3", "amr_nb", "gsm", "mulaw", "alaw"], ...] = Field(
        ("opus", "mp3"), min_length=1, description="one is drawn; amr_nb takes PyAV: pip install av"
    )
    kbps: Annotated[Range, _within(*_KBPS, "kilobits a second of speech")] = Field(
        (4.0, 64.0), description="kilobits a second; one of the codec's bit rates within is drawn"
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for kind in self.kinds:
            if not self.rates(kind):
                rates = ", ".join(f"{rate:g}" for rate in KBPS[kind])
                raise ValueError(f"kbps is {list(self.kbps)}, and {kind} has {rates}: none of them is within")
        return self

    def rates(self, kind: str) -> list[float]:
        return [rate for rate in KBPS[kind] if self.kbps[0] <= rate <= self.kbps[1]]


# Moshi's (arXiv:2410.00037, data augmentation of the user's audio): gain; noise between -30 and +6 dB relative to the
# speech; reverberation as of arXiv:2006.12847, whose rooms have 0.3 to 1.3 s. The echo of the other speaker is left out: it
# takes a second stream. Ultravox's own registry has telephone band, AMR at each of its bit rates, G.711 and coloured noise
# of 0 to 20 dB; half of the clips narrow and a quarter through a codec is what its example trains with. How often it
# has noise it doesn't say: a quarter is ours.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "moshi": {
        "gain": {"p": 0.5, "db": (-24.0, 15.0)},
        "noise": {"p": 0.3, "snr": (-6.0, 30.0)},
        "room": {"p": 0.3, "rt60": (0.3, 1.3)},
    },
    "ultravox": {
        "telephone": {"p": 0.5},
        "codec": {"p": 0.25, "kinds": ("amr_nb", "mulaw", "alaw")},
        "noise": {"p": 0.25, "snr": (0.0, 20.0), "kinds": ("pink", "white", "brown", "blue", "violet")},
    },
}
