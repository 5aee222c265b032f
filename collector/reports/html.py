"""The report as one self-contained HTML file: no script, no request to anywhere."""

import base64
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from collector.reports.blocks import SHAPES, Block, Chapter, Column, Days, Figure, Mark, Report
from collector.reports.breaks import parted
from collector.reports.charts import draw


def render_html(report: Report) -> str:
    """Return the page. Every value of the report is escaped text in it."""
    return _environment().get_template("report.html").render(report=report)


def _picture(figure: Figure) -> str:
    """Return a figure as a data URI: the picture can't touch the page, nor the page it."""
    return "data:image/svg+xml;base64," + base64.b64encode(draw(figure).encode()).decode()


def _shape(mark: Mark) -> str:
    return SHAPES[mark]


def _words_of(days: Days) -> dict[Mark, str]:
    """Return what each mark is called: for those who hear the page, in every day of it."""
    return {sign.mark: sign.word for sign in days.legend}


def _breaking(text: str) -> Markup | str:
    """Return a text, escaped, with places to break at in its long words."""
    parts = parted(text)
    return text if len(parts) == 1 else Markup("<wbr>").join(parts)


def _share(column: Column, columns: tuple[Column, ...]) -> str:
    return f"{100 * column.width / sum(other.width for other in columns):.1f}%"


def _kind(block: Block) -> object:
    return type(block).__struct_config__.tag


def _is_chapter(block: Block) -> bool:
    return isinstance(block, Chapter)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("report_templates", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "picture": _picture,
        "shape": _shape,
        "kind": _kind,
        "words_of": _words_of,
        "breaking": _breaking,
        "share": _share,
    }
    environment.tests["chapter"] = _is_chapter
    style_sheet = files("report_templates").joinpath("report.css").read_text(encoding="utf-8")
    # Our own file, the one thing that goes in as it is: no value of a report is in it.
    environment.globals["style_sheet"] = Markup(style_sheet)  # noqa: S704
    return environment
