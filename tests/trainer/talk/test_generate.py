"""Answers as they come are those of a loop that reads all anew for each token, alone and together."""

import pytest
import torch

from tests.trainer import folders, tiny
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.decoder import Collapse
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.talk.events import End, Token, Units
from voxsmith.trainer.talk.generate import Answer, Speaker, answers, ends_of, generate
from voxsmith.trainer.talk.questions import without_answers
from voxsmith.trainer.talk.sampling import GREEDY, Sampler, Sampling

ROWS, MOST = [3, 5, 6, 8, 12], 24
NEVER: frozenset[int] = frozenset()


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "phase"])
def network(request: pytest.FixtureRequest) -> SpeechLLM:
    of = tiny.recipe(decoder=tiny.BASE["decoder"] | {"phase": request.param})  # type: ignore[operator]
    return tiny.sensitive(of)


def speaker(network: SpeechLLM, ends: frozenset[int] = NEVER) -> Speaker:
    return Speaker(network, folders.tokenizer(), ends)


@torch.no_grad()
def anew(
    network: SpeechLLM, row: int, sampling: Sampling = GREEDY, ends: frozenset[int] = NEVER
) -> tuple[list[int], list[int]]:
    """Tokens and units of a row, without any cache: all is read again for each token, and decoded at the end."""
    batch = tiny.batch(network, [row])
    start = int((batch.labels[0] != -100).int().argmax())
    embedded = network.embed(batch)[:, :start]
    sample, tokens, states = Sampler(sampling, batch.ids), [], []
    while len(tokens) < MOST and not ends & set(tokens):
        words = network.llm.get_input_embeddings()(torch.tensor([tokens], dtype=torch.long))
        output = network.llm(inputs_embeds=torch.cat((embedded, words), 1), output_hidden_states=True)
        states = output.hidden_states[-1][:, start - 1 :]
        tokens += sample(output.logits[:, -1])
    logits, _ = network.decoder(states, torch.tensor([len(tokens)]))
    return tokens, Collapse(network.decoder.blank)(logits[0].argmax(-1).tolist())


def asked(network: SpeechLLM, rows: list[int]) -> Batch:
    return without_answers(tiny.batch(network, rows))


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(0.8, 0.9, seed=4)], ids=["greedy", "drawn"])
def test_streamed_is_what_reading_all_anew_gives_alone_and_together(network: SpeechLLM, sampling: Sampling) -> None:
    endless = [anew(network, row, sampling)[0] for row in ROWS]
    # A token that ends some answers, at different places, and others not.
    ends = max((frozenset([token]) for token in range(40)), key=lambda ends: len(_lengths(endless, ends)))
    wanted = [anew(network, row, sampling, ends) for row in ROWS]
    together = answers(speaker(network, ends), asked(network, ROWS), MOST, sampling)
    assert [(answer.tokens, answer.units) for answer in together] == wanted
    for row, pair in zip(ROWS, wanted, strict=True):
        (alone,) = answers(speaker(network, ends), asked(network, [row]), MOST, sampling)
        assert (alone.tokens, alone.units) == pair
    assert len(_lengths([tokens for tokens, _ in wanted], ends)) >= 3
    assert [answer.cut for answer in together] == [not ends & set(tokens) for tokens, _ in wanted]
    assert len({tuple(tokens) for tokens, _ in wanted}) == len(ROWS) and min(len(units) for _, units in wanted) > 1


def _lengths(answers: list[list[int]], ends: frozenset[int]) -> set[int]:
    """The lengths of answers that end there, if one of them has no end."""
    lengths = {min((tokens.index(end) + 1 for end in ends if end in tokens), default=MOST) for tokens in answers}
    return lengths if max(lengths) == MOST else set()


def test_units_come_with_the_token_whose_state_they_are_of(network: SpeechLLM) -> None:
    """Each token's units are there before the next token; its text is joined to the whole text."""
    wanted, units = anew(network, 3)
    events = list(generate(speaker(network), asked(network, [3]), MOST))
    assert [event.id for event in events if isinstance(event, Token)] == wanted
    assert isinstance(events[-1], End) and sum(isinstance(event, End) for event in events) == 1
    seen: list[int] = []
    tokens = 0
    for event in events:
        tokens += isinstance(event, Token)
        if isinstance(event, Units):
            seen += event.units
            with torch.no_grad():
                states, upsampling = _states(network, 3, wanted), network.decoder.upsampling
                whole, _ = network.decoder(states, torch.tensor([len(wanted)]))
            assert Collapse(network.decoder.blank)(whole[0, : upsampling * tokens].argmax(-1).tolist()) == seen
    assert seen == units
    (answer,) = answers(speaker(network), asked(network, [3]), MOST)
    assert "".join(event.text for event in events if isinstance(event, Token)) == answer.text != ""


def _states(network: SpeechLLM, row: int, tokens: list[int]) -> torch.Tensor:
    batch = tiny.batch(network, [row])
    start = int((batch.labels[0] != -100).int().argmax())
    words = network.llm.get_input_embeddings()(torch.tensor([tokens]))
    embedded = torch.cat((network.embed(batch)[:, :start], words), 1)
    states: torch.Tensor = network.llm.model(inputs_embeds=embedded).last_hidden_state[:, start - 1 : -1]
    return states


def test_each_token_is_read_once(network: SpeechLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths, forward = [], network.llm.model.forward

    def counted(*args: object, **named: torch.Tensor) -> object:
        lengths.append(named["inputs_embeds"].shape[1])
        return forward(*args, **named)

    monkeypatch.setattr(network.llm.model, "forward", counted)
    (answer,) = answers(speaker(network), asked(network, [3]), MOST)
    assert lengths == [lengths[0], *[1] * (len(answer.tokens) - 1)]


def test_without_a_decoder_there_is_text_alone() -> None:
    made = tiny.network(tiny.recipe(decoder=None)).eval()
    events = list(generate(speaker(made), asked(made, [1, 2]), 6))
    assert {type(event) for event in events} == {Token, End}
    assert answers(speaker(made), asked(made, [1]), 6)[0].units == Answer().units == []


def test_the_ends_are_the_template_s_and_the_llm_s_own(network: SpeechLLM) -> None:
    network.llm.generation_config.eos_token_id = [4, 5]
    assert ends_of(network, 2) == {2, 4, 5}
    network.llm.generation_config.eos_token_id = None
    assert ends_of(network, 2) == {2}


def test_a_batch_for_training_is_asked_without_its_answers(network: SpeechLLM) -> None:
    batch = tiny.batch(network, [1, 4])
    got = without_answers(batch)
    for row in range(2):
        kept = batch.tokens[row][: int((batch.labels[row] != -100).int().argmax())]
        assert got.tokens[row][got.attended[row]].tolist() == kept.tolist()
        assert bool(got.attended[row, -1]) and int(got.speech[row].sum()) == int(batch.speech[row].sum())


def test_an_llm_in_bf16_answers_under_autocast() -> None:
    """As a recipe with `precision: bf16` makes it: the LLM's weights in bf16, all others in float32."""
    made = tiny.network(tiny.recipe()).eval()
    made.llm.to(torch.bfloat16)
    speaks = Speaker(made, folders.tokenizer(), NEVER, bf16=True)
    for event in generate(speaks, asked(made, [1, 2]), 6):
        assert not torch.is_autocast_enabled("cpu"), event
        assert torch.is_grad_enabled()
    assert [len(answer.tokens) for answer in answers(speaks, asked(made, [1, 2]), 6)] == [6, 6]
