"""The report in the programs that people open it with: a browser on a phone, a PDF reader."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.pdf import render_pdf
from collector.reports.words import Language
from tests.collector.reports.sample import full_year

PHONE = 390
# As root a browser runs without its sandbox; nothing may be fetched.
BROWSER = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    report = compose(full_year(), Language.CHINESE)
    (place / "report.html").write_text(render_html(report), encoding="utf-8")
    (place / "report.pdf").write_bytes(render_pdf(report))
    return place


def installed(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed: scripts/test installs it")
    return path


def test_on_a_phone_only_tables_scroll_sideways_never_the_page(folder: Path) -> None:
    (folder / "phone.html").write_text(
        f'<iframe id="phone" width="{PHONE}" height="800" style="border:0"'
        ' src="report.html"></iframe>'
        "<script>phone.onload = () => { document.title ="
        " 'wide ' + phone.contentDocument.documentElement.scrollWidth }</script>",
        encoding="utf-8",
    )
    command = [
        installed("chromium"),
        *BROWSER,
        f"--user-data-dir={folder}/profile",
        "--virtual-time-budget=10000",
        "--dump-dom",
        f"file://{folder}/phone.html",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    width = re.search(r"<title>wide (\d+)</title>", shown.stdout)
    assert width, shown.stdout[:500]
    assert int(width[1]) <= PHONE


def test_chinese_is_found_and_copied_from_the_pdf(folder: Path) -> None:
    command = [installed("pdftotext"), "-layout", str(folder / "report.pdf"), "-"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    for words in ("系统巡检报告", "总体结论", "健康评分", "检查覆盖率", "签字确认"):
        assert words in text
    # Look-alikes of the radicals block (U+2F00…) would neither be found nor copied right.
    assert not re.search(r"[⺀-⿟]", text)
