"""A clip that a server sent: anything may be in it, and its header may claim anything."""

import io
import re

import numpy as np
import soundfile

from voxsmith.models.audio import BadAudio

_RATES = range(4_000, 192_001)  # hertz
_WIDEST = 192_000  # samples a second, all channels together: 48 kHz in four
_UNKNOWN = 2**36 - 1  # frames: more than a FLAC file can say
_LOUDEST = 100.0  # times full scale
# What libsndfile's log says of a WAV file whose data are fewer than its header says.
_CUT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.M)


def decoded(file: bytes, seconds: float) -> tuple[np.ndarray, int]:
    """(samples, mono float32 [n]; hertz) of a WAV or FLAC file that lasts for at most so many seconds.

    Raises BadAudio where it is none, is cut, lasts longer, or can't be speech. No more is decoded than may be. A header that
    claims gigabytes is one of a server that sent before it knew the length: what has come is taken.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(file)) as clip:
            rate, width, claimed = clip.samplerate, clip.channels, clip.frames
            if rate not in _RATES or rate * width > _WIDEST:
                raise BadAudio(f"{width} channels at {rate} Hz")
            if claimed >= _UNKNOWN:
                raise BadAudio("its header doesn't say how long it is; take format: wav")
            most = int(seconds * rate)
            samples = clip.read(most + 1, "float32", always_2d=True)
            log = clip.extra_info
    except soundfile.SoundFileError as error:
        raise BadAudio(f"not an audio file that can be read ({len(file)} bytes): {error}") from None
    if len(samples) > most:
        raise BadAudio(f"it lasts for more than {seconds:.0f} s, which is more than the text can")
    cut = _CUT.search(log)
    if len(samples) < claimed or (cut and int(cut[2]) < int(cut[1]) < 2**30):
        raise BadAudio("the file is cut")
    if not len(samples):
        raise BadAudio("the clip has no samples")
    if not np.isfinite(samples).all() or np.abs(samples).max() > _LOUDEST:
        raise BadAudio("the clip has samples that are no sound")
    return samples.mean(axis=1, dtype=np.float32), rate
