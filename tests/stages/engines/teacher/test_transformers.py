"""`teacher_transformers` against transformers' own log-softmax on the ids that its own chat template gives."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.helpers.made_corpus import ANSWER, TASKS
from tests.helpers.vllm_models import smollm2
from tests.trainer import folders
from voxsmith.models.teacher_identity import TeacherIdentity
from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.schemas.tasks import MARKER
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.teacher import transformers as teacher
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.teacher import Read, ReadAnswer

REQUEST = f"Continue the following text using less than 50 words:\n\n{MARKER}"


def asked(transcript: str, answer: str, **more: Any) -> ReadAnswer:
    return ReadAnswer(request=REQUEST, transcript=transcript, answer=answer, **more)


@lru_cache(maxsize=1)
def opened(folder: Path) -> tuple[Any, Any]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def expected(folder: Path, request: ReadAnswer) -> torch.Tensor:
    """float64 [n, V]: one whole pass without padding, of the chat by the tokenizer's own template, cut where training puts speech."""
    model, tokenizer = opened(folder)
    system = [{"role": "system", "content": request.system}] if request.system else []
    turns = [*system, {"role": "user", "content": request.request}]
    head, tail = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False).split(MARKER)
    pieces = tokenizer([head, request.transcript, tail, request.answer], add_special_tokens=False)["input_ids"]
    before, answer = [id for piece in pieces[:3] for id in piece], [*pieces[3], tokenizer.eos_token_id]
    with torch.no_grad():
        logits = model(torch.tensor([[*before, *answer]])).logits[0]
    return torch.log_softmax(logits[len(before) - 1 : -1].double(), -1)


def agrees(top: TopLogProbs, whole: torch.Tensor, temperature: float = 2.0) -> float:
    """The largest difference of a log-probability, after it has been kept; the sums that are left out are looked at, too."""
    kept = TopLogProbs.unpack(top.pack())
    count = min(32, whole.shape[1])
    wanted = whole.topk(count, -1).values.numpy()
    assert kept.ids.shape == (len(whole), 32)
    at = np.take_along_axis(whole.numpy(), kept.ids[:, :count].astype(np.int64), 1)
    assert np.abs(at - wanted).max() < 1e-4, "they are the likeliest ones, but for ties"
    others = whole.clone().scatter_(1, torch.tensor(kept.ids[:, :count], dtype=torch.int64), -torch.inf)
    sums = torch.stack([others.logsumexp(1), (others / temperature).logsumexp(1)], 1).numpy()
    assert np.allclose(kept.rest, sums, atol=1e-3)
    return float(np.abs(kept.log_probs[:, :count] - at.clip(min=-32)).max())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.llm(tmp_path_factory.mktemp("llm"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Any]:
    made = teacher.BACKEND.load(teacher.Config(model=str(folder)))
    yield made
    made.close()


@pytest.mark.parametrize("more", [{}, {"system": TASKS[0][0]}, {"temperature": 3.0}])
def test_log_probabilities_are_those_of_transformers(engine: Any, folder: Path, more: dict[str, Any]) -> None:
    request = asked(TASKS[0][0], ANSWER, **more)
    read: Read = engine.submit(request).result(60)
    assert agrees(read.top, expected(folder, request), request.temperature) < 1e-3
    of = TeacherIdentity.parse(read.of)
    assert of.model.startswith(folder.name) and of.temperature == request.temperature


def test_rows_of_all_lengths_in_a_batch_give_what_they_give_alone(engine: Any) -> None:
    requests = [asked(TASKS[n % len(TASKS)][0] * (n + 1), " ".join(ANSWER.split()[: n + 1])) for n in range(5)]
    alone = [engine.answer([request])[0].top for request in requests]
    for one, other in zip(alone, engine.answer(requests), strict=True):
        assert np.array_equal(one.ids, other.top.ids)
        assert np.abs(one.log_probs - other.top.log_probs).max() < 1e-5


def test_its_replies_come_back_from_the_store(engine: Any) -> None:
    read = engine.submit(asked(TASKS[1][0], ANSWER, top=5)).result(60)
    back = Read.unpack(read.pack())
    assert back.of == read.of and back.pack() == read.pack()
    assert np.isneginf(back.top.log_probs[:, 5:]).all() and np.isfinite(back.top.log_probs[:, :5]).all()


def test_what_it_cannot_read(engine: Any, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"transcript and answer have \d+ tokens; the model reads 512"):
        engine.submit(asked(TASKS[0][0] * 600, ANSWER)).result(60)
    with pytest.raises(TypeError, match="is asked a Transcribe"):
        engine.submit(Transcribe(clip=b"")).result(60)
    assert len(engine.submit(asked("", "")).result(60).top.ids) == 1, "the end of turn alone"
    without = teacher.BACKEND.load(teacher.Config(model=str(folders.llm(tmp_path, template=None))))
    with pytest.raises(Unavailable, match="no chat template: take the instruct variant"):
        without.submit(asked(TASKS[0][0], ANSWER)).result(60)
    without.close()


def test_a_model_whose_logits_are_no_numbers(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoiled(rows: Any) -> list[torch.Tensor]:
        return [torch.full((len(answer), 40), torch.nan) for _, answer in rows]

    monkeypatch.setattr(engine, "_logits", spoiled)
    with pytest.raises(Refused, match="bad_log_probs"):
        engine.submit(asked(TASKS[0][0], ANSWER)).result(60)


@pytest.mark.heavy
def test_smollm2_on_24_rows() -> None:
    made = teacher.BACKEND.load(teacher.Config(model=str(smollm2())))
    differences = []
    for number in range(24):
        text = TASKS[number % len(TASKS)][0]
        request = asked(f"{number}. {text}", ANSWER if number % 2 else text)
        differences.append(agrees(made.submit(request).result(120).top, expected(smollm2(), request)))
    made.close()
    assert max(differences) < 1e-3
