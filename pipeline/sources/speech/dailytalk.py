"""DailyTalk: metadata.json with the turns of each dialogue, and a clip for each, data/DIALOGUE/TURN_SPEAKER_dDIALOGUE.wav."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.files import kind
from voxsmith.pipeline.sources.record.values import Unfit, dump
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.lines import name_of, values
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source

_METADATA, _CLIPS = "metadata.json", "data"
_LARGEST = 1 << 28  # bytes of metadata, which are in memory as a whole: the corpus has 8 MB


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """A dialogue is a conversation, and each turn a row, by whichever of the two speakers: 0 or 1."""
    path = Path(root.name_of(_METADATA))
    for dialogue, turns in _dialogues(name, root, path):
        place = f"{path}, dialogue {dialogue}"
        if not isinstance(turns, dict):
            yield Lost(
                place, "bad_dialogue", f"a dialogue is an object of turns, and this is {kind(turns)}", dump(turns)
            )
            continue
        for turn, said in sorted(turns.items(), key=lambda one: (len(one[0]), one[0])):
            try:
                yield _utterance(f"{place}, turn {turn}", dialogue, turn, said, source)
            except Unfit as unfit:
                yield Lost(f"{place}, turn {turn}", unfit.reason, unfit.message, dump([dialogue, turn, said]))


def _dialogues(name: str, root: Folder, path: Path) -> Iterator[tuple[str, Any]]:
    with root.open(_METADATA) as stream:
        text = stream.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise RecipeError(f"sources.{name}: {path}: has more than {_LARGEST >> 20} MB")
    try:
        dialogues = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"sources.{name}: {path}: no JSON: {error}") from None
    if not isinstance(dialogues, dict):
        raise RecipeError(f"sources.{name}: {path}: an object of dialogues is wanted, and this is {kind(dialogues)}")
    yield from dialogues.items()


def _utterance(place: str, dialogue: str, turn: str, said: Any, source: Source) -> Utterance:
    if not isinstance(said, dict) or not isinstance(said.get("speaker"), int) or not turn.isdecimal():
        raise Unfit("bad_dialogue", "a turn is a number with {text, speaker, …}, whose speaker is 0 or 1")
    known = {
        "source_transcript": said.get("text"),
        "speaker": str(said["speaker"]),
        "language": source.language or "en",
    }
    file = f"{turn}_{said['speaker']}_d{dialogue}.wav"
    return Utterance(
        place,
        file,
        values(known),
        base=f"{_CLIPS}/{dialogue}",
        conversation=name_of(dialogue),
        turn=int(turn),
    )
