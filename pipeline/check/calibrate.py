"""Limits for the clips of a voice, proposed from a sample that a person finds good.

The stage that judges clips is asked for each limit how loose it must be for each clip: what it measures, and how, is
known there alone. A sample only loosens limits: good clips don't show how bad a clip may not be.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import annotated_types

from voxsmith.pipeline.check.clips import Clips, listens, loosest
from voxsmith.pipeline.check.rows import Given, read_rows
from voxsmith.pipeline.check.verdicts import NotChecked, judge_of, start
from voxsmith.pipeline.check.walk import Engines, NotThere, Unasked, run_node, walk, with_checks
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.recipe.nodes import Graph, Node
from voxsmith.schemas.checks import section
from voxsmith.stages.context import Reject, Row
from voxsmith.stages.requests.base import Request

ASIDE = 0.02  # share of the clips that is left aside, those farthest out: one in a sample of 50 may be a bad clip
MARGIN = 0.25  # of the way from the sample's median to its farthest clip, added behind that clip
FEW = 50  # clips; with fewer none is left aside, and another sample's farthest may well be farther
_HALVINGS = 10


@dataclass(frozen=True)
class Limit:
    """A limit of the recipe, and the one that the sample needs. `median` and `farthest`: the strictest limits that half of
    the clips, and all that are not left aside, would pass. `refused`: clips beyond the recipe's.
    """

    name: str
    recipe: float
    proposed: float
    median: float
    farthest: float
    refused: int


@dataclass(frozen=True)
class Calibration:
    """`section`: of the recipe's `checks`. `clips`: how many were measured; `refused`: those that the recipe's limits refuse.
    `limits`: those to change. `left_aside`: lines of the file, each with the limit that its clip is farthest beyond;
    `unusable`: lines that no limit makes pass, or whose clip can't be read, and why.
    """

    section: str
    clips: int
    refused: int
    limits: tuple[Limit, ...]
    left_aside: tuple[tuple[int, str], ...]
    unusable: tuple[tuple[int, str], ...]


def calibrate(graph: Graph, file: str, group: str | None = None) -> Calibration:
    """Listen to the clips of a file of JSON lines, and propose limits. Raises RecipeError where the recipe judges no such
    clips, and RunFailed where an engine or a file isn't there, or no clip can be measured.
    """
    try:
        judge = judge_of(graph, group)
    except NotChecked as error:
        raise RecipeError(str(error)) from None
    if judge.stage.name != "pick":
        raise RecipeError(
            f"stages.{judge.name} judges recorded clips; limits are proposed for clips that are spoken (pick)"
        )
    needs: dict[int, dict[str, float]] = {}
    refused, unusable = 0, []
    engines, files = Engines(graph), Clips(Path(file).parent)
    try:
        for line, measured in _measured(graph, judge, file, engines, files):
            if isinstance(measured, dict):
                refused += bool(_fault(graph, judge, measured))
                need = {name: _needed(graph, judge, measured, name) for name in loosest(judge.checks)}
                if all(value is not None for value in need.values()):
                    needs[line] = {name: value for name, value in need.items() if value is not None}
                    continue
                measured = _fault(graph, with_checks(judge, loosest(judge.checks)), measured) or "beyond every limit"
            unusable.append((line, measured))
    except NotThere as error:
        raise RunFailed(str(error)) from None
    finally:
        engines.close()
        files.close()
    if not needs:
        raise RunFailed(
            f"{file}: no clip in it can be measured{f': line {unusable[0][0]}: {unusable[0][1]}' if unusable else ''}"
        )
    limits, aside = propose(judge.checks, needs)
    name = section(judge.stage.checks(judge.config) or "")
    return Calibration(name, len(needs), refused, limits, aside, tuple(unusable))


def propose(
    checks: Any, needs: Mapping[int, Mapping[str, float]]
) -> tuple[tuple[Limit, ...], tuple[tuple[int, str], ...]]:
    """The limits to change, and the clips left aside. `needs`: for each clip the strictest value of each limit that it
    passes.
    """
    middle = {name: median(need[name] for need in needs.values()) for name in loosest(checks)}
    beyond = {line: _beyond(checks, need, middle) for line, need in needs.items()}
    out = sorted(needs, key=lambda line: -beyond[line][0])[: int(ASIDE * len(needs))]
    aside = tuple(sorted((line, beyond[line][1]) for line in out if beyond[line][0] > 0))
    kept = [need for line, need in needs.items() if line not in dict(aside)]
    limits = []
    for name in middle:
        sign = _sign(name)
        farthest = sign * max(sign * need[name] for need in kept)
        wanted = _round_out(farthest + MARGIN * (farthest - middle[name]), sign, type(getattr(checks, name)))
        strict, loose = _ends(checks, name)
        wanted = max(min(wanted, max(strict, loose)), min(strict, loose))
        recipe = getattr(checks, name)
        if sign * wanted > sign * recipe:
            refused = sum(sign * need[name] > sign * recipe for need in needs.values())
            limits.append(Limit(name, recipe, wanted, middle[name], farthest, refused))
    return tuple(limits), aside


def _measured(graph: Graph, judge: Node, file: str, engines: Engines, files: Clips) -> Iterator[tuple[int, Row | str]]:
    """Each line's number, and the row with the clip's measures, or why there are none."""
    ready = with_checks(judge, loosest(judge.checks))
    for given in read_rows(file):
        if not isinstance(given, Given):
            yield given[0], str(given[1])
        elif given.kind != "clip":
            yield given.line, "a row of `text` and `audio` is wanted"
        else:
            row = start(given)
            try:
                row |= files.row(judge, graph, given)
                walk(graph, row, ready, listens(engines))
            except Reject as reject:
                yield given.line, reject.message
                continue
            yield given.line, {name: value for name, value in row.items() if not isinstance(value, dict)}


def _fault(graph: Graph, judge: Node, row: Row) -> str:
    """Why the clip is refused; "" where it isn't."""
    try:
        run_node(judge, graph.recipe.seed, row, _nobody)
    except Reject as reject:
        return reject.message
    return ""


