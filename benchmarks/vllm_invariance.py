"""Do vLLM's replies depend on what else is asked at the same time? Asked alone, all together, and in another order.

    .venv-vllm/bin/python benchmarks/vllm_invariance.py MODEL [--dtype bfloat16] [--mode] [--gpu]

Prints, of so many prompts, how many replies differ between each two ways of asking.
"""

import argparse
from collections.abc import Iterator

from voxsmith.stages.engines.llm import vllm as llm_vllm
from voxsmith.stages.requests.llm import Complete

THINGS = ("a lamp", "a river", "bread", "winter", "a bicycle", "the moon", "a library", "tea", "a bridge", "rain")


def prompts(count: int, temperature: float) -> Iterator[Complete]:
    """Of several lengths, as rows are, behind one head."""
    head = "Q: What is a cat?\nA: A small animal that lives with people.\n\n" * 4
    for number in range(count):
        thing = ", ".join(THINGS[number % 10 : number % 10 + 1 + number % 4])
        text = f"{head}Q: Please say in a sentence or two what {thing} may mean to {number} people.\nA:"
        yield Complete(prompt=text, head=head, max_tokens=32, temperature=temperature, seed=number)


def differing(config: llm_vllm.Config, count: int) -> dict[str, int]:
    """How many of `count` replies differ, for greedy and for seeded sampling, between each two ways of asking."""
    engine = llm_vllm.BACKEND.load(config)
    changed = {}
    try:
        for name, temperature in (("greedy", 0.0), ("sampled", 0.8)):
            asked = list(prompts(count, temperature))
            alone = [engine.submit(request).result(600).text for request in asked]
            together = [future.result(600).text for future in [engine.submit(request) for request in asked]]
            backwards = [future.result(600).text for future in [engine.submit(one) for one in asked[::-1]]][::-1]
            pairs = {"alone against together": (alone, together), "together against backwards": (together, backwards)}
            for pair, (left, right) in pairs.items():
                changed[f"{name}, {pair}"] = sum(a != b for a, b in zip(left, right, strict=True))
    finally:
        engine.close()
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--mode", action="store_true", help="vLLM's batch-invariant mode")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--prompts", type=int, default=24)
    given = parser.parse_args()
    machine = {"num_gpus": int(given.gpu), "batch": given.prompts, "eager": not given.gpu, "threads": 1}
    settings = {"model": given.model, "dtype": given.dtype, "batch_invariant": given.mode, "context": 512}
    config = llm_vllm.Config.model_validate(settings | {"resources": machine})
    print(f"{given.dtype}, batch-invariant mode {'on' if given.mode else 'off'}, {given.prompts} prompts; differing:")
    for name, number in differing(config, given.prompts).items():
        print(f"  {name}: {number}")


if __name__ == "__main__":
    main()
