"""What a corpus is like, from one streaming pass over its rows: counts, hours, histograms, voices, a sample to play.

What is counted follows from the columns' roles: measures as histograms, labels by value, units by kind, the words of the
first text of each group. Values are counted in steps (hundredths of a second, thousandths of an error rate), so that
memory stays small however many rows there are, and quantiles are exact to a step. Audio is never read.
"""

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from voxsmith.pipeline.export.features import card_features, columns_of
from voxsmith.pipeline.export.writer import DATA_FILES
from voxsmith.pipeline.report.histogram import Histogram, edges_over, histogram
from voxsmith.pipeline.report.teacher_mass import MassByPlace, TeacherMass
from voxsmith.schemas.columns import COLUMNS, TEACHES, Group, groups, text_column
from voxsmith.schemas.hashing import hashed_hex

# Counted beside the columns that are measures, and in which steps.
WORDS, WORDS_STEP, SPEED_STEP, UNITS_STEP = "words", 1.0, 0.01, 0.1
LABELS = 10_000  # values of a label that are counted each; later ones are counted together, as OTHERS
OTHERS = "(others)"


@dataclass
class Share:
    """A part of the corpus. `seconds` is of the clips of the group that the label is of, or of all clips of the rows."""

    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class UnitUse:
    """Units after merging. `perplexity` is 2 ** entropy: as if so many units were used equally often."""

    total: int
    used: int
    perplexity: float


@dataclass(frozen=True)
class Statistics:
    """A summary that JSON can hold.

    `seconds` and `corpus_wer` are by group of columns ("query", "answer", or "row" for the row's own). `histograms`,
    `labels` and `units` are by column; beside columns, histograms has <group>_words, …_words_per_second and
    …_units_per_second. `corpus_wer` weighs each row's WER by the words of its text. `sample` holds the ids with the
    smallest hashes: the same rows whatever the order they came in; `worst` those with the highest WER in any group,
    worst first. `teachers` is by task. `meanings`: of columns that a part from outside declared.
    """

    rows: int = 0
    conversations: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    corpus_wer: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    labels: dict[str, dict[str, Share]] = field(default_factory=dict)
    units: dict[str, UnitUse] = field(default_factory=dict)
    teachers: dict[str, TeacherMass] = field(default_factory=dict)
    sources: dict[str, Share] = field(default_factory=dict)
    licences: dict[str, Share] = field(default_factory=dict)
    splits: dict[str, Share] = field(default_factory=dict)
    split_bytes: dict[str, int] = field(default_factory=dict)
    features: list[dict[str, Any]] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)
    sample: list[str] = field(default_factory=list)
    worst: list[str] = field(default_factory=list)


def from_json(data: dict[str, Any]) -> Statistics:
    """What `dataclasses.asdict` made of a Statistics. Raises pydantic.ValidationError."""
    return TypeAdapter(Statistics).validate_python(data)


