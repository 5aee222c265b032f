"""Make one report in this process and print what it took, as JSON: `python -m bench.one_report`.

A process of its own for each run: typst and the charts keep what they made, so that only the first
report of a process tells what a report costs.
"""

import hashlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date

import msgspec
import pypdf

from bench.processes import high_water_bytes
from bench.report import Made
from bench.server import YEAR
from bench.year import CUSTOMER
from checks.discovery import discover
from collector.database import open_database
from collector.here.service import read_material
from collector.reports.blocks import Block, Chapter, Figure, Gallery, Report
from collector.reports.charts import draw
from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.pdf import render_pdf

TODAY = date(YEAR, 12, 28)


def make(url: str) -> Made:
    """Make the report of the year, once as PDF and once as HTML, each with its own pictures."""
    database, catalogue = open_database(url), discover()

    def composed() -> tuple[Report, float, float]:
        draw.cache_clear()
        began = time.perf_counter()
        material = read_material(database, CUSTOMER, catalogue, year=YEAR, today=TODAY)
        gathered = time.perf_counter()
        report = compose(material)
        return report, gathered - began, time.perf_counter() - gathered

    def timed(render: Callable[[Report], bytes]) -> tuple[bytes, float]:
        began = time.perf_counter()
        content = render(composed()[0])
        return content, time.perf_counter() - began

    pdf, pdf_seconds = timed(render_pdf)
    html, html_seconds = timed(lambda report: render_html(report).encode())
    peak = high_water_bytes("self")
    report, gather_seconds, compose_seconds = composed()
    database.close()
    return Made(
        pdf_seconds=pdf_seconds,
        html_seconds=html_seconds,
        gather_seconds=gather_seconds,
        compose_seconds=compose_seconds,
        peak_bytes=peak,
        pdf_digest=hashlib.sha256(pdf).hexdigest(),
        pdf_bytes=len(pdf),
        html_bytes=len(html),
        pages=len(pypdf.PdfReader(io.BytesIO(pdf)).pages),
        pictures=_pictures(report.chapters),
    )


def _pictures(blocks: Sequence[Block]) -> int:
    counted = 0
    for block in blocks:
        if isinstance(block, Chapter):
            counted += _pictures(block.blocks)
        elif isinstance(block, Gallery):
            counted += len(block.figures)
        else:
            counted += isinstance(block, Figure)
    return counted


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(make(sys.argv[1])))
