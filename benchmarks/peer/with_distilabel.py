"""distilabel: a generator step and three steps, each in a process of its own. with_distilabel.py KIND ROWS OUT"""

import sys

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromFileSystem, StepInput, step
from work import STEPS, started

COLUMNS = {"text": ("text", "shouted", "words", "told"), "audio": ("text", "clip", "level", "told")}


def as_step(kind: str, number: int):  # type: ignore[no-untyped-def]
    names, work = COLUMNS[kind], STEPS[kind][number]

    @step(inputs=[names[number]], outputs=[names[number + 1]])
    def one(inputs: StepInput):  # type: ignore[no-untyped-def]
        yield [row | work(row) for row in inputs]

    return one(name=work.__name__)


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    with Pipeline(name="peer", cache_dir=f"{out}/cache") as pipeline:
        (
            LoadDataFromFileSystem(name="load", data_files=rows, filetype="json")
            >> as_step(kind, 0)
            >> as_step(kind, 1)
            >> (as_step(kind, 2))
        )
    started()
    pipeline.run(use_cache=False).save_to_disk(f"{out}/rows")
