"""What a run says and notes of the exports that it learns from: rows used, and rows left out by reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from voxsmith.trainer.data.exports import BadExport, Export


def reasons(left_out: Mapping[str, int]) -> Iterator[str]:
    """A line for each reason for which rows of an export are left out."""
    return (f"  {count} rows left out: {reason}" for reason, count in sorted(left_out.items()))


def no_row(path: str, left_out: Iterable[Counter[str]]) -> BadExport:
    """What is raised where no row of any export is left. `path`: of the first of them."""
    all_of_them = sum(left_out, Counter[str]())
    listed = ", ".join(f"{count} {reason}" for reason, count in all_of_them.items())
    return BadExport(f"{path}: no row can be used: {listed or 'it is empty'}")


def noted(
    path: str, export: Export, rows: int, digest: str, left_out: Mapping[str, int], units: Mapping[str, Any]
) -> dict[str, Any]:
    """What data.json has of an export. `digest`: of what was read of its rows; `units`: what they are."""
    return {
        "path": path,
        "export_key": export.manifest.get("export_key"),
        "rows": rows,
        "digest": digest,
        "left_out": dict(left_out),
        "units": units,
    }
