"""A loop: read, three functions, write. with_plain_python.py KIND ROWS OUT"""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from work import STEPS, started

kind, rows, out = sys.argv[1:]
started()
merged_rows = []
with open(rows) as file:
    for line in file:
        row = json.loads(line)
        for step in STEPS[kind]:
            row |= step(row)
        merged_rows.append(row)
pq.write_table(pa.Table.from_pylist(merged_rows), f"{out}/rows.parquet")
