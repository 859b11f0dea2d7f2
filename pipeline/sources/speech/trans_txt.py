"""Trees like LibriSpeech's: folders with clips and a *.trans.txt, a line "ID TRANSCRIPT" for each clip."""

from collections.abc import Iterator, Mapping

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.folder import Branch, Folder
from voxsmith.pipeline.sources.speech.lines import lines_of, lost, name_of, values
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source

SUFFIXES = (".flac", ".wav", ".mp3", ".opus", ".ogg", ".m4a")  # in this order, where a corpus leaves them out
_TRANSCRIPTS = ".trans.txt"


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """Speakers are the folders above the chapters': SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt."""
    there = False
    for branch in root.walk():
        for file in branch.files:
            if file.endswith(_TRANSCRIPTS):
                there = True
                yield from _chapter(source, root, branch, file)
    if not there:
        raise RecipeError(f"sources.{name}: there is no *{_TRANSCRIPTS} in {source.path} or below")


def _chapter(source: Source, root: Folder, branch: Branch, file: str) -> Iterator[Read]:
    for line in lines_of(root, f"{branch.path}/{file}" if branch.path else file):
        if isinstance(line, Lost):
            yield line
            continue
        utterance, _, text = line.text.partition(" ")
        try:
            known = {
                "source_transcript": text, "speaker": _speaker(branch, utterance), "language": source.language or "en"
            }  # fmt: skip
            yield Utterance(
                line.place, utterance, values(known), name_of(utterance), suffixes=SUFFIXES, base=branch.path
            )
        except Unfit as unfit:
            yield lost(line, unfit)


def _speaker(branch: Branch, utterance: str) -> str:
    parts = branch.path.split("/")
    return parts[-2] if len(parts) > 1 else utterance.partition("-")[0]
