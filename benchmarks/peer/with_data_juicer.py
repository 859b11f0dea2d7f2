"""data-juicer: three mappers, two processes, its default executor. with_data_juicer.py KIND ROWS OUT"""

import sys
from pathlib import Path
from typing import Any

from data_juicer.config import init_configs
from data_juicer.core.executor import DefaultExecutor
from data_juicer.ops.base_op import OPERATORS, Mapper
from work import STEPS, started


def register(kind: str, number: int) -> str:
    step = STEPS[kind][number]
    name = f"{step.__name__}_mapper"

    @OPERATORS.register_module(name)
    class Step(Mapper):
        def process_single(self, sample: dict[str, Any]) -> dict[str, Any]:
            sample.update(step(sample))
            return sample

    return name


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    steps = [register(kind, number) for number in range(3)]
    config = Path(out, "config.yaml")
    config.write_text(
        f"dataset_path: {rows}\nexport_path: {out}/rows.parquet\nnp: 2\nuse_cache: false\nwork_dir: {out}\n"
        f"process: [{', '.join(f'{{{name}: {{}}}}' for name in steps)}]\n"
    )
    settings = init_configs(["--config", str(config)])
    started()
    DefaultExecutor(settings).run()
