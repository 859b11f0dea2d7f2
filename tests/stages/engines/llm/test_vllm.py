"""SmolLM2 in a real vLLM on the CPU: `make test-vllm` runs this in an environment that has it."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.helpers.vllm_models import adapter, copy_of, cut, smollm2
from voxsmith.models.references import ModelMissing
from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.llm import vllm as llm_vllm
from voxsmith.stages.engines.llm.vllm_core import set_environment
from voxsmith.stages.engines.teacher import transformers as teacher_transformers
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.llm import Complete, Completion

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"answer": {"type": "string", "maxLength": 80}},
        "required": ["answer"],
        "additionalProperties": False,
    }
)
SHARED = "Q: What colour is the sky?\nA: Blue.\n\n"
SUM = Complete(prompt=f"{SHARED}Q: What is two plus two?\nA:", head=SHARED, max_tokens=12, stop=("\n",))


def config(model: Path, machine: dict[str, Any] | None = None, **settings: Any) -> llm_vllm.Config:
    resources = {"num_gpus": 0, "eager": True, "batch": 16, "threads": 1} | (machine or {})
    given = {
        "model": str(model),
        "dtype": "float32",
        "context": 1024,
        "resources": resources,
    }  # few CPUs are quick at bfloat16
    return llm_vllm.Config.model_validate(given | settings)


def ask(engine: llm_vllm.VLLM, *requests: Complete) -> list[Completion]:
    return [future.result(300) for future in [engine.submit(request) for request in requests]]


def writers() -> list[psutil.Process]:
    """vLLM's processes below this one."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if one.status() != psutil.STATUS_ZOMBIE and one.name().startswith("VLLM::Engine")]


@pytest.fixture(scope="module")
def engine() -> Iterator[llm_vllm.VLLM]:
    engine = llm_vllm.BACKEND.load(config(smollm2(), teacher=4))
    yield engine
    left = writers()
    engine.close()
    assert not psutil.wait_procs(left, timeout=20)[1]


def test_a_prompt_is_gone_on_with(engine: llm_vllm.VLLM) -> None:
    cut_off, whole = ask(engine, Complete(prompt="Once upon a time", max_tokens=5), SUM)
    assert (cut_off.finish, cut_off.tokens) == ("length", 5)
    assert whole.finish == "stop"
    assert whole.text.strip()
    assert "\n" not in whole.text


def test_messages_go_through_the_chat_template(engine: llm_vllm.VLLM) -> None:
    chat = Complete(messages=(("system", "Answer in one word."), ("user", "What is the capital of France?")))
    written = "<|im_start|>system\nAnswer in one word.<|im_end|>\n<|im_start|>user\nWhat is the capital of France?"
    plain = Complete(prompt=f"{written}<|im_end|>\n<|im_start|>assistant\n")
    chatted, same = ask(engine, chat, plain)
    assert "Paris" in chatted.text
    assert chatted.text == same.text
    assert chatted.finish == "stop"


def test_a_schema_is_kept_to(engine: llm_vllm.VLLM) -> None:
    asked = [Complete(messages=(("user", f"Name {n} colours."),), max_tokens=90, json_schema=SCHEMA) for n in range(8)]
    for reply in ask(engine, *asked):
        parsed = json.loads(reply.text)
        assert list(parsed) == ["answer"]
        assert reply.text.startswith('{"answer":')  # no white space to get lost in


def test_seeds_make_other_texts_and_no_heat_makes_one(engine: llm_vllm.VLLM) -> None:
    hot = [Complete(prompt="Once upon a time", max_tokens=16, temperature=1.0, seed=n) for n in range(6)]
    texts = [reply.text for reply in ask(engine, *hot)]
    assert len(set(texts)) == 6
    assert [ask(engine, one)[0].text for one in hot[:2]] == [ask(engine, one)[0].text for one in hot[:2]]
    cold = [Complete(prompt="Once upon a time", max_tokens=12, seed=n) for n in range(3)]
    assert len({reply.text for reply in ask(engine, *cold)}) == 1


def test_more_seeded_prompts_than_are_read_at_once(engine: llm_vllm.VLLM) -> None:
    before = [one.pid for one in writers()]
    long = [" ".join(f"{word} {n} times {n * word}." for word in range(60)) for n in range(100, 112)]
    asked = [Complete(prompt=text, max_tokens=2, temperature=0.8, seed=n) for n, text in enumerate(long)]
    assert all(reply.tokens for reply in ask(engine, *asked))
    assert [one.pid for one in writers()] == before, "vLLM died, and was started anew"


