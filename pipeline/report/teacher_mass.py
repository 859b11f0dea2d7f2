"""What the tokens that are kept of a teacher sum up to, by position of the answer, from its first token to the end of turn."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PLACES = 256  # positions that are counted each; all later ones count as the last of them
_EACH = 8  # positions that a table has each; later ones in ranges that double


@dataclass(frozen=True)
class Mass:
    """At T = 1, over `rows` values: their mean, and the lowest."""

    rows: int
    mean: float
    least: float


@dataclass(frozen=True)
class TeacherMass:
    """`places[i]`: where token i of the answer is predicted, of the rows that have it; `end`: where the end of turn is, of all."""

    places: list[Mass]
    end: Mass


@dataclass
class MassByPlace:
    """A TeacherMass under way: what is counted is small however many rows there are."""

    _rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(PLACES + 1, np.int64))
    _sums: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(PLACES + 1))
    _least: npt.NDArray[np.float64] = field(default_factory=lambda: np.ones(PLACES + 1))

    def add(self, rest: pa.Array) -> None:
        """Count a column teacher_{task}_rest: of each row's places [ln of what all other tokens sum up to, …]."""
        lengths = pc.fill_null(pc.list_value_length(rest), 0).to_numpy(zero_copy_only=False)
        others = rest.flatten().flatten().to_numpy(zero_copy_only=False).reshape(-1, 2)[:, 0].astype(np.float64)
        mass = (-np.expm1(others)).clip(0.0, 1.0)
        ends = lengths.cumsum()
        places = np.arange(len(mass)) - np.repeat(ends - lengths, lengths)
        places = np.minimum(places, PLACES - 1)
        places[ends[lengths > 0] - 1] = PLACES
        there = np.isfinite(mass)
        places, mass = places[there], mass[there]
        self._rows += np.bincount(places, minlength=PLACES + 1)
        self._sums += np.bincount(places, mass, minlength=PLACES + 1)
        np.minimum.at(self._least, places, mass)

    def result(self) -> TeacherMass | None:
        """None where there was no place."""
        if not self._rows[PLACES]:
            return None
        *places, end = (
            Mass(rows, round(total / max(rows, 1), 6), round(least, 6))
            for rows, total, least in zip(self._rows.tolist(), self._sums.tolist(), self._least.tolist(), strict=True)
        )
        return TeacherMass([place for place in places if place.rows], end)


def table(mass: TeacherMass) -> list[tuple[str, Mass]]:
    """Lines for people: the first positions, then ranges of them, then the end of turn. The rows of a range are those that reach it."""
    lines, start, size = [], 0, 1
    while start < len(mass.places):
        some = mass.places[start : start + size]
        count = sum(place.rows for place in some)
        last = f"{start + len(some) - 1}{' and later' if start + len(some) == PLACES else ''}"
        name = last if len(some) == 1 else f"{start} to {last}"
        mean = sum(place.rows * place.mean for place in some) / count
        lines.append((name, Mass(some[0].rows, mean, min(place.least for place in some))))
        start += size
        size = 1 if start < _EACH else start
    return [*lines, ("end of turn", mass.end)]
