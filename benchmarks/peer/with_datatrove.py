"""datatrove's local executor, one task: its input is one file. with_datatrove.py KIND ROWS OUT"""

import sys

from datatrove.data import DocumentsPipeline
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import ParquetWriter
from work import STEPS, started


class Step(PipelineStep):
    def __init__(self, kind: str, number: int) -> None:
        super().__init__()
        self.name = STEPS[kind][number].__name__
        self.step = STEPS[kind][number]

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        for document in data:
            document.metadata |= self.step({"text": document.text, **document.metadata})
            yield document


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    folder, name = rows.rsplit("/", 1)
    steps = [Step(kind, number) for number in range(3)]
    started()
    LocalPipelineExecutor(
        [JsonlReader(folder, glob_pattern=name), *steps, ParquetWriter(f"{out}/rows")], logging_dir=f"{out}/logs"
    ).run()
