"""Folders of sounds: noises (MUSAN, say), impulse responses of rooms. A file is read where a part of it is wanted."""

from pathlib import Path

import numpy as np
import soundfile

from voxsmith.models.references import ModelMissing

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64")


def sounds(folder: Path) -> list[Path]:
    """The folder's sound files in order, those below included, but what is hidden: neither does the folder's identity count
    that. Raises ModelMissing: none, or one that can't be read.
    """
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if not _is_hidden(path, folder))
    files = [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not files:
        raise ModelMissing(f"{folder}: there are no sounds in it ({', '.join(SUFFIXES)})")
    for path in files:
        try:
            if not soundfile.info(str(path)).frames:
                raise ModelMissing(f"{path}: a sound without samples; take it out of the folder")
        except (soundfile.SoundFileError, OSError) as error:
            raise ModelMissing(f"{path}: no sound that can be read ({error}); take it out of the folder") from None
    return files


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def part(path: Path, seconds: float, share: float) -> tuple[np.ndarray, int, float]:
    """So many seconds of the file's first channel, fewer where it is shorter; its rate; and from which second on. `share`,
    from 0 to 1, says where: at 0 its beginning, at 1 its end. Raises OSError where it can't be read, or holds a NaN.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            wanted = min(file.frames, max(1, round(seconds * file.samplerate)))
            start = int(share * (file.frames - wanted))
            file.seek(start)
            samples, rate = file.read(wanted, dtype="float64", always_2d=True)[:, 0], file.samplerate
    except soundfile.SoundFileError as error:
        raise OSError(f"{path} can't be read: {error}") from None
    if not len(samples) or not np.isfinite(samples).all():
        raise OSError(f"{path} has no samples there, or some that aren't finite numbers; take it out of the folder")
    return samples, rate, start / rate
