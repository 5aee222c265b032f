"""Write a customer's report: gather, compose, render, put both files in their place."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from checks.api import Text
from collector.errors import CollectorError
from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.material import Material
from collector.reports.pdf import render_pdf
from collector.reports.words import Language


class NotWritten(CollectorError):
    """The report's files could not be written."""


@dataclass(frozen=True)
class Written:
    """Where the report lies."""

    html: Path
    pdf: Path


def write_report(material: Material, language: Language, folder: Path) -> Written:
    """Render the report and replace the files of an earlier one, each whole or not at all.

    Raise NotWritten if the folder can't be written.
    """
    report = compose(material, language)
    written = Written(folder / "report.html", folder / "report.pdf")
    html, pdf = render_html(report).encode(), render_pdf(report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(written.html, html)
        _replace(written.pdf, pdf)
    except OSError as error:
        raise NotWritten(
            Text(
                f"报告无法写入 {folder}：{error.strerror}。请用 --output 指定其他目录，"
                "或腾出空间。",
                f"The report can't be written to {folder}: {error.strerror}. Name another folder "
                "with --output, or make room there.",
            )
        ) from error
    return written


def _replace(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
