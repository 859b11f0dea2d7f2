"""datasets.map, two processes, nothing cached. with_datasets_map.py KIND ROWS OUT"""

import sys

import datasets
from work import STEPS, started

if __name__ == "__main__":
    kind, rows, out = sys.argv[1:]
    started()
    dataset = datasets.load_dataset("json", data_files=rows, split="train", cache_dir=f"{out}/cache")
    for step in STEPS[kind]:
        dataset = dataset.map(step, num_proc=2, load_from_cache_file=False)
    dataset.save_to_disk(f"{out}/rows")
