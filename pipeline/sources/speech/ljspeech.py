"""Folders like LJSpeech's: metadata.csv with lines "ID|as written|as read", and wavs/ID.wav. One speaker, whom the
source's name stands for.
"""

from collections.abc import Iterator, Mapping

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.lines import lines_of, lost, name_of, values
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source

_LINES, _CLIPS = "metadata.csv", "wavs"
_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    if not root.has(_LINES):
        raise RecipeError(f"sources.{name}: there is no {_LINES} in {source.path}")
    for line in lines_of(root, _LINES):
        if isinstance(line, Lost):
            yield line
            continue
        utterance, *texts = line.text.split("|")
        try:
            if len(texts) not in (1, 2):
                raise Unfit("bad_line", f"a line is ID|text|text as read; this one has {len(texts) + 1} parts")
            known = {"source_transcript": texts[-1] or texts[0], "speaker": name, "language": source.language or "en"}
            yield Utterance(line.place, utterance, values(known), name_of(utterance), suffixes=_SUFFIXES, base=_CLIPS)
        except Unfit as unfit:
            yield lost(line, unfit)
