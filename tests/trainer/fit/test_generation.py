"""Answers generated while a run is on: what is counted, and that two workers count what one does."""

import threading
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import GOLDEN
from tests.helpers.waiting import LONGEST
from tests.trainer import folders
from voxsmith.models.chat import Chat
from voxsmith.trainer.build import build
from voxsmith.trainer.fit.corpus import corpus
from voxsmith.trainer.fit.generation import Generation
from voxsmith.trainer.fit.workers import ALONE, Workers
from voxsmith.trainer.generated import generator
from voxsmith.trainer.generated.ears import Ears
from voxsmith.trainer.recipe import TrainRecipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(5)], [], {"test": 1.0}, rows_a_file=5)
    return folder


def recipe(made: Path, phase: str, units: int, **run: object) -> TrainRecipe:
    decoder = {"layers": 1, "width": 32, "heads": 2, "inner": 32, "units": units, "upsampling": 5, "phase": True}
    export = str(made / "export")
    return TrainRecipe.model_validate(
        {
            "name": "made",
            "phase": phase,
            "data": [{"path": export}],
            # The phase units takes no task without units.
            "validation": [{"path": export}, *([{"path": export, "task": "transcribe"}] if phase != "units" else [])],
            "llm": {"model": str(made / "llm")},
            "encoder": {"model": str(made / "whisper")},
            "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
            "decoder": decoder,
            "schedule": {"steps": 1, "budget": 2.0},
            "run": {"precision": "float32", "generate_every": 3, "generate_tokens": 5, **run},
        }
    )


def generation(wanted: TrainRecipe, workers: Workers = ALONE) -> Generation:
    built = build(wanted)
    chat = Chat(built.tokenizer)
    return Generation(built, wanted, chat, corpus(wanted.validation, wanted, built, chat), CPU, workers)


def together(wanted: TrainRecipe, count: int) -> list[dict[str, float]]:
    """What each of so many workers says; each is a thread, and all add up when all have come."""
    barrier, parts = threading.Barrier(count, timeout=LONGEST), [torch.zeros(0)] * count
    said: list[dict[str, float]] = [{}] * count

    def total(rank: int, mine: torch.Tensor) -> torch.Tensor:
        parts[rank] = mine
        barrier.wait()
        return torch.stack(parts).sum(0)

    # Built one after another: what is drawn is drawn from one state.
    each = [generation(wanted, Workers(count, rank, partial(total, rank))) for rank in range(count)]

    def work(rank: int) -> None:
        said[rank] = each[rank](3)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


@pytest.mark.parametrize(("phase", "other"), [("answer", "wer.transcribe"), ("units", "unit_errors")])
def test_workers_share_the_rows_and_say_the_same(made: Path, phase: str, other: str) -> None:
    wanted = recipe(made, phase, 200, generate_rows=3)
    alone = generation(wanted)
    assert alone(1) == alone(2) == {} and alone(0)
    values = alone(3)
    assert values.keys() == {"wer.answer", other}
    assert all(value > 0 for value in values.values())
    for each in together(wanted, 3):
        assert each == pytest.approx(values, rel=1e-9)


def test_speech_is_heard_and_the_networks_modes_stay(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, bool]] = []

    def ears(asr: str, mos: bool) -> Ears:
        opened.append((asr, mos))
        return Ears(asr, lambda samples: "")

    monkeypatch.setattr(generator, "open_ears", ears)
    wanted = recipe(made, "answer", 20, vocoder=str(GOLDEN / "vocoder"), generate_rows=2)
    built = build(wanted)
    built.network.train()
    built.network.encoder.eval()
    chat = Chat(built.tokenizer)
    made_of = Generation(built, wanted, chat, corpus(wanted.validation, wanted, built, chat), CPU, ALONE)
    state = torch.get_rng_state()
    values = made_of(6)
    assert values["speech_wer"] == 1.0  # nothing is heard
    assert opened == [("whisper-base", False)]
    assert torch.equal(torch.get_rng_state(), state)  # what is drawn next is what would have been
    assert built.network.training and built.network.llm.training and not built.network.encoder.training


def test_it_is_off_where_nobody_asks(made: Path) -> None:
    off = generation(recipe(made, "answer", 20, generate_every=0, vocoder="nothing-of-the-kind"))
    assert off(0) == off(3) == {}
