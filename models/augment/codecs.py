"""Speech through a codec: coded to a file's bytes at a bit rate, and decoded again.

libsndfile codes Opus, MP3, G.711 and GSM; PyAV codes AMR, where it is installed.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile

from voxsmith.models.augment.telephone import as_long, at_rate

TELEPHONE = 8000  # hertz of G.711, GSM and AMR
NARROW, WIDE = 16000, 24000  # hertz of Opus and MP3, for clips up to 16 kHz and for others
_MP3_DELAY = 1105  # samples, of LAME and the decoder: where the bit rate leaves no room for a header that says so
_AMR_DELAY, _AMR_FRAME = 40, 160  # samples


def coded(samples: np.ndarray, rate: int, codec: str, kbps: float) -> tuple[np.ndarray, bytes]:
    """The clip as it comes out of the codec, as long as before and not later, and what the codec made of it: an Ogg, MP3,
    WAV or AMR file. `codec` is one of CODECS; `kbps`, kilobits a second, is a bit rate that it has.
    """
    coding, at = CODECS[codec]
    at = at or (NARROW if rate <= NARROW else WIDE)
    given = np.clip(at_rate(samples, rate, at), -1.0, 1.0)
    data, heard, late = coding(given, at, kbps)
    return at_rate(as_long(heard[late:], len(given)), at, rate, len(samples)), data


def _opus(samples: np.ndarray, rate: int, kbps: float) -> tuple[bytes, np.ndarray, int]:
    return *_by_libsndfile(samples, rate, "OGG", "OPUS", 1 - (kbps - 6) / 250), 0  # its scale goes from 256 to 6 kbit/s


def _mp3(samples: np.ndarray, rate: int, kbps: float) -> tuple[bytes, np.ndarray, int]:
    data, heard = _by_libsndfile(samples, rate, "MP3", "MPEG_LAYER_III", (160 - kbps) / 152)  # from 160 to 8
    return data, heard, _MP3_DELAY if len(heard) > len(samples) else 0


def _wav(subtype: str) -> Callable[[np.ndarray, int, float], tuple[bytes, np.ndarray, int]]:
    return lambda samples, rate, kbps: (*_by_libsndfile(samples, rate, "WAV", subtype), 0)


def _by_libsndfile(
    samples: np.ndarray, rate: int, form: str, subtype: str, level: float | None = None
) -> tuple[bytes, np.ndarray]:
    file = io.BytesIO()
    mode = "CONSTANT" if form == "MP3" else None  # libsndfile has no other for the rest
    soundfile.write(file, samples, rate, format=form, subtype=subtype, compression_level=level, bitrate_mode=mode)
    return file.getvalue(), soundfile.read(io.BytesIO(file.getvalue()), dtype="float64")[0]


def _amr(samples: np.ndarray, rate: int, kbps: float) -> tuple[bytes, np.ndarray, int]:
    """AMR narrow band (RFC 4867's file format), by OpenCORE in FFmpeg."""
    import av

    coder: Any = av.codec.CodecContext.create("libopencore_amrnb", "w")
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = rate, "mono", "s16", round(kbps * 1000)
    whole = np.pad(
        samples, (0, -len(samples) % _AMR_FRAME + _AMR_FRAME)
    )  # the delay pushes the end into one frame more
    pcm = np.round(whole * 32767).astype(np.int16)
    packets = []
    for start in range(0, len(pcm), _AMR_FRAME):
        frame = av.AudioFrame.from_ndarray(pcm[None, start : start + _AMR_FRAME], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        packets += coder.encode(frame)
    packets += coder.encode(None)
    decoder: Any = av.codec.CodecContext.create("amrnb", "r")
    decoder.sample_rate, decoder.layout = rate, "mono"
    frames = [frame.to_ndarray().reshape(-1) for packet in packets for frame in decoder.decode(packet)]
    return b"#!AMR\n" + b"".join(map(bytes, packets)), np.concatenate(frames).astype(np.float64), _AMR_DELAY


CODECS: dict[str, tuple[Callable[[np.ndarray, int, float], tuple[bytes, np.ndarray, int]], int]] = {
    "opus": (_opus, 0),
    "mp3": (_mp3, 0),
    "amr_nb": (_amr, TELEPHONE),
    "gsm": (_wav("GSM610"), TELEPHONE),
    "mulaw": (_wav("ULAW"), TELEPHONE),
    "alaw": (_wav("ALAW"), TELEPHONE),
}
