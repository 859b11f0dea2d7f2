"""What the units of an export are: of which engine, by which codebook, and how many frames a second.

The same number is another sound in another codebook, and nothing of it shows in the loss. So a run notes what its units are, and
goes on with no others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from voxsmith.trainer.data.exports import BadExport, Export
from voxsmith.trainer.data.mixture import Source

Kind = dict[str, Any]  # what is known of it, by name
_OF_ENGINE = (
    "backend",
    "model",
    "layer",
    "codebook",
    "heads",
)  # of its identity: versions and number formats change no meaning
_ROWS = 100  # that frames are counted in
_ALIKE = 0.1  # rates that differ by less are one: a clip's last frame is a part of one
RATE = "frames a second"


def unit_kind(export: Export, column: str) -> Kind:
    """Of a column of units. What neither the manifest nor the rows tell is left out."""
    kind = _made(export.manifest, column)
    side = column.removesuffix("units")
    durations, seconds = f"{side}unit_durations", f"{side}duration"
    if {durations, seconds} <= {*export.columns}:
        rows = export.rows(range(min(_ROWS, len(export))), (durations, seconds))
        pairs = [(sum(frames), long) for frames, long in zip(*rows.values(), strict=True) if frames and long]
        if pairs:
            kind[RATE] = round(sum(frames for frames, _ in pairs) / sum(long for _, long in pairs), 1)
    return kind


def _made(manifest: dict[str, Any], column: str) -> Kind:
    for name in (stages := _inside(_inside(manifest, "recipe"), "stages")):
        stage = _inside(stages, name)
        if (stage.get("stage") or name) == "units" and f"{stage.get('of')}_units" == column:
            engine = _inside(_inside(manifest, "engines"), stage.get("engine"))
            kind = {key: engine[key] for key in _OF_ENGINE if engine.get(key) is not None}
            fitted = _inside(manifest, "fitted").get("codebook")
            return kind | ({"codebook": fitted} if fitted and stage.get("codebook", "fitted") == "fitted" else {})
    return {}


def _inside(values: dict[str, Any], key: Any) -> dict[str, Any]:
    """The part of a manifest under a key; empty where it has none."""
    part = values.get(key) if isinstance(key, str) else None
    return part if isinstance(part, dict) else {}


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first thing that is another one, in words; "" where they agree in all that both know."""
    for key in (*_OF_ENGINE, RATE):
        mine, theirs = one.get(key), other.get(key)
        if mine is None or theirs is None or mine == theirs:
            continue
        if key != RATE or abs(mine - theirs) > _ALIKE * max(mine, theirs):
            return f"{key} {mine}, not {theirs}"
    return ""


def agree(sources: Sequence[Source], learned: Kind, whose: str) -> None:
    """Raises BadExport where units of two of the sources, or theirs and those that a decoder has learned, are of different kinds.
    `learned`: empty, where there is none; `whose` they are.
    """
    for source in sources:
        first = sources[0]
        for other, of in ((learned, whose), (first.kind, str(first.export.folder))):
            if said := difference(source.kind, other):
                raise BadExport(
                    f"{source.export.folder}: its units have {said} as in {of}: a decoder learns one kind of units; "
                    "take an export with the same units, or train a decoder for these from the start"
                )
