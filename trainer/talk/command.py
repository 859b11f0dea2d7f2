"""`talk`: one question from a file; the answer as it comes."""

import argparse
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from voxsmith.models import references
from voxsmith.models.chat import Chat
from voxsmith.models.mel_form import SETTINGS
from voxsmith.models.vocoder import UnitVocoder, open_any
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import Built, chat_of
from voxsmith.trainer.data.unit_kind import difference
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.events import KINDS, Audio, End, Event, Token, Units
from voxsmith.trainer.talk.generate import Speaker, generate, speaker_of
from voxsmith.trainer.talk.questions import asked, heard
from voxsmith.trainer.talk.sampling import Sampling
from voxsmith.trainer.talk.voice import SpokenUnits
from voxsmith.trainer.talk.wav import GrowingWav


class CantTalk(Exception):
    """What is asked for doesn't fit the checkpoint; the message says why and what to do."""


@dataclass
class Ready:
    """A checkpoint that can be spoken to."""

    speaker: Speaker
    chat: Chat
    recipe: TrainRecipe
    vocoder: UnitVocoder | None = None


def ready(place: Path, vocoder: str | None, device: torch.device) -> Ready:
    """Load a checkpoint, or the latest of a run's folder. Raises BadCheckpoint, ModelMissing, NoTemplate, CantTalk."""
    place = checkpoint.named(place)
    built, recipe = checkpoint.load(place)
    if recipe.phase != "units" and not recipe.start:
        built.network.decoder = None  # where the recipe has one, it has learned nothing yet
    if vocoder and built.network.decoder is None:
        raise CantTalk(f"{place} has no decoder, so it makes no units: leave --vocoder out, or train the phase units")
    chat = chat_of(built, recipe)
    voice = open_voice(vocoder, built, device, kind=checkpoint.unit_kind(place)) if vocoder else None
    built.network.to(device)
    return Ready(speaker_of(built, recipe, chat), chat, recipe, voice)


def open_voice(
    reference: str,
    built: Built,
    device: torch.device,
    where: str = "--vocoder",
    kind: Mapping[str, Any] = MappingProxyType({}),
) -> UnitVocoder:
    """A vocoder of the decoder's units. `where`: what named it, for messages; `kind`: what the units are. Raises ModelMissing, CantTalk."""
    if built.network.decoder is None:
        raise CantTalk(f"{where}: there is no decoder, so no units are made: leave it out, or train the phase units")
    folder = references.resolve(reference)
    place = checkpoint.named(folder)
    if (place / "recipe.json").is_file() and not (place / SETTINGS).is_file():
        raise CantTalk(f"{where} {reference} is a run without a vocoder: name one of configs/train/vocoder.yaml")
    vocoder, units = open_any(folder, device), built.network.decoder.blank
    if vocoder.units != units:
        raise CantTalk(
            f"{where} {reference} knows {vocoder.units} units, and the checkpoint says {units}: another codebook's; "
            "take the vocoder of the units that it was trained on"
        )
    if other := difference(vocoder.kind, kind):
        raise CantTalk(
            f"{where} {reference} has learned units of {other} as in the checkpoint: take a vocoder of its units, "
            "or train one: configs/train/vocoder.yaml"
        )
    return vocoder


@dataclass
class Times:
    """Milliseconds from the clip to the first of each; None where none came."""

    began: float = field(default_factory=time.monotonic)
    first: dict[str, float] = field(default_factory=dict)
    tokens: int = 0
    units: int = 0
    seconds: float = 0.0

    def note(self, event: Event) -> None:
        name = KINDS.get(type(event))
        if name:
            self.first.setdefault(name, (time.monotonic() - self.began) * 1000)
        self.tokens += isinstance(event, Token)
        self.units += len(event.units) if isinstance(event, Units) else 0

    def __str__(self) -> str:
        took = time.monotonic() - self.began
        firsts = "  ".join(f"first {name} {value:.0f} ms" for name, value in self.first.items())
        units = f", {self.units} units" if self.units else ""
        audio = f", {self.seconds:.2f} s of audio" if self.seconds else ""
        return f"{firsts}  ({self.tokens} tokens{units}{audio} in {took:.2f} s)"


def talk(options: argparse.Namespace, device: torch.device) -> Generator[str, None, None]:
    """Pieces of what is printed, as they come. Raises BadQuestion, CantTalk, OSError, and as `ready` does; KeyboardInterrupt
    amid the answer says what was kept.
    """
    question, out = Path(options.question), Path(options.out)
    if options.vocoder and out.exists() and question.exists() and out.samefile(question):
        raise CantTalk(f"--out {out} is the question itself: name another file for the answer")
    trained = ready(Path(options.checkpoint), options.vocoder, device)
    network, sampling = trained.speaker.network, Sampling(options.temperature, options.top_p, options.seed)
    clip = heard(question, network)
    voices = [SpokenUnits(trained.vocoder, options.omega, options.lookahead)] if trained.vocoder else []
    request = trained.recipe.request(options.task or trained.recipe.data[0].task)
    with ExitStack() as files:
        file = files.enter_context(closing(_written(out, trained.vocoder.rate))) if trained.vocoder else None
        times = Times()
        questions = asked(network, trained.chat, request, [clip], trained.recipe.encoder.padded_to).to(device)
        try:
            for event in generate(trained.speaker, questions, options.max_tokens, sampling, voices):
                times.note(event)
                if isinstance(event, Token):
                    yield event.text
                elif isinstance(event, Units) and options.units:
                    yield f"[{' '.join(map(str, event.units))}]"
                elif isinstance(event, Audio) and file is not None and trained.vocoder is not None:
                    file.add(event.samples)
                    times.seconds = file.samples / trained.vocoder.rate
                elif isinstance(event, End) and event.cut:
                    yield f" … (cut after {options.max_tokens} tokens)"
        except KeyboardInterrupt:
            kept = f"; {out} has the {times.seconds:.2f} s that were spoken until then" if file is not None else ""
            raise KeyboardInterrupt(f"interrupted{kept}") from None
    yield f"\n{times}\n"
    if trained.vocoder:
        yield f"{out}\n" if times.seconds else "no units, so no audio\n"


def _written(path: Path, rate: int) -> GrowingWav:
    """Raises CantTalk."""
    try:
        return GrowingWav(path, rate)
    except OSError as error:
        raise CantTalk(
            f"--out {path} can't be written ({error.strerror}): name a file in a folder that is there"
        ) from None
