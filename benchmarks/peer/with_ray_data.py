"""Ray Data: a dataset of rows, three maps. with_ray_data.py KIND ROWS OUT"""

import sys

import ray
import ray.data
from work import STEPS, Row, started


def merged(step):  # type: ignore[no-untyped-def]
    def apply(row: Row) -> Row:
        return {**row, **step(row)}

    return apply


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    started()
    dataset = ray.data.read_json(rows)
    for step in STEPS[kind]:
        dataset = dataset.map(merged(step))
    dataset.write_parquet(f"{out}/rows")
