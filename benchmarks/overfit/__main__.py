"""Eight rows learned by heart, stage 1 and stage 2, and stage 2 with each of the mistakes that people make.

    python -m benchmarks.overfit [--only NAME] [--out runs/overfit]

What can't learn eight rows by heart can't learn a corpus. The rows are those of the shortest clips of the quickstart's export,
the networks and the steps those of the tiny recipes. All in one go, or run by run (`--only`, again and again; stage 1 comes first):
the table is of all runs in the folder. Printed are the loss in nats, a token or a unit, after some of the steps; what is wrong from
inside, that is by the run's own networks and units; and what is wrong as it would be generated.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.overfit.runs import Settings, file_of, stage_1, stage_2
from benchmarks.overfit.variants import VARIANTS

AT = (1, 10, 30, 100, 200)
NAMES = ["stage 1", *(variant.name for variant in VARIANTS)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--export", default="out/quickstart", help="folder that `voxsmith export` names")
    parser.add_argument("--split", default="train")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200, help="of stage 2; stage 1 stops where all rows are exact")
    parser.add_argument("--whole", action="store_true", help="all runs take all steps, also where fewer show it")
    parser.add_argument("--every", type=int, default=10, help="steps between two looks at what comes out")
    parser.add_argument("--only", action="append", choices=NAMES, help="runs that are made; without: all")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=VALUE", help="a key of both recipes")
    parser.add_argument("--out", type=Path, default=Path("runs/overfit"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    wanted = options.only or NAMES
    changes: dict[str, Any] = {"data": [{"path": str(Path(options.export).absolute()), "split": options.split or None}]}
    changes |= {key: json.loads(value) for key, _, value in (one.partition("=") for one in options.set)}
    settings = Settings(changes, options.rows, options.steps, options.every, options.out.absolute())
    settings.out.mkdir(parents=True, exist_ok=True)
    if "stage 1" in wanted:
        stage_1(settings)
    some = [variant for variant in VARIANTS if variant.name in wanted]
    if options.whole:
        some = [replace(variant, steps=None) for variant in some]
    if some:
        stage_2(settings, some)
    text = table(settings.out)
    (settings.out / "table.md").write_text(text, encoding="utf-8")
    print(text)


def table(folder: Path) -> str:
    """Of all runs that have been made, in Markdown."""
    heads = ["run", *(f"step {number}" for number in AT), "wrong, from inside", "as generated", "right at", "s a step"]
    lines = [" | ".join(heads), "|".join("---" for _ in heads)]
    for name in NAMES:
        if not (file := file_of(folder, name)).is_file():
            continue
        run = json.loads(file.read_text(encoding="utf-8"))
        losses = run["curve"]["losses"]
        cells = [
            name,
            *(f"{losses[number - 1]:.3f}" if number <= len(losses) else "" for number in AT),
            f"{run['trained']:.1%}",
            "" if run["generated"] is None else f"{run['generated']:.1%}",
            "" if run["right_at"] is None else str(run["right_at"]),
            f"{run['curve']['processor'] / len(losses):.2f}",
        ]
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" if " " in line else f"|{line}|" for line in lines) + "\n"


if __name__ == "__main__":
    main()
