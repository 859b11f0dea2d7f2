"""distilabel: a generator step and three steps, each in a process of its own. with_distilabel.py KIND ROWS OUT"""

import base64
import sys

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromFileSystem, Step, StepInput
from work import STEPS, Row, started

COLUMNS = {"text": ("text", "shouted", "words", "told"), "audio": ("text", "clip", "level", "told")}


class Work(Step):
    kind: str
    number: int

    @property
    def inputs(self) -> list[str]:
        return [COLUMNS[self.kind][self.number]]

    @property
    def outputs(self) -> list[str]:
        return [COLUMNS[self.kind][self.number + 1]]

    def process(self, inputs: StepInput):  # type: ignore[no-untyped-def]
        yield [row | self.work(row) for row in inputs]

    def work(self, row: Row) -> Row:
        """A batch goes between processes as JSON: clips have to be text."""
        if "clip" in row:
            row = row | {"clip": base64.b64decode(row["clip"])}
        made = STEPS[self.kind][self.number](row)
        return made | ({"clip": base64.b64encode(made["clip"]).decode()} if "clip" in made else {})


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    with Pipeline(name="peer", cache_dir=f"{out}/cache") as pipeline:
        load = LoadDataFromFileSystem(name="load", data_files=rows, filetype="json")
        one, two, three = (Work(name=f"work_{number}", kind=kind, number=number) for number in range(3))
        load >> one >> two >> three
    started()
    pipeline.run(use_cache=False).save_to_disk(f"{out}/rows")
