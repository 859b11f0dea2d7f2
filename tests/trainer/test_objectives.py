"""Each objective against the reference's numbers, and against slow formulas in float64."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from tests.trainer.golden import below, golden
from voxsmith.trainer.networks.adapter import StackProjector
from voxsmith.trainer.networks.whisper import encode, frames_of
from voxsmith.trainer.objectives import (
    IGNORED,
    answer_cross_entropy,
    ctc,
    distillation,
    distillation_of_top,
    predicting,
)

# -- Ultravox, whole and tiny ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ultravox() -> tuple[dict[str, Tensor], Any, StackProjector, Any]:
    tensors, made = golden("ultravox_kd")
    encoder = WhisperEncoder(WhisperConfig(**made["audio_config"], attn_implementation="sdpa")).eval()
    encoder.load_state_dict(below(tensors, "audio_tower."))
    projector = StackProjector(16, 24, hidden=20)
    projector.load_state_dict(below(tensors, "multi_modal_projector."))
    text = made["text_config"]
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": text.pop("rope_theta")}
    llm = LlamaForCausalLM(LlamaConfig(**text)).eval()
    llm.load_state_dict(below(tensors, "language_model."))
    return tensors, encoder, projector, llm


def student_logits(ultravox: tuple[dict[str, Tensor], Any, StackProjector, Any], batch: str) -> Tensor:
    tensors, encoder, projector, llm = ultravox
    lengths = tensors[f"{batch}audio_lens"]
    speech = projector(encode(encoder, tensors[f"{batch}audio_values"], lengths))
    embeddings = llm.model.embed_tokens(tensors[f"{batch}input_ids"].clamp(max=49)).clone()
    starts, counts = tensors[f"{batch}audio_token_start_idx"], projector.lengths(frames_of(lengths))
    assert counts.tolist() == tensors[f"{batch}audio_token_len"].tolist()
    for row, (start, count) in enumerate(zip(starts.tolist(), counts.tolist())):
        embeddings[row, start : start + count] = speech[row, :count]
    return llm(inputs_embeds=embeddings, attention_mask=tensors[f"{batch}attention_mask"]).logits


def teacher_logits(ultravox: tuple[dict[str, Tensor], Any, StackProjector, Any]) -> Tensor:
    tensors, _, _, llm = ultravox
    with torch.no_grad():
        return llm(input_ids=tensors["batch.alt_input_ids"], attention_mask=tensors["batch.alt_attention_mask"]).logits


def test_a_clip_gives_in_a_batch_what_it_gives_alone(ultravox: Any) -> None:
    """The reference lets padding into the last group of a clip; alone it has none, and that is right."""
    tensors, encoder, projector, _ = ultravox
    lengths = tensors["batch.audio_lens"]
    frames = encode(encoder, tensors["batch.audio_values"], lengths)
    speech = projector(frames)
    for row, count in enumerate(frames_of(lengths).tolist()):
        torch.testing.assert_close(frames[row, :count], tensors[f"alone.{row}.encoder_out"][0], atol=2e-5, rtol=0)
        wanted = tensors[f"alone.{row}.audio_embeds"].reshape(-1, 24)
        torch.testing.assert_close(speech[row, : len(wanted)], wanted, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("batch", "loss"), [("batch.", "alone_loss"), ("even.batch.", "even.alone_loss")])
def test_distillation_is_ultravox_v06_s_without_its_padding(ultravox: Any, batch: str, loss: str) -> None:
    tensors = ultravox[0]
    got = distillation(
        student_logits(ultravox, batch),
        tensors[f"{batch}labels"],
        teacher_logits(ultravox),
        tensors["batch.alt_labels"],
    )
    torch.testing.assert_close(got.loss(), tensors[loss].reshape(()), atol=1e-5, rtol=0)
    assert int(got.end.count) == 3


def test_its_gradients_are_the_reference_s_where_that_has_no_padding(ultravox: Any) -> None:
    tensors, _, projector, _ = ultravox
    projector.zero_grad()
    labels, teacher = tensors["even.batch.labels"], teacher_logits(ultravox)
    distillation(
        student_logits(ultravox, "even.batch."), labels, teacher, tensors["batch.alt_labels"]
    ).loss().backward()
    for name, gradient in below(tensors, "even.grad.multi_modal_projector.").items():
        assert float((projector.get_parameter(name).grad - gradient).norm()) < 1e-4 * float(gradient.norm()), name


def test_the_unshifted_form_is_that_of_the_versions_before(ultravox: Any) -> None:
    tensors = ultravox[0]
    logits, teacher = student_logits(ultravox, "even.batch."), teacher_logits(ultravox)
    labels, others = tensors["even.batch.labels"], tensors["batch.alt_labels"]
    got = distillation(logits, labels, teacher, others, shifted=False)
    torch.testing.assert_close(got.loss(), tensors["even.kl_unshifted_v03_to_v05"].reshape(()), atol=1e-5, rtol=0)


def test_cross_entropy_is_the_reference_s(ultravox: Any) -> None:
    tensors = ultravox[0]
    got = answer_cross_entropy(tensors["student_logits"], tensors["batch.labels"])
    torch.testing.assert_close(got.mean, tensors["cross_entropy"].reshape(()), atol=1e-5, rtol=0)


def test_answers_of_other_lengths_are_refused() -> None:
    labels, longer = torch.tensor([[IGNORED, 1, 2]]), torch.tensor([[IGNORED, 1, 2, 3]])
    with pytest.raises(ValueError, match=r"answers of \[2\] tokens, the teacher's are of \[3\]"):
        distillation(torch.zeros(1, 3, 5), labels, torch.zeros(1, 4, 5), longer)


# -- slow formulas ----------------------------------------------------------------------------------------------------------


def slow_softmax(values: list[float]) -> list[float]:
    top = max(values)
    weights = [math.exp(value - top) for value in values]
    return [weight / sum(weights) for weight in weights]


def slow_distillation_of_top(
    student: list[float], teacher: list[float], top: int, temperature: float
) -> tuple[float, float]:
    """One place, in Python's float64 and from the definition: the loss over the likeliest `top` and all others as one; and what of KL
    over all tokens it leaves out.
    """
    q, s = (slow_softmax([value / temperature for value in logits]) for logits in (teacher, student))
    kept = sorted(range(len(q)), key=lambda token: -q[token])[:top]
    others = [token for token in range(len(q)) if token not in kept]
    q_rest, s_rest = sum(q[token] for token in others), sum(s[token] for token in others)
    loss = sum(q[token] * math.log(q[token] / s[token]) for token in kept) + q_rest * math.log(q_rest / s_rest)
    within = [q[token] / q_rest * math.log((q[token] / q_rest) / (s[token] / s_rest)) for token in others]
    return loss, q_rest * sum(within)


@pytest.mark.parametrize(("temperature", "top"), [(1.0, 4), (2.0, 4), (2.0, 1), (3.5, 15)])
def test_distillation_of_the_likeliest_is_its_definition_and_what_it_leaves_out_is_known(
    temperature: float, top: int
) -> None:
    torch.manual_seed(top)
    student = (3 * torch.randn(2, 6, 16, dtype=torch.float64)).requires_grad_()
    teacher = 3 * torch.randn(2, 6, 16, dtype=torch.float64)
    labels = torch.tensor([[IGNORED, IGNORED, 1, 2, 3, IGNORED], [IGNORED, 4, 5, IGNORED, IGNORED, IGNORED]])
    at = predicting(labels)
    log_probs = teacher[at].log_softmax(-1)
    likeliest = log_probs.topk(top, -1)
    rest = (log_probs / temperature).scatter(1, likeliest.indices, -torch.inf).logsumexp(-1)
    # Entries that are none, as of fewer tokens than there is room for.
    ids = torch.cat([likeliest.indices, likeliest.indices[:, :1]], 1)
    values = torch.cat([likeliest.values, torch.full((5, 1), -torch.inf)], 1)
    got = distillation_of_top(student, labels, ids, values, rest, temperature)
    pairs = [
        slow_distillation_of_top(mine, theirs, top, temperature)
        for mine, theirs in zip(student[at].tolist(), teacher[at].tolist(), strict=True)
    ]
    assert float(got.answer.sum.detach()) == pytest.approx(sum(loss for loss, _ in pairs), abs=1e-4)
    assert float(got.end.sum.detach()) == pytest.approx(pairs[2][0] + pairs[4][0], abs=1e-4)
    assert (int(got.answer.count), int(got.end.count)) == (5, 2)
    whole = distillation(student, labels, teacher, labels, temperature)
    assert float((whole.answer.sum - got.answer.sum).detach()) == pytest.approx(
        sum(left for _, left in pairs), abs=1e-4
    )
    assert min(left for _, left in pairs) >= 0
    got.loss().backward()
    assert student.grad is not None and bool(student.grad.isfinite().all()) and float(student.grad.abs().sum()) > 0


def test_the_likeliest_may_be_all_there_are() -> None:
    """Then nothing is left out, and the loss is that over all tokens, with its gradient."""
    torch.manual_seed(0)
    logits, teacher = torch.randn(1, 4, 5), torch.randn(1, 4, 5)
    labels = torch.tensor([[IGNORED, 1, 2, 3]])
    one, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    whole = distillation(one, labels, teacher, labels)
    top = teacher[predicting(labels)].log_softmax(-1).topk(5, -1)
    got = distillation_of_top(other, labels, top.indices, top.values, torch.full((3,), -torch.inf))
    torch.testing.assert_close(got.loss(), whole.loss())
    whole.loss().backward()
    got.loss().backward()
    torch.testing.assert_close(other.grad, one.grad)


def test_places_and_labelled_tokens_are_as_many() -> None:
    labels = torch.tensor([[IGNORED, 1, 2]])
    with pytest.raises(ValueError, match=r"answers of \[2\] tokens, and 3 places of a teacher"):
        distillation_of_top(torch.zeros(1, 3, 5), labels, torch.zeros(3, 1).long(), torch.zeros(3, 1), torch.zeros(3))


def slow_ctc(probabilities: list[list[float]], units: list[int], blank: int) -> float:
    """p(units | frames) by Graves' forward variables (2006, equations 5 to 8)."""
    spread = [blank]
    for unit in units:
        spread += [unit, blank]
    before = [0.0] * len(spread)
    for time, row in enumerate(probabilities):
        now = []
        for place, unit in enumerate(spread):
            if time == 0:
                ways = 1.0 if place < 2 else 0.0
            else:
                ways = before[place] + (before[place - 1] if place else 0.0)
                if place > 1 and unit not in (blank, spread[place - 2]):
                    ways += before[place - 2]
            now.append(ways * row[unit])
        before = now
    return sum(before[-2:])


