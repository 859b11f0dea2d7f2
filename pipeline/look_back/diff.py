"""What changed between two runs: which stages' keys and why, which rows came, went or have other columns.

It goes from shard to shard. A shard that has the same keys in both runs is not read; of the others, only columns whose
digests differ are. Where cuts between shards moved, rows are matched by id: the ids of those shards are in memory then.
"""

import heapq
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voxsmith.pipeline.look_back.past import Past, PastShard
from voxsmith.pipeline.plan.keys import difference
from voxsmith.pipeline.report.statistics import draw
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import column, measures

Kind = Literal["changed", "came", "went"]
Spot = tuple[str, int]  # a shard's anchor, and the row's place in it
KINDS: tuple[Kind, ...] = ("changed", "came", "went")
_OPEN = 8  # shards of a run that are kept at hand


@dataclass
class StageDifference:
    """A stage whose keys differ for some shards. `reasons`: why, and the anchors of the shards for which it is so."""

    name: str
    shards: int
    changed: int = 0
    reasons: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Row:
    """A row that isn't as it was. `columns`: those that differ, of a row that came out both times."""

    id: str
    kind: Kind
    why: str
    columns: list[str]
    before: Spot | None
    after: Spot | None


@dataclass
class Mean:
    """Of the changed rows that have the measure in both runs."""

    rows: int = 0
    before: float = 0.0
    after: float = 0.0


@dataclass
class Difference:
    """`counts`: of all rows; `same` are those as they were, and those that came out of neither run. `columns`: in how
    many changed rows each differs. `whys`: of the rows that came and went. `rows`: some of each kind, drawn by id.
    """

    runs: tuple[str, str]
    counts: dict[str, int]
    columns: dict[str, int]
    means: dict[str, Mean]
    whys: dict[str, dict[str, int]]
    stages: list[StageDifference]
    recipe: list[str]
    notes: list[str]
    rows: list[Row]


def compare_runs(store: Store, before: Past, after: Past, rows: int) -> Difference:
    """What changed from one run to the other, with `rows` rows of each kind.

    Raises RunFailed where an object that has to be looked at is gone or can't be read.
    """
    return _Comparison(store, before, after, rows).result()


class RecentShards:
    """Shards of a run, the last ones looked at kept at hand."""

    def __init__(self, store: Store, run: Past) -> None:
        self.store, self.run = store, run
        self._open: OrderedDict[str, PastShard] = OrderedDict()

    def __getitem__(self, anchor: str) -> PastShard:
        shard = self._open.pop(anchor, None) or PastShard(self.store, self.run, anchor)
        self._open[anchor] = shard
        if len(self._open) > _OPEN:
            self._open.popitem(last=False)
        return shard


