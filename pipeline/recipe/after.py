"""`after`: a stage that works only on rows which others let pass, though it reads nothing of theirs.

Order follows from columns. Who judges a row and writes what nobody else needs (`verify`) would so judge beside the stages
that cost most, and they would work on rows that come to nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from voxsmith.pipeline.recipe.nodes import Node
from voxsmith.pipeline.recipe.problems import Problems
from voxsmith.schemas.columns import Column, column
from voxsmith.schemas.names import nearest


def with_after(nodes: Sequence[Node], columns: Mapping[str, Column], problems: Problems) -> list[Node]:
    """The nodes, with the columns that say which rows the stages passed that they come after. Clips among these are read
    only where there is nothing else.
    """
    by_name = {node.name: node for node in nodes}
    done = []
    for node in nodes:
        passed = []
        for name in node.after:
            other = by_name.get(name)
            where = f"stages.{node.name}.after"
            if other is None:
                known = [one for one in by_name if one != node.name]
                problems.add(where, f"no stage '{name}' is in this recipe; {nearest(name, known)}")
            elif other.name == node.name:
                problems.add(where, "a stage doesn't come after itself")
            elif other.stage.each == "recipe":
                problems.add(where, f"'{name}' fits one thing to all rows, and rejects none; leave it out")
            else:
                passed.append(_light(other.writes, columns))
        done.append(replace(node, passed=tuple(passed)))
    return done


def _light(names: tuple[str, ...], columns: Mapping[str, Column]) -> tuple[str, ...]:
    light = tuple(name for name in names if (one := column(name, columns)) and one.role != "audio")
    return light or names
