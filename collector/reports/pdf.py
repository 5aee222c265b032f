"""The report as PDF/A-2b by typst: tagged, searchable, the same bytes for the same report.

The report goes in as one JSON text and comes out as strings; typst evaluates none of it.
"""

import re
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import typst

from collector.reports.blocks import SHAPES, Figure, Report
from collector.reports.charts import draw
from collector.reports.fonts import drawable, folder

BREAK = "\u200b"
_UNBROKEN = re.compile(r"[!-~\u00a1-\u02af]{14,}")
_STEPS = re.compile(r"([/\\._:;=,@&?+-]+|.{10})(?=.)")


class PdfNotMade(Exception):
    """typst refused the report; the sentence says why."""


def render_pdf(report: Report) -> bytes:
    """Return the PDF. Raises PdfNotMade and FontUnreadable."""
    made = datetime.combine(report.generated_on, datetime.min.time(), tzinfo=UTC)
    shapes = {mark.value: shape for mark, shape in SHAPES.items()}
    value = msgspec.json.encode({**_laid_out(report, breakable=True), "shapes": shapes}).decode()
    try:
        return typst.Compiler(
            files("report_templates").joinpath("report.typ").read_bytes(),
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"report": value},
        ).compile(format="pdf", pdf_standards=["a-2b"], timestamp=int(made.timestamp()))
    except typst.TypstError as error:
        raise PdfNotMade(f"the PDF could not be made: {error.message}") from error


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder()]
    )


def _laid_out(value: object, breakable: bool) -> Any:  # noqa: ANN401 - a tree of JSON values
    """Return the report as JSON values: figures drawn, shapes beside the marks, long words cut."""
    if isinstance(value, str):
        return _breaking(drawable(value)) if breakable else drawable(value)
    if isinstance(value, tuple):
        return [_laid_out(item, breakable) for item in value]
    if isinstance(value, Figure):
        return {
            "type": "figure",
            "caption": _laid_out(value.caption, breakable=True),
            "alternative": drawable(value.alternative),
            "svg": drawable_picture(value),
        }
    if isinstance(value, msgspec.Struct):
        fields = {
            name: _laid_out(getattr(value, name), breakable) for name in value.__struct_fields__
        }
        tag = type(value).__struct_config__.tag
        return {"type": tag, **fields} if tag else fields
    return msgspec.to_builtins(value)


def drawable_picture(figure: Figure) -> str:
    """Return the SVG of a figure with only those characters that the fonts have."""
    return re.sub(r">[^<]+<", lambda match: drawable(match.group()), draw(figure))


def _breaking(text: str) -> str:
    """Give long words without a space places to break at; typst has none of its own in them."""
    return _UNBROKEN.sub(lambda match: _STEPS.sub(rf"\1{BREAK}", match.group()), text)