def test_what_the_teacher_thought(engine: llm_vllm.VLLM) -> None:
    reply = ask(engine, SUM)[0]
    teacher = reply.teacher or {}
    assert len(teacher["tokens"]) == len(teacher["ids"]) == len(teacher["logprobs"]) == reply.tokens
    for token, ids, logprobs in zip(*(teacher[name] for name in ("tokens", "ids", "logprobs")), strict=True):
        assert len(ids) == len(logprobs) == 4
        assert logprobs == sorted(logprobs, reverse=True)
        assert max(logprobs) <= 0
        assert token == ids[0]  # without heat the likeliest is said
    assert Completion.unpack(reply.pack()) == reply


def test_the_tokens_are_the_reference_implementations(engine: llm_vllm.VLLM) -> None:
    """transformers' own forward pass over the same tokens gives nearly the same log-probabilities."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(smollm2(), dtype=torch.float32)
    prompt = AutoTokenizer.from_pretrained(smollm2()).encode(SUM.prompt)
    teacher = ask(engine, SUM)[0].teacher or {}
    with torch.no_grad():
        logits = model(torch.tensor([prompt + teacher["tokens"]])).logits[0, len(prompt) - 1 : -1]
    reference = torch.log_softmax(logits, -1).gather(1, torch.tensor(teacher["ids"]))
    difference = (reference - torch.tensor(teacher["logprobs"])).abs()
    print(f"log-probabilities against transformers: max difference {difference.max():.3f}")
    assert difference.max() < 1e-3  # told to four places


@pytest.mark.parametrize(
    ("prompt", "reason"), [("", "empty_prompt"), ("word " * 3000, "prompt_too_long"), ("\ud83d", "unreadable_text")]
)
def test_a_prompt_that_cannot_be_taken_is_refused(engine: llm_vllm.VLLM, prompt: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        ask(engine, Complete(prompt=prompt))


def test_settings_at_fault_are_no_verdict_on_a_row(engine: llm_vllm.VLLM) -> None:
    with pytest.raises(Unavailable, match="doesn't take such requests"):
        ask(engine, Complete(prompt="a", json_schema='{"type": "nonsense"}'))
    with pytest.raises(TypeError, match="can't take a Transcribe"):
        engine.submit(Transcribe(clip=b""))


def test_odd_prompts_get_replies(engine: llm_vllm.VLLM) -> None:
    odd = ["\x00", "😀" * 50, "ﷺ" * 100, " ", "<|im_end|>", "\u202etxet", "a" * 900]
    for reply in ask(engine, *(Complete(prompt=text, max_tokens=4) for text in odd)):
        assert reply.tokens <= 4


def test_a_short_reply_does_not_wait_for_long_ones(engine: llm_vllm.VLLM) -> None:
    long = [engine.submit(Complete(prompt=f"Count to {n}: 1, 2, 3,", max_tokens=400)) for n in range(8)]
    short = engine.submit(Complete(prompt="Hello", max_tokens=1))
    done, waiting = wait([*long, short], timeout=300, return_when=FIRST_COMPLETED)
    assert short in done
    assert waiting
    wait(waiting, timeout=600)


def test_more_than_a_batch_may_wait_and_none_is_lost(engine: llm_vllm.VLLM) -> None:
    assert engine.config.resources.at_once == 32
    asked = [Complete(prompt=f"The number after {n} is", max_tokens=1 + n % 7) for n in range(80)]
    replies = ask(engine, *asked)
    assert all(0 < reply.tokens <= request.max_tokens for reply, request in zip(replies, asked, strict=True))
    alone = [ask(engine, asked[n])[0].text for n in (0, 40, 79)]
    assert alone == [replies[n].text for n in (0, 40, 79)]  # each has its own


def test_a_killed_engine_is_started_anew_with_a_smaller_batch(
    engine: llm_vllm.VLLM, caplog: pytest.LogCaptureFixture
) -> None:
    """As the kernel does where memory runs out. What was under way is asked again."""
    futures = [engine.submit(Complete(prompt=f"Count from {n} on:", max_tokens=200)) for n in range(12)]
    wait(futures, timeout=2)
    os.kill(writers()[0].pid, signal.SIGKILL)
    replies = [future.result(600) for future in futures]
    assert all(reply.text for reply in replies)
    assert engine.core.batch == 4
    assert "started again with a batch of 4, not 16" in caplog.text
    assert len(writers()) == 1


def test_vllm_knows_what_it_is_told_by_the_environment() -> None:
    """A name that is none of its own would change nothing, and say nothing."""
    from vllm.envs import environment_variables

    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("VLLM_")]:
            del os.environ[name]
        set_environment(config(Path("model")))
        set_environment(config(Path("model"), {"num_gpus": 1}, batch_invariant=True))
        variables = {name for name in os.environ if name.startswith("VLLM_")}
        assert (
            {"VLLM_WORKER_MULTIPROC_METHOD", "VLLM_USE_FLASHINFER_SAMPLER"} <= variables <= set(environment_variables)
        )
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_an_adapter_changes_replies(tmp_path: Path) -> None:
    tuned = config(smollm2(), adapter=str(adapter(smollm2(), tmp_path / "tuned")))
    assert llm_vllm.BACKEND.identity(tuned)["adapter"].startswith("tuned@")
    assert llm_vllm.BACKEND.models(tuned) == (str(smollm2()), str(tmp_path / "tuned"))
    with_it = llm_vllm.BACKEND.load(tuned)
    try:
        tuned_text = ask(with_it, Complete(prompt="Once upon a time", max_tokens=24))[0].text
    finally:
        with_it.close()
    plain = llm_vllm.BACKEND.load(config(smollm2()))
    try:
        assert ask(plain, Complete(prompt="Once upon a time", max_tokens=24))[0].text != tuned_text
        last = plain.submit(Complete(prompt="Count:", max_tokens=900))
    finally:
        plain.close()
    with pytest.raises(Unavailable, match="closed"):
        last.result(60)


def test_what_cannot_be_loaded_is_told_in_a_line(tmp_path: Path) -> None:
    before = set(writers())
    empty = tmp_path / "empty"
    empty.mkdir()
    other = copy_of(smollm2(), tmp_path / "other", architectures=["NoSuchForCausalLM"], model_type="nosuch")
    wrong = copy_of(smollm2(), tmp_path / "wrong", hidden_size=512)
    for model, settings, says in (
        (tmp_path / "nowhere.d" / "x", {}, "no such model file or folder"),
        (empty, {}, "tokenizer can't be read"),
        (other, {}, "nosuch"),
        (wrong, {}, "wrong"),
        (cut(copy_of(smollm2(), tmp_path / "cut")), {}, "SafetensorError|incomplete|size"),
        (smollm2(), {"context": 100_000}, "max_model_len|8192"),
        (smollm2(), {"adapter": str(empty)}, "holds no LoRA adapter"),
        (smollm2(), {"machine": {"kv_cache_gib": 10_000}}, "memory"),
    ):
        with pytest.raises(ModelMissing, match=says) as failure:
            llm_vllm.BACKEND.load(config(model, **settings))
        print(failure.value)
        assert "\n" not in str(failure.value)
    assert not psutil.wait_procs(set(writers()) - before, timeout=20)[1]


@pytest.mark.parametrize("how", ["lacks one", "another shape"])
def test_weights_that_are_not_the_models_are_told(how: str, tmp_path: Path) -> None:
    """A whole file. Of linear layers vLLM doesn't look what is missing: `check_shards` does, where a list says what there is."""
    import torch
    from safetensors.torch import load_file, save_file

    folder, name = copy_of(smollm2(), tmp_path / "model"), "model.layers.3.input_layernorm.weight"
    weights = load_file(folder / "model.safetensors")
    left = {key: value for key, value in weights.items() if key != name}
    save_file(left if how == "lacks one" else left | {name: torch.zeros(3, 3)}, folder / "model.safetensors")
    with pytest.raises(ModelMissing, match=f"can't load {folder}: ") as failure:
        llm_vllm.BACKEND.load(config(folder))
    print(failure.value)
    assert "\n" not in str(failure.value)


