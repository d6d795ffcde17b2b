"""Diagrams as SVG and as text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from coffeert.lab.charts import svg_chart, terminal_chart
from coffeert.lab.results import Curve, Diagram, Point

DIAGRAM = Diagram(
    name="a-diagram", title="Rate < time", x="orders/s", y="ms", log_y=True,
    curves=(Curve("p50", (Point(10, 1.5), Point(20, 300))), Curve("p99", (Point(10, 4),))),
)  # fmt: skip


def test_a_chart_is_well_formed_and_within_its_frame() -> None:
    root = ElementTree.fromstring(svg_chart(DIAGRAM))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(circles) == 3
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


def test_a_line_goes_through_the_median_of_what_was_measured_at_one_load() -> None:
    points = (Point(10, 1), Point(20, 2), Point(20, 30), Point(20, 3))
    diagram = Diagram(name="p", title="t", x="x", y="y", curves=(Curve("c", points),))
    nodes = list(ElementTree.fromstring(svg_chart(diagram)).iter())
    line = next(node for node in nodes if node.tag.endswith("polyline"))
    dots = [(node.attrib["cx"], node.attrib["cy"]) for node in nodes if node.tag.endswith("circle")]
    assert line.attrib["points"].split() == [",".join(dots[0]), ",".join(dots[3])]


positive = st.floats(min_value=1e-3, max_value=1e7)


@given(st.lists(st.tuples(positive, positive), min_size=1), st.booleans(), st.booleans())
def test_any_figures_can_be_drawn(
    pairs: list[tuple[float, float]], log_x: bool, log_y: bool
) -> None:
    points = tuple(Point(*pair) for pair in pairs)
    diagram = Diagram(
        name="p", title="t", x="x", y="y", curves=(Curve("c", points),), log_x=log_x, log_y=log_y
    )
    assert len(ElementTree.fromstring(svg_chart(diagram))) > len(points)


def test_diagrams_are_printed_with_their_title_and_scale() -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", terminal_chart(DIAGRAM, 60))
    assert "Rate < time" in text
    assert "300" in text