rows = st.lists(
    st.tuples(st.integers(1, 6), st.lists(st.integers(0, 3), max_size=4)), min_size=1, max_size=4
)  # frames, units


@given(rows, st.integers(0, 2**31), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_ctc_is_the_forward_sum_whatever_the_padding(shapes: list[tuple[int, list[int]]], seed: int, more: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    longest, most = max(count for count, _ in shapes) + more, max(len(units) for _, units in shapes) + more
    logits = torch.randn(len(shapes), longest, 5, generator=draw)
    units = torch.full((len(shapes), most), IGNORED)
    for row, (_, said) in enumerate(shapes):
        units[row, : len(said)] = torch.tensor(said, dtype=torch.int64)
    wanted, possible = 0.0, 0
    for row, (count, said) in enumerate(shapes):
        probability = slow_ctc([slow_softmax(one) for one in logits[row, :count].tolist()], said, 4)
        if probability:
            wanted, possible = wanted - math.log(probability), possible + len(said)
    total, impossible = ctc(logits.requires_grad_(), torch.tensor([count for count, _ in shapes]), units, blank=4)
    assert float(total.sum.detach()) == pytest.approx(wanted, abs=1e-4)
    assert int(total.count) == possible
    repeats = [sum(a == b for a, b in pairwise(said)) for _, said in shapes]
    assert impossible.tolist() == [
        count < len(said) + twice for (count, said), twice in zip(shapes, repeats, strict=True)
    ]
    if total.sum.requires_grad:
        total.sum.backward()
        assert logits.grad is not None and bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("wrong", [4, -1, 7])
def test_a_unit_that_the_decoder_lacks_is_an_error_and_no_blank(wrong: int) -> None:
    with pytest.raises(ValueError, match=rf"unit {wrong}: the decoder has units 0 to 3"):
        ctc(torch.zeros(1, 6, 5), torch.tensor([6]), torch.tensor([[1, wrong]]), blank=4)


labelled = st.lists(
    st.lists(st.one_of(st.just(IGNORED), st.integers(0, 6)), min_size=2, max_size=6), min_size=1, max_size=4
)


@given(labelled, st.integers(0, 2**31), st.integers(0, 3), st.sampled_from([1.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_cross_entropy_and_distillation_are_their_formulas(
    labels: list[list[int]], seed: int, more: int, temperature: float
) -> None:
    draw = torch.Generator().manual_seed(seed)
    longest = max(map(len, labels)) + more
    padded = torch.tensor([row + [IGNORED] * (longest - len(row)) for row in labels])
    ours, theirs = (torch.randn(len(labels), longest, 7, generator=draw) for _ in range(2))
    entropy = divergence = end = 0.0
    tokens = ends = 0
    for row, wanted in enumerate(labels):
        each = []
        for place in range(1, len(wanted)):
            if wanted[place] == IGNORED:
                continue
            entropy -= math.log(slow_softmax(ours[row, place - 1].tolist())[wanted[place]])
            p = slow_softmax([value / temperature for value in theirs[row, place - 1].tolist()])
            q = slow_softmax([value / temperature for value in ours[row, place - 1].tolist()])
            each.append(sum(a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True)))
        divergence, tokens = divergence + sum(each), tokens + len(each)
        end, ends = end + sum(each[-1:]), ends + len(each[-1:])
    got = answer_cross_entropy(ours, padded)
    assert (float(got.sum), int(got.count)) == (pytest.approx(entropy, abs=1e-4), tokens)
    kl = distillation(ours, padded, theirs, padded, temperature)
    assert (float(kl.answer.sum), int(kl.answer.count)) == (pytest.approx(divergence, abs=1e-4), tokens)
    assert (float(kl.end.sum), int(kl.end.count)) == (pytest.approx(end, abs=1e-4), ends)


def test_the_states_of_an_answer_are_those_that_predict_it() -> None:
    """Prompt of two, answer 7 8, end 9: the last token of the prompt predicts 7."""
    labels = torch.tensor([[IGNORED, IGNORED, 7, 8, 9, IGNORED]])
    assert predicting(labels).tolist() == [[False, True, True, True, False, False]]


def test_an_end_token_that_pads_too_counts_where_it_is_labelled() -> None:
    """Its id is that of padding with many LLMs; what is not to count has the label IGNORED, and not some id."""
    logits, labels = torch.zeros(1, 4, 3), torch.tensor([[IGNORED, 1, 2, IGNORED]])
    got = answer_cross_entropy(logits, labels)
    assert int(got.count) == 2 and float(got.mean) == pytest.approx(math.log(3))