def read(folder: Path) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Every (split, batch) of a `datasets.load_from_disk` folder, in order; a folder without splits is "train".

    Files are mapped into memory: columns that nobody looks at are never read from disk.
    """
    for file in sorted(folder.glob(DATA_FILES)) + sorted(folder.glob(f"*/{DATA_FILES}")):
        split = "train" if file.parent == folder else file.parent.name
        with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as stream:
            yield split, pa.RecordBatch.from_pylist([], stream.schema)  # so that an empty file has columns too
            yield from ((split, batch) for batch in stream)


def summarise(dataset: Path, rows: int = 24) -> Statistics:
    """Statistics of a `datasets.load_from_disk` folder, with the ids of about `rows` rows to play."""
    summary = Summary(rows)
    for split, batch in read(dataset):
        summary.add(batch, split)
    return summary.result()


def draw(row_id: str) -> str:
    """Where a row stands in the draw for samples: a hash of its id."""
    return hashed_hex(row_id, 8)


class Summary:
    """Statistics under way: `add` each batch as it is written, then take the `result`."""

    def __init__(self, rows: int = 24) -> None:
        """`rows`: how many ids to keep; a quarter of them are the worst by WER, the others are drawn by hash."""
        self.rows = self.conversations = 0
        self._schema: pa.Schema | None = None
        self._groups: list[Group] = []
        self._steps: dict[str, dict[str, float]] = {}  # what is counted: base -> full name -> step
        self._tallies: dict[str, Counter[int]] = defaultdict(Counter)
        self._missing: Counter[str] = Counter()
        self._sums: dict[str, float] = defaultdict(float)  # exact sums of measures, for means
        self._errors: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])  # [errors, words] by group
        self._seconds: dict[str, float] = defaultdict(float)
        self._units: dict[str, Counter[int]] = defaultdict(Counter)
        self._teachers: dict[str, MassByPlace] = defaultdict(MassByPlace)
        self._shares: dict[str, dict[str, Share]] = defaultdict(lambda: defaultdict(Share))
        self._bytes: Counter[str] = Counter()
        self._sample = _Smallest(rows - rows // 4)
        self._worst = _Smallest(rows // 4)

    def add(self, batch: pa.RecordBatch, split: str = "train") -> None:
        """Count a batch of exported rows. Columns that it doesn't have are left out of the result."""
        rows = batch.num_rows
        if self._schema is None:
            self._schema = batch.schema
            self._groups = groups(columns_of(batch.schema))
        self.rows += rows
        self._bytes[split] += batch.nbytes
        turns = _numbers(batch, "turn")
        self.conversations += rows if turns is None else int((turns == 0).sum())
        durations = {group.name: self._count_group(batch, group) for group in self._groups}
        seconds = sum((np.nan_to_num(one) for one in durations.values() if one is not None), np.zeros(rows))
        for group in self._groups:
            own = durations[group.name]
            for base in group.of("label"):
                name = group.full(base)
                _add_shares(self._shares[name], batch.column(name).to_pylist(), seconds if own is None else own)
        for task in TEACHES:
            if (name := f"teacher_{task}_rest") in batch.schema.names:
                self._teachers[task].add(batch.column(name))
        for key in ("source", "licence"):
            if key in batch.schema.names:
                _add_shares(self._shares[key], batch.column(key).to_pylist(), seconds)
        self._shares["split"][split].rows += rows
        self._shares["split"][split].seconds += float(seconds.sum())
        wers = [one for group in self._groups if (one := _numbers(batch, group.full("wer"))) is not None]
        worst_of_row = np.fmax.reduce([np.full(rows, np.nan), *wers])
        ids = batch.column("id").to_pylist() if "id" in batch.schema.names else []
        for row_id, worst in zip(ids, worst_of_row.tolist(), strict=False):
            self._sample.offer(0.0, row_id)
            if worst > 0:
                self._worst.offer(-worst, row_id)

    def result(self) -> Statistics:
        histograms: dict[str, Histogram] = {}
        for steps in self._steps.values():
            names = [name for name in steps if self._tallies[name]]
            if names:  # all groups on the same edges, so that they can be compared at a glance
                step = steps[names[0]]
                edges = edges_over([i for name in names for i in self._tallies[name]], step)
                for name in names:
                    mean = self._sums[name] / self._tallies[name].total()
                    histograms[name] = histogram(self._tallies[name], step, edges, mean, self._missing[name])
        columns = columns_of(self._schema) if self._schema is not None else {}
        labels = [group.full(base) for group in self._groups for base in group.of("label")]
        return Statistics(
            rows=self.rows,
            conversations=self.conversations,
            seconds={group: round(value, 3) for group, value in self._seconds.items()},
            corpus_wer={group: round(e / w, 5) for group, (e, w) in self._errors.items() if w},
            histograms=histograms,
            labels={name: _by_rows(self._shares[name]) for name in labels if self._shares[name]},
            units={name: _unit_use(counts) for name, counts in self._units.items()},
            teachers={task: mass for task, counted in self._teachers.items() if (mass := counted.result())},
            sources=_by_rows(self._shares["source"]),
            licences=_by_rows(self._shares["licence"]),
            splits={name: _rounded(share) for name, share in self._shares["split"].items()},
            split_bytes=dict(self._bytes),
            features=card_features(self._schema) if self._schema is not None else [],
            meanings={name: one.doc for name, one in columns.items() if name not in COLUMNS},
            sample=self._sample.items(),
            worst=self._worst.items(),
        )

    def _count_group(self, batch: pa.RecordBatch, group: Group) -> npt.NDArray[np.float64] | None:
        """Count the group's columns; returns its seconds, float64 [rows], NaN where there is no clip."""
        numbers = {base: _numbers(batch, group.full(base)) for base in group.of("measure")}
        duration, wer, words = numbers.get("duration"), numbers.get("wer"), None
        for base, values in numbers.items():
            self._count(group, base, values, group.columns[base].step)
        text = group.first("text")
        said = group.full(text) if text is not None else text_column(group.name)
        if wer is not None and text is None and said in batch.schema.names:  # of an augmented clip the row's own text
            words = _words(batch.column(said))
        if text is not None and group.columns[text].type == pa.string():
            words = _words(batch.column(said))
            self._count(group, WORDS, words, WORDS_STEP)
            self._count(group, f"{WORDS}_per_second", _a_second(words, duration), SPEED_STEP)
        for base in group.of("units"):
            units = batch.column(group.full(base))
            lengths = pc.list_value_length(units).to_numpy(zero_copy_only=False).astype(np.float64)
            self._count(group, f"{base}_per_second", _a_second(lengths, duration), UNITS_STEP)
            kinds, counts = np.unique(units.flatten().to_numpy(zero_copy_only=False), return_counts=True)
            self._units[group.full(base)].update(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
        if wer is not None and words is not None:
            measured = ~np.isnan(wer) & ~np.isnan(words)
            self._errors[group.name][0] += float((wer * words)[measured].sum())
            self._errors[group.name][1] += float(words[measured].sum())
        if duration is not None:
            self._seconds[group.name] += float(np.nansum(duration))
        return duration

    def _count(self, group: Group, base: str, values: npt.NDArray[np.float64] | None, step: float | None) -> None:
        if values is None or step is None:
            return
        name = group.full(base)
        self._steps.setdefault(base, {})[name] = step
        there = values[np.isfinite(values)]
        self._missing[name] += len(values) - len(there)
        steps, counts = np.unique(np.round(there / step).astype(np.int64), return_counts=True)
        for index, count in zip(steps.tolist(), counts.tolist(), strict=True):
            self._tallies[name][index] += count
        self._sums[name] += float(there.sum())


class _Smallest:
    """Keeps the `size` items with the smallest keys."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[tuple[float, str, str]] = []

    def offer(self, badness: float, item: str) -> None:
        insort(self._kept, (badness, draw(item), item))
        del self._kept[self._size :]

    def items(self) -> list[str]:
        return [item for _, _, item in self._kept]


def _numbers(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64] | None:
    """A column as float64 with NaN for null, or None where there is none."""
    if name not in batch.schema.names:
        return None
    values: npt.NDArray[np.float64] = batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _words(texts: pa.Array) -> npt.NDArray[np.float64]:
    words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(texts))
    counts: npt.NDArray[np.float64] = pc.list_value_length(words).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return counts


def _a_second(
    amounts: npt.NDArray[np.float64] | None, seconds: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64] | None:
    if amounts is None or seconds is None:
        return None
    return amounts / np.where(seconds > 0, seconds, np.nan)


def _add_shares(shares: dict[str, Share], values: list[Any], seconds: npt.NDArray[np.float64]) -> None:
    for value, amount in zip(values, np.nan_to_num(seconds).tolist(), strict=True):
        if value is not None:
            name = str(value)
            share = shares[name if name in shares or len(shares) < LABELS else OTHERS]
            share.rows += 1
            share.seconds += amount


def _by_rows(shares: dict[str, Share]) -> dict[str, Share]:
    """Largest first; equal ones by name, so that the order of the rows doesn't matter."""
    return {name: _rounded(shares[name]) for name in sorted(shares, key=lambda name: (-shares[name].rows, name))}


def _rounded(share: Share) -> Share:
    return Share(share.rows, round(share.seconds, 3))


def _unit_use(counts: Counter[int]) -> UnitUse:
    used = np.array([count for count in counts.values() if count], np.int64)
    shares = used / max(int(used.sum()), 1)
    entropy = float(-(shares * np.log2(shares)).sum())
    return UnitUse(int(used.sum()), len(used), round(2**entropy, 2) if len(used) else 0.0)
