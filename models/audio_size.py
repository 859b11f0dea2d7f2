"""How long a clip claims to be, before anything of it is decoded: a few bytes may claim years."""

import io

import soundfile

from voxsmith.models.audio import BadAudio

MOST_BYTES = 1 << 26  # of a clip's file
MOST_SAMPLES = 1 << 27  # of a clip, all channels together: half a gigabyte decoded
MOST_SECONDS = 3600


def check_size(clip: bytes) -> None:
    """Raises BadAudio where the clip is larger, or claims to be, than memory should hold; what is no clip is for `decode`."""
    if len(clip) > MOST_BYTES:
        raise BadAudio(f"the clip has {len(clip)} bytes; {MOST_BYTES} are the most")
    try:
        with soundfile.SoundFile(io.BytesIO(clip)) as file:
            samples, seconds = file.frames * file.channels, file.frames / file.samplerate
    except (soundfile.SoundFileError, ZeroDivisionError):
        return
    if samples > MOST_SAMPLES or seconds > MOST_SECONDS:
        raise BadAudio(f"the clip says that it lasts {seconds:.0f} s, {samples} samples; an hour is the most")
