"""A PyTorch DataLoader over an exported corpus: the question as a waveform, the answer as discrete units.

    pip install 'voxsmith[torch]'
    python examples/train_loader.py out/quickstart/dataset --split train --batch 8 --seed 1

The corpus is opened with `datasets` alone, as anyone may who downloads it: nothing of Voxsmith is needed here. Rows stay
on the disk (memory-mapped Arrow) until a batch asks for them.
"""

import argparse
import io
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import soundfile
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD = -1  # no unit has this number


class Exchanges(Dataset[dict[str, Any]]):
    """Rows of an export: id, waveform (float32 in [-1, 1], mono), its rate in hertz, units (int64)."""

    def __init__(self, folder: Path, split: str = "train") -> None:
        rows = datasets.load_from_disk(str(folder))
        if isinstance(rows, datasets.DatasetDict):
            rows = rows[split]
        # Undecoded: soundfile reads FLAC by itself, where `datasets` would want torchcodec.
        rows = rows.cast_column("query_audio", datasets.Audio(decode=False))
        self.rows = rows.select_columns(["id", "query_audio", "answer_units"])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        samples, rate = soundfile.read(io.BytesIO(row["query_audio"]["bytes"]), dtype="float32")
        units = torch.from_numpy(np.asarray(row["answer_units"], dtype=np.int64))
        return {"id": row["id"], "waveform": torch.from_numpy(samples), "rate": rate, "units": units}


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch: `waveforms` [batch, samples] padded with 0, `units` [batch, units] padded with PAD, and the length of each."""
    assert len({row["rate"] for row in rows}) == 1, "an audio column has one sample rate"
    waveforms, units = [row["waveform"] for row in rows], [row["units"] for row in rows]
    return {
        "ids": [row["id"] for row in rows],
        "rate": rows[0]["rate"],
        "waveforms": pad_sequence(waveforms, batch_first=True),
        "samples": torch.tensor([len(one) for one in waveforms]),
        "units": pad_sequence(units, batch_first=True, padding_value=PAD),
        "lengths": torch.tensor([len(one) for one in units]),
    }


def loader(rows: Exchanges, batch: int, seed: int, epoch: int = 0, workers: int = 0) -> DataLoader[dict[str, Any]]:
    """Batches in an order that (seed, epoch) decide, however many workers there are: any epoch can be made alone."""
    state = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    order = torch.Generator().manual_seed(state)
    return DataLoader(rows, batch, shuffle=True, generator=order, num_workers=workers, collate_fn=collate)


def main() -> None:
    options = argparse.ArgumentParser(description="Show the batches of an exported corpus.")
    options.add_argument(
        "dataset", type=Path, help="the folder that an export names, for example out/quickstart/dataset"
    )
    options.add_argument("--split", default="train", help="of a corpus that has splits")
    options.add_argument("--batch", type=int, default=8)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--epochs", type=int, default=1)
    options.add_argument("--workers", type=int, default=0)
    chosen = options.parse_args()
    rows = Exchanges(chosen.dataset, chosen.split)
    for epoch in range(chosen.epochs):
        for batch in loader(rows, chosen.batch, chosen.seed, epoch, chosen.workers):
            shapes = f"waveforms {list(batch['waveforms'].shape)}, units {list(batch['units'].shape)}"
            print(f"epoch {epoch}: {shapes}: {' '.join(batch['ids'])}")


if __name__ == "__main__":
    main()