def _needed(graph: Graph, judge: Node, row: Row, name: str) -> float | None:
    """The strictest value of the limit that the clip passes, by halving; None where it passes none."""
    others = loosest(judge.checks)

    def passes(value: float) -> bool:
        return not _fault(graph, with_checks(judge, others | {name: value}), row)

    strict, loose = _ends(judge.checks, name)
    if passes(strict):
        return strict
    if not passes(loose):
        return None
    now = getattr(judge.checks, name)
    tried, far = strict, now - strict or loose - strict
    while abs(far) < abs(loose - strict) and not passes(strict + far):  # how far out is near what the recipe says
        tried, far = strict + far, 2 * far
    refused, passed = tried, strict + far if abs(far) < abs(loose - strict) else loose
    for _ in range(_HALVINGS):
        middle = (refused + passed) / 2
        middle = math.floor(middle) if isinstance(now, int) else middle
        if middle in (refused, passed):
            break
        refused, passed = (refused, middle) if passes(middle) else (middle, passed)
    return passed


def _beyond(checks: Any, need: Mapping[str, float], middle: Mapping[str, float]) -> tuple[float, str]:
    """How far the clip is beyond the recipe's limits at most, in ways from the median to the limit, and beyond which."""
    each = (
        (_sign(name) * (value - (now := getattr(checks, name))) / (abs(now - middle[name]) or 1.0), name)
        for name, value in need.items()
    )
    return max(each)


def _sign(name: str) -> int:
    """1 where a larger limit is looser."""
    return 1 if name.startswith("max_") else -1


def _ends(checks: Any, name: str) -> tuple[float, float]:
    """The strictest and the loosest value that a recipe may give the limit."""
    bounds = {}
    for one in type(checks).model_fields[name].metadata:
        for kind, at in ((annotated_types.Ge, "ge"), (annotated_types.Gt, "gt"), (annotated_types.Le, "le")):
            if isinstance(one, kind):
                bounds[at] = getattr(one, at)
    low, high = bounds.get("ge", bounds.get("gt", 0.0) + 0.01), bounds.get("le", 1e6)
    return (low, high) if _sign(name) > 0 else (high, low)


def _round_out(value: float, sign: int, kind: type) -> float:
    """The value in two digits, on the looser side."""
    if kind is int:
        return math.ceil(value) if sign > 0 else math.floor(value)
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 1.0
    whole = math.ceil(round(value / step, 6)) if sign > 0 else math.floor(round(value / step, 6))
    return float(f"{whole * step:.6g}")


def _nobody(node: Node, request: Request) -> Any:
    raise Unasked
