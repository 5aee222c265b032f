"""The report as one self-contained HTML file: no script, no request to anywhere."""

import base64
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from collector.reports import blocks
from collector.reports.blocks import SHAPES, Figure, Mark, Report
from collector.reports.charts import draw


def render_html(report: Report) -> str:
    """Return the page. Every value of the report is escaped text in it."""
    return _environment().get_template("report.html").render(report=report)


def picture(figure: Figure) -> str:
    """Return a figure as a data URI: the picture can't touch the page, nor the page it."""
    return "data:image/svg+xml;base64," + base64.b64encode(draw(figure).encode()).decode()


def shape(mark: Mark) -> str:
    """Return the shape that stands for a mark."""
    return SHAPES[mark]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("report_templates", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["picture"] = picture
    environment.filters["shape"] = shape
    environment.filters["kind"] = lambda block: type(block).__struct_config__.tag
    # Our own style sheet is the one thing that goes in unescaped.
    source, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr] # set above
    environment.globals["style_sheet"] = Markup(source)  # noqa: S704 - no value is in it
    environment.globals["blocks"] = blocks
    return environment
