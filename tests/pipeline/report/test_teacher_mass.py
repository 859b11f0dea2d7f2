"""What is kept of a teacher, by position, against sums by hand."""

import dataclasses
import math
import re

import pyarrow as pa
import pytest

from voxsmith.pipeline.report import charts
from voxsmith.pipeline.report.full_manifest import _drawable
from voxsmith.pipeline.report.statistics import Statistics
from voxsmith.pipeline.report.teacher_mass import PLACES, Mass, MassByPlace, TeacherMass, table

REST = pa.list_(pa.list_(pa.float32(), 2))


def column(*rows: list[float] | None) -> pa.Array:
    """Of rows of masses; what others come to at a temperature isn't looked at, and may be unknown."""
    rest = [
        row if row is None else [[math.log1p(-mass) if mass < 1 else -math.inf, math.nan] for mass in row]
        for row in rows
    ]
    return pa.array(rest, REST)


def counted(*columns: pa.Array) -> TeacherMass | None:
    summary = MassByPlace()
    for one in columns:
        summary.add(one)
    return summary.result()


def test_positions_and_the_end_of_turn() -> None:
    rows = ([0.5, 0.25, 1.0], None, [0.75, 0.125], [], [0.0])
    wanted = TeacherMass([Mass(2, 0.625, 0.5), Mass(1, 0.25, 0.25)], Mass(3, 0.375, 0.0))
    for got in (
        counted(column(*rows)),
        counted(column(*rows[:2]), column(*rows[2:]).slice(0)),
        counted(column([], *rows).slice(1)),
    ):
        assert got is not None
        for one, other in zip((*got.places, got.end), (*wanted.places, wanted.end), strict=True):
            assert one.rows == other.rows
            assert (one.mean, one.least) == pytest.approx((other.mean, other.least), abs=1e-6)


def test_nothing_is_said_of_no_place() -> None:
    assert counted() is None and counted(column(None, [])) is None


def test_long_answers_end_in_the_last_position() -> None:
    got = counted(column([0.5] * PLACES + [0.25] * 9 + [1.0]))
    assert got is not None and len(got.places) == PLACES and got.end == Mass(1, 1.0, 1.0)
    assert got.places[-1] == Mass(10, pytest.approx((0.5 + 9 * 0.25) / 10), 0.25)  # type: ignore[arg-type]
    assert [name for name, _ in table(got)][-3:] == ["64 to 127", "128 to 255 and later", "end of turn"]


def test_a_table_has_the_first_positions_and_ranges_of_the_others() -> None:
    places = [Mass(10 - place // 2, 0.1 * (place % 4), 0.05 * (place % 3)) for place in range(12)]
    lines = table(TeacherMass(places, Mass(10, 0.9, 0.8)))
    assert [name for name, _ in lines] == [*map(str, range(8)), "8 to 11", "end of turn"]
    assert lines[1][1] == places[1] and lines[-1][1].least == 0.8
    last = lines[-2][1]  # rows 6, 6, 5, 5 of means 0, .1, .2, .3
    assert (last.rows, last.mean, last.least) == (6, pytest.approx(3.1 / 22), 0.0)


def test_the_picture_has_a_bar_and_a_line_for_each() -> None:
    mass = TeacherMass([Mass(2, 0.75, 0.5), Mass(1, 0.25, 0.25)], Mass(2, 1.0, 1.0))
    svg = str(charts.mass_by_place(mass, "continue"))
    heights = [float(height) for height in re.findall(r"<rect [^>]*height=\"([\d.]+)\"", svg)]
    assert heights == pytest.approx([48.0, 16.0, 64.0]) and svg.count('class="least"') == 3
    assert "position 1: mean 0.250, lowest 0.250, rows 1" in svg and "end of turn: mean 1.000" in svg


def test_a_manifest_with_other_numbers_is_not_drawn() -> None:
    good = Statistics(teachers={"continue": TeacherMass([Mass(1, 0.5, 0.5)], Mass(1, 1.0, 1.0))})
    assert _drawable(good) == good
    for wrong in (Mass(0, 0.5, 0.5), Mass(1, 1.5, 0.5), Mass(1, 0.5, math.nan)):
        with pytest.raises(ValueError, match="teacher of continue"):
            _drawable(dataclasses.replace(good, teachers={"continue": TeacherMass([wrong], Mass(1, 1.0, 1.0))}))
