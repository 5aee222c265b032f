"""A figure is drawn as the same plain picture every time."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest

from checks.api import Point
from collector.reports.blocks import Figure, Line, Mark
from collector.reports.charts import draw
from tests.collector.reports import sample


def figure(label: str = "/data", count: int = 60, every_days: float = 6) -> Figure:
    points = sample.curve(40, 20, 3, count, every_days)
    limit = (Point(points[0].at, 80), Point(points[-1].at, 80))
    lines = (Line(label, points), Line("80", limit, Mark.WARNING))
    return Figure("caption", "words", lines, percent=True)


def test_the_same_figure_is_the_same_bytes() -> None:
    first = draw(figure())
    draw.cache_clear()
    assert draw(figure()) == first


def test_it_has_no_script_link_date_or_id() -> None:
    root = ElementTree.fromstring(draw(figure()))
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "style", "g", "rect", "path", "text"}
    assert not any("id" in element.attrib for element in root.iter())
    assert "pygal" not in draw(figure()).replace("pygal-chart", "")


def test_a_label_is_text_and_short() -> None:
    svg = draw(figure("<b>&" + "x" * 100))
    labels = [element.text for element in ElementTree.fromstring(svg).iter() if element.text]
    assert "<b>&xxxxxxxxxxxxxxxxx…" in labels


def test_lines_and_thresholds_are_drawn_differently() -> None:
    svg = draw(figure())
    assert "stroke-dasharray: none" in svg
    assert "stroke-dasharray: 5 4" in svg


@pytest.mark.parametrize(
    ("count", "every_days", "label"),
    [(13, 30, "2026-03"), (20, 1, "01-"), (2, 0.2, "18:30")],
)
def test_the_time_axis_fits_the_time(count: int, every_days: float, label: str) -> None:
    assert label in draw(figure(count=count, every_days=every_days))


def test_points_at_one_moment_are_no_error() -> None:
    start = sample.curve(1, 1, 1, 1)[0]
    twice = (start, Point(start.at + timedelta(0), 3.0))
    assert draw(Figure("c", "a", (Line("x", twice),), percent=False)).startswith("<svg")
