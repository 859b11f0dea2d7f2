"""SmolLM2 in llama.cpp: real replies."""

import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, wait

import pytest

from tests.helpers.recipes import ROOT
from tests.helpers.waiting import LONGEST
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.llm.llamacpp import BACKEND, Config, LlamaCpp
from voxsmith.stages.requests.llm import Complete


@pytest.fixture(scope="module")
def engine() -> LlamaCpp:
    return BACKEND.load(Config())


def ask(engine: LlamaCpp, requests: list[Complete]) -> list:
    return [future.result(120) for future in [engine.submit(request) for request in requests]]


def test_replies_do_not_depend_on_their_neighbours(engine: LlamaCpp) -> None:
    requests = [
        Complete(
            prompt=f"Question: What is {n} plus {n}?\nAnswer:", max_tokens=12, temperature=0.8, seed=n, stop=("\n",)
        )
        for n in range(10)
    ]
    first = ask(engine, requests)
    again = ask(engine, requests[::-1])[::-1]
    other = BACKEND.load(Config())
    assert first == again == ask(other, requests)
    other.close()


@pytest.mark.heavy
def test_a_shared_head_does_not_make_replies_depend_on_their_order(engine: LlamaCpp) -> None:
    heads = ("Q: What is a cat?\nA: A small animal.\n\nQ:", "Say it in other words.\n\nSay:")
    asked = [
        "Can you name a fruit?",
        "Can you name a city?",
        "Why is the sky blue?",
        "Can you name a fruit, please?",
    ] * 3
    requests = [
        Complete(prompt=f"{heads[n % 2]} {text}\n", head=heads[n % 2], max_tokens=16, temperature=0.8, seed=n)
        for n, text in enumerate(asked)
    ]
    first = ask(engine, requests)
    again = ask(engine, requests[::-1])[::-1]
    alone = BACKEND.load(Config(heads=1))  # each head drives the other out
    one_by_one = [alone.submit(request).result(60) for request in requests]
    alone.close()
    assert first == again == one_by_one


def test_stop_and_length(engine: LlamaCpp) -> None:
    cut, whole = ask(
        engine,
        [
            Complete(prompt="Once upon a time", max_tokens=5),
            Complete(
                prompt="Q: What colour is the sky?\nA: Blue.\nQ: What colour is grass?\nA:", max_tokens=40, stop=("\n",)
            ),
        ],
    )
    assert (cut.finish, cut.tokens) == ("length", 5)
    assert whole.finish == "stop"
    assert "\n" not in whole.text


def test_messages_and_json(engine: LlamaCpp) -> None:
    schema = '{"type": "object", "properties": {"answer": {"type": "string", "maxLength": 40}}, "required": ["answer"]}'
    request = Complete(messages=(("user", "Name a colour."),), max_tokens=60, json_schema=schema)
    assert ask(engine, [request])[0].text.strip().startswith("{")


def test_a_prompt_beyond_the_context_is_refused(engine: LlamaCpp) -> None:
    for prompt in ("word " * 6000, "a" * 100_000):
        with pytest.raises(Refused, match="prompt_too_long"):
            ask(engine, [Complete(prompt=prompt, max_tokens=5)])


def test_a_reply_does_not_wait_for_others(engine: LlamaCpp) -> None:
    requests = [Complete(prompt=f"Count to {n}:", max_tokens=10) for n in range(12)]
    requests.insert(6, Complete(prompt="word " * 6000))
    futures = [engine.submit(request) for request in requests]
    done, waiting = wait(futures, timeout=LONGEST, return_when=FIRST_COMPLETED)
    assert len(done) < len(waiting)
    assert [index for index, future in enumerate(futures) if future.exception(LONGEST) is not None] == [6]


def test_seeds_make_other_texts_and_no_heat_makes_one(engine: LlamaCpp) -> None:
    hot = [Complete(prompt="Once upon a time", max_tokens=12, temperature=1.0, seed=n) for n in range(6)]
    cold = [Complete(prompt="Once upon a time", max_tokens=12, seed=n) for n in range(3)]
    assert len({reply.text for reply in ask(engine, hot)}) == 6
    assert len({reply.text for reply in ask(engine, cold)}) == 1


def test_it_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    quiet = BACKEND.load(Config(context=512))
    ask(quiet, [Complete(prompt="Once upon a time", max_tokens=4)])
    quiet.close()
    assert "".join(capfd.readouterr()) == ""


def test_a_context_that_memory_is_too_small_for_is_told() -> None:
    """In a process that may take 8 GiB more than it has: a context of a million tokens wants 66."""
    script = (
        "import resource\n"
        "from voxsmith.stages.engines.llm import llamacpp as l\n"
        "import xllamacpp\n"
        "have = 1024 * int(next(l for l in open('/proc/self/status') if l.startswith('VmSize')).split()[1])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (have + 2**33, -1))\n"
        "try: l.BACKEND.load(l.Config(context=2**20))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("ModelMissing llm_llamacpp: out of memory while loading smollm2"), ran.stderr
    assert ran.stdout.count("\n") == 1 and ran.stderr == ""


@pytest.mark.parametrize("prompt", ["", " ", "\0", "<|im_end|>", "🙂"])
def test_odd_prompts_get_replies(engine: LlamaCpp, prompt: str) -> None:
    assert ask(engine, [Complete(prompt=prompt, max_tokens=4)])[0].tokens <= 4


def test_identity_is_of_what_replies_depend_on() -> None:
    assert BACKEND.identity(Config()) == BACKEND.identity(
        Config.model_validate({"resources": {"replicas": 3, "threads": 2}})
    )
    assert BACKEND.identity(Config()) != BACKEND.identity(Config(context=1024))
    assert BACKEND.licence(Config()) == "Apache-2.0"
