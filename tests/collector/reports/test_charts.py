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
    return Figure("caption", "words", lines, unit="%")


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


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.text]


def test_a_label_is_text_and_its_middle_is_left_out_where_it_is_too_long() -> None:
    (label,) = [text for text in texts(draw(figure("<b>&" + "x" * 100 + "end"))) if "…" in text]
    assert label.startswith("<b>&xxx")
    assert label.endswith("xxxend")
    assert 40 < len(label) < 50


@pytest.mark.parametrize("label", ["/var/lib/postgresql/15/main", "数据库归档日志备份卷（异地）"])
def test_a_label_that_fits_is_whole(label: str) -> None:
    assert label in texts(draw(figure(label)))


@pytest.mark.parametrize(
    ("unit", "values", "ticks"),
    [
        ("%", (3.0, 4.0), ["0%", "20%", "40%", "60%", "80%", "100%"]),
        ("bytes", (9e10, 3e10), ["0 GiB", "25 GiB", "50 GiB", "75 GiB", "100 GiB"]),
        ("bytes", (0.0, 0.0), ["0 B", "1 B"]),
        ("", (0.0, 2.0), ["0", "1", "2"]),
        ("", (120_000.0, 90_000.0), ["0", "50,000", "100,000", "150,000"]),
        ("s", (0.02, -0.01), ["-0.01s", "0s", "0.01s", "0.02s"]),
    ],
)
def test_the_axis_has_few_round_numbers_with_their_unit(
    unit: str, values: tuple[float, float], ticks: list[str]
) -> None:
    points = sample.curve(0, 0, 0, 2, every_days=30)
    line = tuple(Point(point.at, value) for point, value in zip(points, values, strict=True))
    shown = texts(draw(Figure("c", "a", (Line("x", line),), unit)))
    assert [text for text in shown if text in ticks] == ticks


def test_lines_and_thresholds_are_drawn_differently() -> None:
    svg = draw(figure())
    assert "stroke-dasharray: none" in svg
    assert "stroke-dasharray: 5 4" in svg


@pytest.mark.parametrize(
    ("count", "every_days", "label"),
    [(13, 30, "2026-04"), (20, 1, "01-"), (2, 0.2, "18:30")],
)
def test_the_time_axis_fits_the_time(count: int, every_days: float, label: str) -> None:
    assert label in draw(figure(count=count, every_days=every_days))


def test_points_at_one_moment_are_no_error() -> None:
    start = sample.curve(1, 1, 1, 1)[0]
    twice = (start, Point(start.at + timedelta(0), 3.0))
    assert draw(Figure("c", "a", (Line("x", twice),), unit="")).startswith("<svg")
