"""A clip that says in its own file how it was made: FLAC has a tag for that, its title."""

import io

import numpy as np
import soundfile

from voxsmith.models.audio import BadAudio


def with_note(samples: np.ndarray, rate: int, note: str, comment: str = "") -> bytes:
    """A 16-bit mono FLAC file with the note in it; the same samples and note give the same bytes. Raises BadAudio."""
    if not len(samples):
        raise BadAudio("the clip has no samples")
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, "PCM_16", format="FLAC") as clip:
        clip.title = note
        if comment:
            clip.comment = comment
        clip.write(np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16))
    return file.getvalue()


def note_of(clip: bytes) -> str:
    """The note; "" where there is none."""
    with soundfile.SoundFile(io.BytesIO(clip)) as file:
        return str(file.title)


def comment_of(clip: bytes) -> str:
    """What another tag says, which `tts_null` writes a clip's text into. "" where there is none, or no clip."""
    try:
        with soundfile.SoundFile(io.BytesIO(clip)) as file:
            return str(file.comment)
    except soundfile.SoundFileError:
        return ""