def test_it_is_a_teacher_too(engine: llm_vllm.VLLM) -> None:
    """The log-probabilities of a given answer are those of transformers, for the same prompt; what it can't know is left open."""
    from tests.stages.engines.teacher.test_transformers import asked, expected

    request = asked("The train to the sea leaves", "at nine, and we are late.")
    read = engine.submit(request).result(300)
    whole = expected(smollm2(), request)
    kept = TopLogProbs.unpack(read.top.pack())
    wanted = np.take_along_axis(whole.numpy(), kept.ids.astype(np.int64), 1)
    assert np.abs(kept.log_probs - wanted.clip(min=-32)).max() < 1e-3
    assert np.abs(wanted - whole.topk(32, -1).values.numpy()).max() < 1e-4
    left_out = np.log1p(-np.exp(wanted).sum(1))
    assert np.allclose(kept.rest[:, 0], left_out, atol=1e-2) and np.isnan(kept.rest[:, 1]).all()
    other = teacher_transformers.BACKEND.load(teacher_transformers.Config(model=str(smollm2())))
    assert other.submit(request).result(300).of == read.of, "for training both are the same teacher"
    other.close()
    with pytest.raises(Refused, match="prompt_too_long"):
        engine.submit(asked("and so on " * 1000, "late.")).result(300)
