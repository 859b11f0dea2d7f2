"""How far units are from those that there should be."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class UnitErrors:
    """`rate`: substitutions, deletions and insertions over the number of units that there should be."""

    rate: float
    substitutions: int
    deletions: int
    insertions: int
    wanted: int

    @property
    def wrong(self) -> int:
        return self.substitutions + self.deletions + self.insertions


def unit_errors(pairs: Sequence[tuple[list[int], list[int]]]) -> UnitErrors | None:
    """By the edit distance (jiwer's) between units that there should be and those that there are; None without pairs."""
    import jiwer

    if not pairs:
        return None
    wanted, said = ([" ".join(map(str, one)) for one in side] for side in zip(*pairs, strict=True))
    counted = jiwer.process_words(list(wanted), list(said))
    total = sum(len(one) for one, _ in pairs)
    wrong = counted.substitutions + counted.deletions + counted.insertions
    return UnitErrors(wrong / total, counted.substitutions, counted.deletions, counted.insertions, total)
