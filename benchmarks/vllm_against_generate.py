"""What the pipeline's way of asking costs: llm_vllm, fed shard by shard, against vLLM's own LLM.generate on the whole list.

    .venv-vllm/bin/python benchmarks/vllm_against_generate.py MODEL [--rows 256] [--rounds 3] [--dtype float32] [--gpu]

Both engines have the same settings and are loaded at once; each round gives both the same prompts, which neither has
seen, one after the other, in turns. Ours are the rows of shards of a stage that asks once a row, as many shards at a
time as an actor gets. Tokens a second, ours over theirs: 1.00 is to be had, 0.97 is the aim.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.recipe.nodes import Node
from voxsmith.pipeline.run.task import Desk, TaskRun, context_of
from voxsmith.pipeline.watch.meter import Meter
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.engines.llm import vllm as llm_vllm
from voxsmith.stages.engines.llm.vllm_core import arguments_of, set_environment
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.stage import Stage, StageConfig

HEAD = "Written: Generate a list of 5 healthy snacks.\nSpoken: Could you give me a list of five healthy snacks?\n\n" * 3
THINGS = ("a lamp", "a river", "bread", "winter", "a bicycle", "the moon", "a library", "tea", "a bridge", "rain")


def ask(row: Row, context: Context) -> Asking:
    reply = yield request(row["instruction"])
    return {"query_text": reply.text, "query_attempts": reply.tokens}


STAGE = Stage(
    name="ask",
    config=StageConfig,
    reads=lambda config: ("instruction",),
    writes=lambda config: ("query_text", "query_attempts"),
    run=ask,
    engine="llm",
)


class _Node(Node):
    """A node of the stage above, which no recipe names."""

    @property
    def stage(self) -> Stage:
        return STAGE


def request(text: str) -> Complete:
    """Replies of several lengths, as rows have."""
    return Complete(prompt=f"{HEAD}Written: {text}\nSpoken:", head=HEAD, max_tokens=32 + len(text) * 7 % 97)


def texts(rows: int, round_: int) -> Iterator[str]:
    for row in range(rows):
        yield f"Round {round_}, number {row}: write about {', '.join(THINGS[row % 10 : row % 10 + 1 + row % 3])}."


def ours(engine: llm_vllm.VLLM, asked: list[str], shard: int) -> int:
    """Tokens written."""
    node, meter = _Node("ask", "ask", StageConfig(), None, "llm"), Meter(engine)
    at_once = engine.config.resources.at_once

    def task(start: int) -> int:
        some = asked[start : start + shard]
        ids = [str(start + number) for number in range(len(some))]
        rows = pa.table({"id": ids, "conversation_id": ids, "turn": [0] * len(some), "instruction": some})
        account = meter.open()
        outcome = TaskRun(node, context_of(node, 0, {}, {}), rows, Desk(account, at_once=at_once)).run()
        account.close()
        return sum(outcome.table["query_attempts"].to_pylist())

    calls = min(16, max(2, math.ceil(at_once / shard) + 1))  # as voxsmith.pipeline.run.pools has it
    with ThreadPoolExecutor(calls) as pool:
        return sum(pool.map(task, range(0, len(asked), shard)))


def theirs(llm: Any, asked: list[str], sampling: Any) -> int:
    prompts = [request(text).prompt for text in asked]
    limits = [sampling(max_tokens=request(text).max_tokens, temperature=0) for text in asked]
    return sum(len(output.outputs[0].token_ids) for output in llm.generate(prompts, limits, use_tqdm=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shard", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dtype", default="auto", help="float32 is the quick one on CPUs without bfloat16")
    parser.add_argument("--gpu", action="store_true")
    given = parser.parse_args()
    share = {"num_gpus": 0.45, "gpu_memory": 0.45} if given.gpu else {"num_gpus": 0, "eager": True}
    machine = share | {"batch": given.batch}
    config = llm_vllm.Config.model_validate(
        {"model": given.model, "dtype": given.dtype, "context": 2048, "resources": machine}
    )
    set_environment(config)

    from vllm import LLM, SamplingParams

    llm, engine = LLM(**arguments_of(config, given.batch)), llm_vllm.BACKEND.load(config)
    ratios = []
    for round_ in range(-1, given.rounds):  # the first warms both up
        asked, speeds = list(texts(given.rows if round_ >= 0 else given.batch, round_)), {}
        for name in ("theirs", "ours") if round_ % 2 else ("ours", "theirs"):
            start = time.perf_counter()
            tokens = ours(engine, asked, given.shard) if name == "ours" else theirs(llm, asked, SamplingParams)
            speeds[name] = tokens / (time.perf_counter() - start)
        if round_ >= 0:
            ratios.append(speeds["ours"] / speeds["theirs"])
            summary = ", ".join(f"{name} {speed:.0f} tokens/s" for name, speed in sorted(speeds.items()))
            print(f"round {round_ + 1}: {summary}, ratio {ratios[-1]:.3f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} (aim 0.97) over {given.rounds} rounds of {given.rows} rows")
    engine.close()


if __name__ == "__main__":
    main()
