"""What servers of voices send that is no clip, and how a clip is made."""

import io

import numpy as np
import soundfile


def wav(samples: np.ndarray, rate: int = 24_000, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


HUM = 0.3 * np.sin(np.arange(24_000) * 0.05)
GOOD = wav(HUM)
NO_CLIPS = {
    "a page": b"<html>It works!</html>",
    "an object": b'{"audio": "UklGRg=="}',
    "half a WAV": GOOD[: len(GOOD) // 2],
    "a WAV's header": GOOD[:44],
    "half a FLAC": wav(HUM, kind="FLAC")[:4000],
    "a rate of 1 Hz": GOOD[:24] + (1).to_bytes(4, "little") + GOOD[28:],
    "a rate of 2 GHz": GOOD[:24] + (2**31 - 1).to_bytes(4, "little") + GOOD[28:],
    "a FLAC that claims 2^36 samples": b"".join(
        (whole := wav(HUM, kind="FLAC"), whole[:21], bytes([whole[21] | 15]), b"\xff" * 4, whole[26:])[1:]
    ),
    "a FLAC whose length is unknown": b"".join(
        (whole := wav(HUM, kind="FLAC"), whole[:21], bytes([whole[21] & 240]), bytes(4), whole[26:])[1:]
    ),
    "an hour of silence": wav(np.zeros(3600 * 8000), 8000, "FLAC"),
    "samples that are no number": wav(np.full(24_000, np.nan), subtype="FLOAT"),
    "samples beyond all measure": wav(HUM * 1e30, subtype="FLOAT"),
    "32 channels": wav(np.zeros((100, 32))),
    "silence": wav(np.zeros(24_000)),
}
