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

from collector.errors import CollectorError
from collector.reports.blocks import SHAPES, Figure, Report, Table
from collector.reports.breaks import parted
from collector.reports.charts import draw
from collector.reports.fonts import drawable, folder

BREAK = "\u200b"
_BETWEEN_TAGS = re.compile(r">[^<]+<")


class PdfNotMade(CollectorError):
    """typst refused the report; the sentence says why."""


def render_pdf(report: Report) -> bytes:
    """Return the PDF. Raises PdfNotMade and FontUnreadable."""
    made = datetime.combine(report.generated_on, datetime.min.time(), tzinfo=UTC)
    shapes = {mark.value: shape for mark, shape in SHAPES.items()}
    value = msgspec.json.encode({**_laid_out(report), "shapes": shapes}).decode()
    try:
        pdf = typst.Compiler(
            files("report_templates").joinpath("report.typ").read_bytes(),
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"report": value},
        ).compile(format="pdf", pdf_standards=["a-2b"], timestamp=int(made.timestamp()))
    except typst.TypstError as error:
        raise PdfNotMade(f"the PDF could not be made: {error.message}") from error
    assert isinstance(pdf, bytes), "typst gives bytes where no output file is named"
    return pdf


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder()]
    )


def _laid_out(value: object) -> Any:  # noqa: ANN401 - a tree of JSON values
    """Return the report as JSON values: figures drawn, long words with places to break at."""
    if isinstance(value, str):
        return _breaking(drawable(value))
    if isinstance(value, tuple):
        return [_laid_out(item) for item in value]
    if isinstance(value, Table):
        return _table(value)
    if isinstance(value, Figure):
        return {
            "type": "figure",
            "caption": _laid_out(value.caption),
            "alternative": drawable(value.alternative),
            "svg": _picture(value),
        }
    if isinstance(value, msgspec.Struct):
        fields = {name: _laid_out(getattr(value, name)) for name in value.__struct_fields__}
        tag = type(value).__struct_config__.tag
        return {"type": tag, **fields} if tag else fields
    return msgspec.to_builtins(value)


def _table(table: Table) -> dict[str, Any]:
    """Return a table as JSON values; codes get no places to break at, they are copied whole."""
    rows = [
        [
            {"text": drawable(cell.text), "mark": None} if column.code else _laid_out(cell)
            for column, cell in zip(table.columns, row, strict=True)
        ]
        for row in table.rows
    ]
    fields = {name: _laid_out(getattr(table, name)) for name in ("caption", "columns")}
    return {"type": "table", **fields, "rows": rows, "row_headings": table.row_headings}


def _picture(figure: Figure) -> str:
    """Return the SVG of a figure with only those characters that the fonts have."""
    return _BETWEEN_TAGS.sub(lambda match: drawable(match.group()), draw(figure))


def _breaking(text: str) -> str:
    """Give long words without a space places to break at; typst has none of its own in them."""
    return BREAK.join(parted(text))
