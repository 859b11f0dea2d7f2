"""The speech decoder gives what LLaMA-Omni's gives, at once and state by state."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.golden import below, golden
from voxsmith.trainer.networks.causal import Shape
from voxsmith.trainer.networks.decoder import Collapse, SpeechDecoder
from voxsmith.trainer.objectives import IGNORED, ctc


def llm(config: dict[str, Any]) -> Any:
    rope = {"rope_theta": config["rope_theta"], **config["rope_scaling"]}
    return SimpleNamespace(
        hidden_size=config["hidden_size"],
        rope_parameters=rope,
        max_position_embeddings=config["max_position_embeddings"],
    )


def decoder(weights: dict[str, Tensor], **changes: Any) -> SpeechDecoder:
    _, made = golden("llama_omni_speech_generator")
    config = made["config"]
    layers, width, heads, inner = map(int, config["ctc_decoder_config"].strip("()").split(","))
    shape = Shape(width, heads, inner, config["rms_norm_eps"])
    built = SpeechDecoder(
        shape, layers, config["unit_vocab_size"], llm(config), config["ctc_upsample_factor"], **changes
    )
    built.load_state_dict(below(weights, "speech_generator."), strict=not changes)
    return built.eval()


def chosen(tensors: dict[str, Tensor], batch: str) -> tuple[Tensor, Tensor]:
    """The states that are labelled, and how many each row has."""
    rows = [h[label != IGNORED] for h, label in zip(tensors[f"{batch}.hidden_states"], tensors[f"{batch}.labels"])]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


@pytest.mark.parametrize("batch", ["A", "B"])
def test_logits_loss_gradients_and_units_are_the_reference_s(batch: str) -> None:
    tensors, _ = golden("llama_omni_speech_generator")
    model, (states, counts) = decoder(tensors), chosen(tensors, batch)
    units, lengths = tensors[f"{batch}.tgt_units"], tensors[f"{batch}.unit_lengths"]
    logits, frames = model(states, counts, torch.maximum(25 * counts, lengths))
    assert frames.tolist() == tensors[f"{batch}.frame_lengths"].tolist()
    for row, count in enumerate(frames.tolist()):
        torch.testing.assert_close(logits[row, :count], tensors[f"{batch}.logits"][row, :count], atol=2e-4, rtol=0)

    (total, _), impossible = ctc(logits, frames, units, model.blank)
    assert impossible.tolist() == torch.isinf(tensors[f"{batch}.ctc_nll_per_row"]).tolist()
    # The reference divides by the units of impossible rows, too.
    loss = total / lengths.sum()
    torch.testing.assert_close(loss, tensors[f"{batch}.ctc_loss"].reshape(()), atol=1e-5, rtol=0)
    loss.backward()
    for name, gradient in below(tensors, f"{batch}.grad.speech_generator.").items():
        assert float((model.get_parameter(name).grad - gradient).norm()) < 2e-3 * float(gradient.norm()), name

    with torch.no_grad():
        plain, frames = model(states, counts)
    for row, count in enumerate(frames.tolist()):
        frames_of_row = plain[row, :count].argmax(-1).tolist()
        assert frames_of_row == tensors[f"{batch}.predict_argmax.{row}"][:count].tolist()
        assert Collapse(model.blank)(frames_of_row) == tensors[f"{batch}.greedy_units.{row}"].tolist()


@pytest.mark.parametrize("phase", [False, True])
def test_state_by_state_gives_what_the_whole_gives(phase: bool) -> None:
    tensors, _ = golden("llama_omni_speech_generator_overfitted")
    torch.manual_seed(0)
    model = decoder(tensors, phase=True) if phase else decoder(tensors)
    base, _ = golden("llama_omni_speech_generator")
    states, counts = chosen(base, "A")
    with torch.no_grad():
        whole, _ = model(states, counts)
        caches, collapse, units, each = model.new_caches(), Collapse(model.blank), [], []
        for place in range(int(counts[2])):
            logits = model.step(states[2:3, place], caches)[0]
            torch.testing.assert_close(logits, whole[2, 25 * place : 25 * place + 25], atol=1e-4, rtol=0)
            units += collapse(logits.argmax(-1).tolist())
            each.append(len(units))
    if not phase:
        assert units == tensors["greedy_units.2"].tolist()
        assert each == tensors["stream_units_after_n_states.2"].tolist()


def test_the_first_block_is_one_frame_unless_its_places_are_told_apart() -> None:
    tensors, _ = golden("llama_omni_speech_generator")
    states, counts = chosen(tensors, "A")
    plain, phased = decoder(tensors), decoder(tensors, phase=True)
    with torch.no_grad():
        same, other = plain(states, counts)[0][:, :25], phased(states, counts)[0][:, :25]
    assert float((same - same[:, :1]).abs().max()) < 1e-4
    assert float((other - other[:, :1]).abs().max()) > 1e-3
    assert (plain.most_units(4), phased.most_units(4)) == (76, 100)


def test_padding_and_what_comes_later_change_no_frame() -> None:
    tensors, _ = golden("llama_omni_speech_generator")
    model, (states, counts) = decoder(tensors), chosen(tensors, "A")
    with torch.no_grad():
        together, frames = model(states, counts)
        for row in range(3):
            alone, _ = model(states[row : row + 1, : counts[row]], counts[row : row + 1])
            torch.testing.assert_close(together[row, : frames[row]], alone[0], atol=1e-4, rtol=0)
        changed = states.clone()
        changed[:, 2] += 1
        later, _ = model(changed, counts)
    torch.testing.assert_close(later[:, :50], together[:, :50], atol=0, rtol=0)


def test_an_llm_that_states_the_size_of_its_heads_doesn_t_say_the_decoder_s() -> None:
    _, made = golden("llama_omni_speech_generator")
    named = llm(made["config"])
    named.head_dim = 7
    shape = Shape(64, 4, 96, 1e-5)
    assert SpeechDecoder(shape, 1, 20, named).rotary.inv_freq.shape == (8,)


def test_at_the_paper_s_size_the_names_shapes_and_count_are_the_published_ones() -> None:
    config = SimpleNamespace(
        hidden_size=4096, rope_parameters={"rope_type": "default", "rope_theta": 5e5}, max_position_embeddings=131072
    )
    with torch.device("meta"):
        model = SpeechDecoder(Shape(4096, 32, 11008, 1e-5), 2, 1000, config)
    assert sum(value.numel() for value in model.state_dict().values()) == 425_649_129
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    assert shapes["output_proj.weight"] == [1001, 4096] and shapes["layers.1.mlp.down_proj.weight"] == [4096, 11008]
    assert "norm.weight" not in shapes  # the published decoder has no last norm
