"""Made-up input in the sources' own layouts, and the InstructS2S-200K recipe's shape over it with null engines."""

import json
import random
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
_TASKS = (
    "Describe how a {a} and a {b} could share a {c}.",
    "Write a short story about a {a}, a {b} and a {c}.",
    "Explain why a {a} is more useful than a {b} near a {c}.",
    "Suggest a way to move a {a} from a {b} to a {c}.",
    "What is the best {a} to bring to a {b} with a {c}?",
)
_NOUNS = (
    "river garden lantern bicycle mountain library kitchen market harbour forest bridge island window teacher "
    "sailor baker painter doctor farmer singer engine basket ladder blanket candle mirror hammer kettle violin "
    "notebook telescope umbrella sandwich lighthouse orchard meadow valley village castle museum station theatre "
    "cottage pumpkin sparrow turtle dolphin rabbit elephant penguin squirrel tiger camel falcon lobster "
)


def write_sources(folder: Path, rows: int) -> dict[str, Any]:
    """A quarter Alpaca, three quarters UltraChat, as in InstructS2S-200K; returns the recipe's `sources`."""
    draw, nouns = random.Random(rows), _NOUNS.split()

    def task() -> str:
        a, b, c = draw.sample(nouns, 3)
        return draw.choice(_TASKS).format(a=f"{draw.choice(nouns)} {a}", b=f"{draw.choice(nouns)} {b}", c=c)

    folder.mkdir(parents=True, exist_ok=True)
    alpaca = [{"instruction": task(), "input": "", "output": "Yes."} for _ in range(rows // 4)]
    (folder / "alpaca.json").write_text(json.dumps(alpaca))
    with (folder / "ultrachat.jsonl").open("w") as file:
        for number in range(rows - rows // 4):
            file.write(json.dumps({"id": str(number), "data": [task(), "Yes."]}) + "\n")
    shared = {"shard": {"least": 256, "target": 512, "most": 1024}}
    return {
        "alpaca": {"path": str(folder / "alpaca.json"), "layout": "alpaca", "licence": "CC-BY-NC-4.0", **shared},
        "ultrachat": {
            "path": str(folder / "ultrachat.jsonl"), "layout": "ultrachat", "turns": 1, "licence": "MIT", **shared
        },
    }  # fmt: skip


def write_recipe(folder: Path, rows: int, latency: float = 0.0, replicas: int = 1) -> Path:
    """The quickstart's stages over made-up rows, every engine without a model."""
    recipe = yaml.safe_load((ROOT / "configs/quickstart.yaml").read_text())
    recipe |= {"name": f"null_{rows}", "store": str(folder / "store"), "out": str(folder / "out")}
    recipe["sources"] = write_sources(folder / "in", rows)
    resources = {"replicas": replicas, "num_cpus": 0.2, "batch": 1}
    for name, backend in (("llm", "llm"), ("tts", "tts"), ("asr", "asr"), ("mos", "mos"), ("encoder", "units")):
        recipe["engines"][name] = {"backend": f"{backend}_null", "latency": latency, "resources": resources}
    stages = recipe["stages"]
    stages["rewrite"] |= {"prompt": str(ROOT / "configs/prompts/rewrite.jinja"), "attempts": 1}
    stages["respond"] |= {"prompt": str(ROOT / "configs/prompts/respond.jinja"), "attempts": 1}
    for side, count in (("query", 10), ("answer", 1)):
        stages[f"speak_{side}"] |= {"voices": [f"null_{n}" for n in range(count)], "sample_rate": 8000}
    stages["fit_units"]["clusters"] = 64
    recipe["checks"] = {"answer_text": {"min_on_topic": 0}}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path
