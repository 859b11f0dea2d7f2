"""NeMo Curator: three processing stages on its Xenna executor. with_curator.py KIND ROWS OUT"""

import os
import sys

import ray
from nemo_curator.backends.xenna import XennaExecutor
from nemo_curator.pipeline import Pipeline
from nemo_curator.stages.base import ProcessingStage
from nemo_curator.stages.resources import Resources
from nemo_curator.stages.text.io.reader import JsonlReader
from nemo_curator.stages.text.io.writer import ParquetWriter
from nemo_curator.tasks import DocumentBatch
from work import STEPS, started

SHARE = Resources(cpus=0.15)  # Xenna gives out 1 CPU of 2; with whole ones, as by default, six stages find no place


class Step(ProcessingStage[DocumentBatch, DocumentBatch]):
    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number = kind, number
        self.name = STEPS[kind][number].__name__
        self.resources = SHARE

    def inputs(self):  # type: ignore[no-untyped-def]
        return ["data"], []

    def outputs(self):  # type: ignore[no-untyped-def]
        return ["data"], []

    def process(self, task: DocumentBatch) -> DocumentBatch:
        step, frame = STEPS[self.kind][self.number], task.to_pandas()
        made = [step(row) for row in frame.to_dict("records")]
        frame = frame.assign(**{name: [row[name] for row in made] for name in made[0]})
        return DocumentBatch(dataset_name=task.dataset_name, data=frame)


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    pipeline = Pipeline(name="peer")
    for stage in JsonlReader(rows).decompose():
        pipeline.add_stage(stage.with_(resources=SHARE))
    for number in range(3):
        pipeline.add_stage(Step(kind, number))
    pipeline.add_stage(ParquetWriter(f"{out}/rows").with_(resources=SHARE))
    # Xenna asks the dashboard what its actors are at
    cluster = ray.init(address="local", include_dashboard=True, _node_ip_address="127.0.0.1", log_to_driver=False)
    os.environ["RAY_ADDRESS"] = cluster.address_info["gcs_address"]  # or it looks for others on this machine
    started()
    pipeline.run(XennaExecutor())
