"""Kept states of a frozen LLM: the same losses and gradients of the decoder, without a look at clips."""

import json
from pathlib import Path

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders
from voxsmith.models.chat import Chat
from voxsmith.trainer.build import build
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.fit.corpus import corpus
from voxsmith.trainer.fit.features import kept_states, with_states
from voxsmith.trainer.phases import units
from voxsmith.trainer.recipe import TrainRecipe


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("states")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    rows = [row(i) | {"answer_units": [i, i + 1, 3][: 1 + i % 3]} for i in range(6)]
    made = write_corpus(folder / "export", rows, [])
    (folder / "export" / "manifest.json").write_text(json.dumps(made))
    return folder


def recipe(ready: Path, kept: Path, **changes: object) -> TrainRecipe:
    decoder = {"layers": 1, "width": 16, "heads": 2, "inner": 32, "units": 20, "upsampling": 4, "states": str(kept)}
    values = {
        "name": "x",
        "phase": "units",
        "data": [{"path": str(ready / "export")}],
        "llm": {"model": str(ready / "llm")},
        "encoder": {"model": str(ready / "whisper")},
        "adapter": {"group": 2, "hidden": 32},
        "decoder": decoder,
        "schedule": {"steps": 1},
        "run": {"precision": "float32"},
    }
    return TrainRecipe.model_validate(values | changes)


PLACES = [Place(0, number) for number in range(4)]


def test_the_decoder_learns_the_same_from_kept_states(ready: Path, tmp_path: Path) -> None:
    of = recipe(ready, tmp_path / "kept")
    built, kept = build(of), kept_states(of)
    assert kept is not None
    network = built.network
    group = units.learns(network, of)[0]
    data = corpus(of.data, of, built, Chat(built.tokenizer), states=kept)
    first = data.collate(PLACES)
    assert first.states is None and len(set(first.state_keys)) == 4

    def learned(batch: object) -> tuple[float, torch.Tensor]:
        network.zero_grad()
        total = units.terms(network, batch, of)["units"].sum  # type: ignore[arg-type]
        total.backward()
        return float(total.detach()), torch.cat(
            [value.grad.flatten() for value in group.parameters if value.grad is not None]
        )

    live, gradient = learned(first)
    with_states(first, network, of, kept)
    order = [PLACES[2], PLACES[0], PLACES[1], PLACES[3]]  # another order, so other padding
    second = data.collate(order)
    assert second.states is not None and second.mel.shape[-1] == 0
    loss, again = learned(second)
    assert loss == pytest.approx(live, rel=1e-5)
    assert torch.allclose(again, gradient, atol=1e-4 * float(gradient.abs().max()))
    assert data.collate([*PLACES, Place(0, 5)]).states is None


def test_what_stands_before_the_decoder_names_the_states(ready: Path, tmp_path: Path) -> None:
    """Another seed draws another adapter, another system message makes another prompt."""
    changes: list[dict[str, object]] = [
        {},
        {"seed": 1},
        {"adapter": {"group": 1, "hidden": 32}},
        {"llm": {"model": str(ready / "llm"), "system": "Hello."}},
    ]
    names = set()
    for change in changes:
        of = recipe(ready, tmp_path / "kept", **change)
        built = build(of)
        data = corpus(of.data, of, built, Chat(built.tokenizer, of.llm.system), states=kept_states(of))
        names |= set(data.collate(PLACES).state_keys)
    assert len(names) == 4 * len(changes)
    assert kept_states(recipe(ready, tmp_path / "kept", phase="answer")) is None
