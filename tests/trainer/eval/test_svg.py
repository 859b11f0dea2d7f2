"""Charts: where points lie, by hand, and what is written on the axes."""

import re
from xml.etree import ElementTree

import pytest

from tests.helpers.html_page import HOSTILE
from voxsmith.trainer.eval.svg import Line, alone, chart, thinned, ticks


@pytest.mark.parametrize(
    "low, high, wanted",
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (1.1, 3.3, [1, 1.5, 2, 2.5, 3, 3.5]),
        (-3, 2, [-3, -2, -1, 0, 1, 2]),
        (0, 0.002, [0, 0.0005, 0.001, 0.0015, 0.002]),
        (4, 4, [2, 3, 4, 5, 6]),
        (0, 0, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round_and_enclose_the_range(low: float, high: float, wanted: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(wanted)


def test_points_lie_where_they_should() -> None:
    """The field of a chart with one row of names is 560 wide from 64 on, and 240 high from 34 on."""
    picture = chart([Line("a", [(0, 0), (5, 5), (10, 10)]), Line("b", [(0, 10)], dashed=True)], "step", "nats")
    drawn = re.findall(r'<polyline class="([^"]+)" points="([^"]+)"', picture)
    assert drawn == [("line c0", "64.0,274.0 344.0,154.0 624.0,34.0"), ("line c1 dashed", "64.0,34.0")]
    texts = [text.text for text in ElementTree.fromstring(picture).iter() if text.tag.endswith("text")]
    assert texts[:6] == ["0", "2", "4", "6", "8", "10"] and {"step", "nats", "a", "b"} <= set(texts)
    assert picture.count("<circle") == 1  # a line of one point would be nothing to see


def test_a_chart_without_points_is_nothing_and_one_of_a_constant_is_drawn() -> None:
    assert chart([Line("a", [])], "x", "y") == "" == chart([], "x", "y")
    assert 'points="64.0,154.0 624.0,154.0"' in chart([Line("a", [(1, 4), (2, 4)])], "x", "y")


def test_names_are_escaped_and_a_file_of_its_own_has_its_colours() -> None:
    file = alone(chart([Line(HOSTILE, [(0, 1), (1, 2)])], HOSTILE, HOSTILE))
    assert "<script" not in file and "<img" not in file
    root = ElementTree.fromstring(file)
    assert root[0].tag.endswith("style") and ".c0" in (root[0].text or "")


def test_many_points_become_means_of_neighbours() -> None:
    assert thinned([(0, 1), (1, 3), (2, 5), (3, 7), (4, 9)], 3) == [(0.5, 2), (2.5, 6), (4, 9)]
    assert thinned([(0, 1), (1, 3)], 3) == [(0, 1), (1, 3)] and thinned([], 3) == []
