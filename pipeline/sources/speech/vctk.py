"""Folders like VCTK's: txt/SPEAKER/ID.txt, and wav48_silence_trimmed/SPEAKER/ID_mic1.flac (0.92) or wav48/SPEAKER/ID.wav
(0.8).
"""

from collections.abc import Iterator, Mapping

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.lines import Line, lines_of, lost, name_of, values
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source

_TEXTS = "txt"
_TRIMMED, _WHOLE = "wav48_silence_trimmed", "wav48"
_SUFFIXES = (".flac", ".wav")


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    clips = next((folder for folder in (_TRIMMED, _WHOLE) if root.has(folder)), None)
    if clips is None or not root.has(_TEXTS):
        lacking = f"{_TEXTS}/" if clips else f"{_TRIMMED}/, and no {_WHOLE}/,"
        raise RecipeError(f"sources.{name}: there is no {lacking} in {source.path}")
    end = f"_mic{source.microphone}" if clips == _TRIMMED else ""
    for branch in root.walk(_TEXTS):
        speaker = branch.path.removeprefix(_TEXTS).strip("/")
        for file in branch.files:
            if not file.endswith(".txt"):
                continue
            path = f"{branch.path}/{file}"
            utterance = file.removesuffix(".txt")
            line = _whole(root, path)
            if isinstance(line, Lost):
                yield line
                continue
            try:
                known = {
                    "source_transcript": line.text, "speaker": speaker or None, "language": source.language or "en"
                }  # fmt: skip
                base = f"{clips}/{speaker}" if speaker else clips
                yield Utterance(
                    line.place, utterance + end, values(known), name_of(utterance), suffixes=_SUFFIXES, base=base
                )
            except Unfit as unfit:
                yield lost(line, unfit)


def _whole(root: Folder, path: str) -> Line | Lost:
    """A transcript, of one line or several."""
    texts = []
    for line in lines_of(root, path):
        if isinstance(line, Lost):
            return line
        texts.append(line.text)
    return Line(root.name_of(path), " ".join(texts))
