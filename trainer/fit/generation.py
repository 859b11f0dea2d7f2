"""Answers that are generated while a run is on: a loss behind the true tokens doesn't show what is said without them."""

import torch

from voxsmith.models.chat import Chat
from voxsmith.models.text.wer import Errors
from voxsmith.trainer.build import Built
from voxsmith.trainer.fit.corpus import Corpus
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.generated.answered import Answered
from voxsmith.trainer.generated.generator import Generator, Wanted
from voxsmith.trainer.recipe import TrainRecipe


class Generation:
    """Of the rows of validation, every `run.generate_every` steps; never where that is 0. Raises ModelMissing, CantTalk."""

    def __init__(
        self, built: Built, recipe: TrainRecipe, chat: Chat, held_out: Corpus, device: torch.device, workers: Workers
    ) -> None:
        run = recipe.run
        self._every = run.generate_every if held_out.rows else 0
        self._network, self._held_out, self._workers = built.network, held_out, workers
        self._names = _names(held_out, bool(run.vocoder))
        wanted = Wanted(run.generate_rows, run.generate_tokens, run.vocoder, mos=False, where="run.vocoder")
        self._generator = Generator(built, recipe, chat, wanted, device) if self._every else None

    def __call__(self, step: int) -> dict[str, float]:
        """Error rates after so many steps, empty where it isn't time. `wer.TASK`: of words against the text that the rows have,
        normalised, by what they are used for; `unit_errors`: against the units that they have; `speech_wer`: of our ASR on the
        speech against the generated text. Each worker takes its share of rows. Raises BadSpeech.
        """
        if self._generator is None or step % self._every:
            return {}
        modes = [(module, module.training) for module in self._network.modules()]
        self._network.eval()
        generated = self._generator(self._held_out.collate, self._workers.count, self._workers.rank)
        for module, mode in modes:  # what stands still may be in another one than what learns
            module.training = mode
        counts = dict.fromkeys(self._names, (0, 0))
        for row in generated.rows:
            for name, (wrong, there) in _counts(row).items():
                counts[name] = counts[name][0] + wrong, counts[name][1] + there
        totals = self._workers.total(torch.tensor([*counts.values()], dtype=torch.float64)).tolist()
        return {name: wrong / there for name, (wrong, there) in zip(counts, totals, strict=True) if there}


def _names(held_out: Corpus, speaks: bool) -> list[str]:
    """The same, in the same order, with each worker, whichever rows it has."""
    tasks = dict.fromkeys(f"wer.{source.task.name}" for source in held_out.sources)
    return [*tasks, *(["unit_errors"] if held_out.collate.units else []), *(["speech_wer"] if speaks else [])]


def _counts(row: Answered) -> dict[str, tuple[int, int]]:
    """Of each measure, how many are wrong and how many there should be."""
    counted = {}
    if row.text_errors:
        counted[f"wer.{row.task}"] = _words(row.text_errors["normalised"])
    if units := row.unit_errors:
        counted["unit_errors"] = units.wrong, units.wanted
    if row.speech_errors:
        counted["speech_wer"] = _words(row.speech_errors["normalised"])
    return counted


def _words(errors: Errors) -> tuple[int, int]:
    return errors.wrong_words, errors.words
