"""Nothing is published against its licence: each row's terms are compared with what `export.licence` claims."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.recipe.licences import objection, parts, strictest
from voxsmith.pipeline.report.statistics import read


def check_terms(folder: Path, manifest: dict[str, Any], recipe: str) -> None:
    """Go through every row of the exported dataset and its rejects (their licence and source alone are read).

    Raises RunFailed, which says which rows object, and what to do.
    """
    settings = manifest["recipe"]
    claim = (settings.get("export") or {}).get("licence")
    engines = [str(engine.get("licence") or "unknown") for engine in manifest["engines"].values()]
    sources = {name: str(source.get("licence") or "unknown") for name, source in settings["sources"].items()}
    lines = []
    for part in ("dataset", "rejects"):
        for (source, licence), rows in sorted(_counted(folder / part).items()):
            # The row's own licence names the strictest of its terms; the others bind too.
            binding = {licence or strictest([sources.get(source, "unknown"), *engines]), *engines}
            binding |= {sources[source]} if source in sources else set()
            for name in sorted({one for licence in binding for one in parts(licence)}):
                if why := objection(name, claim):
                    lines.append(f"  {rows} rows of {part} from '{source}' are under {name}: {why}")
                    break
    if lines:
        raise RunFailed("\n".join([_headline(claim), *lines, _ways_on(claim, recipe)]))


def _headline(claim: str | None) -> str:
    what = f"the recipe claims {claim} for all rows" if claim else "every row is published under its own licence"
    return f"nothing is published: {what}, and this can't be:"


def _ways_on(claim: str | None, recipe: str) -> str:
    ways = ["take those sources (or engines) out of the recipe", "correct their `licence` in it where that is wrong"]
    if claim:
        ways.append(
            "claim terms in export.licence that ask for as much, or leave it out: then each row keeps its own licence"
        )
    return "\n".join(["What helps:", *(f"  - {way}" for way in ways), f"and then: voxsmith run {recipe}"])


def _counted(folder: Path) -> Counter[tuple[str, str]]:
    """Rows by (source, licence); rejects have no licence of their own: "" then."""
    rows_by_terms: Counter[tuple[str, str]] = Counter()
    for _, batch in read(folder):
        names = [name for name in ("source", "licence") if name in batch.schema.names]
        table = pa.Table.from_batches([batch]).select(names)
        if "licence" not in names:
            table = table.append_column("licence", pa.array([""] * len(table), pa.string()))
        grouped = table.group_by(["source", "licence"]).aggregate([([], "count_all")])
        for row in grouped.to_pylist():
            rows_by_terms[row["source"] or "", row["licence"] or ""] += row["count_all"]
    return rows_by_terms