class _Comparison:
    def __init__(self, store: Store, before: Past, after: Past, rows: int) -> None:
        self.before, self.after, self.sample = before, after, rows
        self.a, self.b = RecentShards(store, before), RecentShards(store, after)
        self.counts = Counter({"same": 0, "changed": 0, "came": 0, "went": 0})
        self.columns: Counter[str] = Counter()
        self.measures = measures(after.columns)
        self.means: dict[str, Mean] = {}
        self.whys: dict[str, Counter[str]] = {"came": Counter(), "went": Counter()}
        self.stages = {
            name: StageDifference(name, len(after.shards)) for name in dict.fromkeys((*after.stages, *before.stages))
        }
        self.rows: dict[Kind, list[tuple[str, Row]]] = {kind: [] for kind in KINDS}

    def result(self) -> Difference:
        old, new = self.before.shards, self.after.shards
        gone, come = [anchor for anchor in old if anchor not in new], [anchor for anchor in new if anchor not in old]
        moved = []
        for anchor in new:
            if anchor not in old or self._is_same(anchor):
                continue
            self._compare_stages(anchor)
            if self.a[anchor].digest("id") == self.b[anchor].digest("id"):
                self._pair(anchor, anchor, range(self.a[anchor].rows), range(self.b[anchor].rows))
            else:
                moved.append(anchor)
        self.counts["same"] += sum(self._size(anchor) for anchor in new if self._is_same(anchor))
        self._match([*gone, *moved], [*come, *moved])
        for anchor in [*gone, *come]:
            for stage in (new.get(anchor) or old[anchor])[1]:
                self._stage(stage, "the shard is new" if anchor in new else "the shard is gone", anchor)
        self._whole_stages()
        return Difference(
            runs=(self.before.name, self.after.name),
            counts=dict(self.counts),
            columns=dict(self.columns.most_common()),
            means={name: self.means[name] for name in self.measures if name in self.means},
            whys={kind: dict(whys.most_common()) for kind, whys in self.whys.items()},
            stages=[stage for stage in self.stages.values() if stage.changed],
            recipe=list(_recipe_changes(self.before.manifest["recipe"], self.after.manifest["recipe"])),
            notes=list(_notes(self.before, self.after)),
            rows=[row for kind in KINDS for _, row in self._drawn(kind)],
        )

    def _is_same(self, anchor: str) -> bool:
        """Whether both runs have the shard with the same keys; one that lacks a stage may still wait for it."""
        if anchor not in self.before.shards or self.before.shards[anchor] != self.after.shards[anchor]:
            return False
        return self.before.is_through(anchor) == self.after.is_through(anchor)

    def _size(self, anchor: str) -> int:
        """Rows of a shard that is the same; manifests of old runs don't say."""
        known = self.after.manifest.get("rows", {}).get(anchor)
        return self.b[anchor].rows if known is None else int(known)

    # -- stages -------------------------------------------------------------------------------------------------------

    def _compare_stages(self, anchor: str) -> None:
        a, b = self.a[anchor], self.b[anchor]
        for stage in dict.fromkeys((*b.keys, *a.keys)):
            if a.keys.get(stage) == b.keys.get(stage):
                continue
            if stage not in a.keys or stage not in b.keys:
                self._stage(stage, f"only {(a if stage in a.keys else b).run.name} did it", anchor)
                continue
            why = difference(a.metas[stage]["parts"], b.metas[stage]["parts"])
            self._stage(stage, why or "it was made again", anchor)

    def _whole_stages(self) -> None:
        for name in self.before.whole & self.after.whole:
            if self.before.manifest["keys"][name]["recipe"] != self.after.manifest["keys"][name]["recipe"]:
                self.stages[name].shards = 1
                self._stage(name, "it was fitted again", "recipe")

    def _stage(self, name: str, why: str, anchor: str) -> None:
        stage = self.stages.setdefault(name, StageDifference(name, len(self.after.shards)))
        stage.changed += 1
        stage.reasons.setdefault(why, []).append(anchor)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _match(self, loose: Sequence[str], fresh: Sequence[str]) -> None:
        """Shards that hold other rows than before, or that only one run has: their rows are matched by id."""
        where = {row: (anchor, place) for anchor in fresh for place, row in enumerate(self.b[anchor].values("id"))}
        for anchor in loose:
            pairs: dict[str, tuple[list[int], list[int]]] = {}
            alone = []
            for place, row in enumerate(self.a[anchor].values("id")):
                spot = where.pop(row, None)
                if spot is None:
                    alone.append(place)
                    continue
                places = pairs.setdefault(spot[0], ([], []))
                places[0].append(place)
                places[1].append(spot[1])
            for other, places in pairs.items():
                self._pair(anchor, other, *places)
            self._alone(anchor, alone, "went")
        left: dict[str, list[int]] = {}
        for anchor, place in where.values():
            left.setdefault(anchor, []).append(place)
        for anchor, alone in left.items():
            self._alone(anchor, alone, "came")

    def _pair(self, old: str, new: str, places_a: Iterable[int], places_b: Iterable[int]) -> None:
        """Rows that both runs have, held against each other."""
        a, b = self.a[old], self.b[new]
        aligned = a.digest("id") == b.digest("id")
        names = [name for name in self._compared(a, b) if not aligned or a.digest(name) != b.digest(name)]
        fates_a, fates_b = a.fates(), b.fates()
        for m, n in zip(places_a, places_b, strict=True):
            was, now = fates_a[m], fates_b[n]
            if was is not None and now is not None:
                self.counts["same"] += 1
            elif was is not None or now is not None:
                kind: Kind = "came" if now is None else "went"
                self._note(kind, f"was {was}" if was else str(now), [], (a, m), (b, n))
            elif differing := [name for name in names if a.values(name)[m] != b.values(name)[n]]:
                self._note("changed", "", differing, (a, m), (b, n))
                self._measure(differing, (a, m), (b, n))
            else:
                self.counts["same"] += 1

    def _compared(self, a: PastShard, b: PastShard) -> list[str]:
        """The columns of either shard but those that name rows, ours first; of numbered ones `pick` has chosen one."""
        known, there = self.after.columns, {**a.places, **b.places}
        ours = [name for name, one in known.items() if name in there and one.role != "id"]
        return ours + sorted(name for name in there if name[0] != "_" and column(name, known) is None)

    def _alone(self, anchor: str, places: Sequence[int], kind: Kind) -> None:
        """Rows that only one of the runs has."""
        shard = self.a[anchor] if kind == "went" else self.b[anchor]
        fates = shard.fates() if places else []
        for place in places:
            if fates[place] is not None:  # it came out of neither
                self.counts["same"] += 1
            elif kind == "went":
                self._note(kind, "it is not in the sources any more", [], (shard, place), None)
            else:
                self._note(kind, "it is new in the sources", [], None, (shard, place))

    def _note(
        self,
        kind: Kind,
        why: str,
        columns: list[str],
        before: tuple[PastShard, int] | None,
        after: tuple[PastShard, int] | None,
    ) -> None:
        self.counts[kind] += 1
        self.columns.update(columns)
        if kind != "changed":
            self.whys[kind][why] += 1
        shard, place = after or before or (None, 0)
        assert shard is not None
        row_id = shard.values("id")[place]
        spots = [(one[0].anchor, one[1]) if one else None for one in (before, after)]
        drawn = self.rows[kind]
        drawn.append((draw(row_id), Row(row_id, kind, why, columns, *spots)))
        if len(drawn) > 2 * self.sample:
            drawn[:] = self._drawn(kind)

    def _drawn(self, kind: Kind) -> list[tuple[str, Row]]:
        return heapq.nsmallest(self.sample, self.rows[kind], key=lambda one: one[0])

    def _measure(self, names: list[str], before: tuple[PastShard, int], after: tuple[PastShard, int]) -> None:
        for name in names:
            if name not in self.measures:
                continue
            old, new = before[0].values(name)[before[1]], after[0].values(name)[after[1]]
            if old is not None and new is not None:
                mean = self.means.setdefault(name, Mean())
                mean.rows += 1
                mean.before += (old - mean.before) / mean.rows
                mean.after += (new - mean.after) / mean.rows


def _recipe_changes(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """A line for each key of the recipe that has another value."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _recipe_changes(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif old != new:
        line = f"{path} changed from {old!r} to {new!r}"
        yield line if len(line) <= 160 else f"{path} changed"


def _notes(before: Past, after: Past) -> Iterator[str]:
    """What a person should know who reads the counts."""
    for run in (before, after):
        status, limit = run.manifest["status"], run.manifest["limit"]
        if status != "done":
            yield f"{run.name} was not finished ({status}): what it lacks counts as pending"
        if limit is not None:
            yield f"{run.name} was a pilot (--limit {limit})"
    if _gates(before) != _gates(after):
        yield "export.gates changed: the counts are of what the stages made, before these gates"


def _gates(run: Past) -> Any:
    """What the run's recipe says of gates. Another version may have another form of recipes."""
    export = run.manifest["recipe"].get("export")
    return export.get("gates") if isinstance(export, dict) else None
