"""The PDF is PDF/A, tagged, searchable, paged, and the same bytes for the same material."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import msgspec
import pypdf
import pytest
from pypdf.generic import Destination

from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.material import Material
from collector.reports.pdf import PdfNotMade, render_pdf
from collector.reports.words import Language
from tests.collector.reports import sample


@cache
def reader(language: Language = Language.CHINESE) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(render_pdf(compose(sample.full_year(), language))))


@cache
def pages(language: Language = Language.CHINESE) -> tuple[str, ...]:
    return tuple(page.extract_text() for page in reader(language).pages)


def bookmarks(tree: list[object]) -> Iterator[Destination]:
    for entry in tree:
        if isinstance(entry, list):
            yield from bookmarks(entry)
        elif isinstance(entry, Destination):
            yield entry


def test_it_claims_pdf_a_2b() -> None:
    metadata = reader().trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part>2<", metadata)
    assert re.search(r"pdfaid:conformance>B<", metadata)


def test_it_is_tagged_and_says_its_language() -> None:
    root = reader().trailer["/Root"]
    assert "/StructTreeRoot" in root
    assert root["/MarkInfo"]["/Marked"]
    assert str(root["/Lang"]).lower().startswith("zh")


def test_it_is_as_long_as_the_budget_says() -> None:
    assert 35 <= len(reader().pages) <= 40


def test_chinese_can_be_searched_and_copied() -> None:
    text = "".join(pages())
    assert "月" in text
    assert "\u2f49" not in text  # KANGXI RADICAL MOON, what some engines put in place of 月
    for words in ("系统巡检报告", "健康评分", "检查覆盖率", "磁盘空间使用率", "签字确认"):
        assert words in text


def test_a_digest_can_be_copied_whole() -> None:
    digest = sample.full_year().inspections[0].batches[0]
    assert digest in "".join(pages())


@pytest.mark.parametrize("language", Language)
def test_the_contents_name_the_right_pages(language: Language) -> None:
    file = reader(language)
    places = {
        str(entry.title): file.get_destination_page_number(entry) + 1
        for entry in bookmarks(file.outline)
    }
    lines = [re.sub(r"[\s.]", "", line) for line in pages(language)[2].splitlines()]
    for part in compose(sample.full_year(), language).chapters:
        title = f"{part.number}\u2002{part.title}"
        assert part.title in pages(language)[places[title] - 1]
        assert re.sub(r"[\s.]", "", f"{title}{places[title]}") in lines


def test_every_page_but_the_cover_has_its_number_of_all() -> None:
    total = len(pages())
    assert f"/ 共 {total} 页" not in pages()[0]
    for number, text in enumerate(pages()[1:], 2):
        assert f"第 {number} 页 / 共 {total} 页" in text
        assert "XJ-2026-0017" in text
        assert "华东精密机械有限公司" in text


def test_the_conclusion_is_one_page() -> None:
    (page,) = [text for text in pages() if "风险矩阵" in text]
    assert "首要问题与整改优先级" in page
    (after,) = [text for text in pages() if "巡检范围与对象" in text and "风险矩阵" not in text][1:]
    assert "首要问题" not in after


def test_the_conclusion_of_many_hosts_and_findings_is_one_page() -> None:
    material = sample.full_year(2)
    hosts = tuple(
        replace(host, name=f"{host.name}-{copy}") for copy in range(6) for host in material.hosts
    )
    findings = tuple(
        replace(finding, host=host.name, object="/a/long/path/" * 4, code=rule.code)
        for finding, rule in zip(material.findings * 3, material.rules, strict=False)
        for host in hosts[:1]
    )
    report = compose(replace(material, hosts=hosts, findings=findings))
    shown = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(render_pdf(report))).pages]
    (page,) = [text for text in shown if "风险矩阵" in text]
    assert "首要问题与整改优先级" in page
    assert "表中为风险最高的 8 台" in page
    (start,) = [place for place, text in enumerate(shown) if "风险矩阵" in text]
    assert "巡检主机" in shown[start + 1]


def test_tables_that_break_repeat_their_heading() -> None:
    batches = [text for text in pages() if "批次（SHA-256）" in text]
    assert len(batches) >= 2


@pytest.mark.parametrize("language", Language)
def test_the_same_material_gives_the_same_bytes(language: Language) -> None:
    first, second = (compose(sample.small(), language) for _ in range(2))
    assert render_pdf(first) == render_pdf(second)
    assert render_html(first) == render_html(second)


def test_only_the_date_of_the_report_dates_the_pdf() -> None:
    information = reader().metadata
    assert information is not None
    assert str(information["/CreationDate"]).startswith("D:20261228")


@pytest.mark.parametrize("material", [sample.no_inspection(), sample.nothing_ran()])
def test_a_report_of_nothing_is_a_report(material: Material) -> None:
    assert render_pdf(compose(material)).startswith(b"%PDF")


def test_a_report_that_typst_refuses_is_one_sentence() -> None:
    report = compose(sample.no_inspection())
    nameless = msgspec.structs.replace(report.chapters[0], anchor="")
    with pytest.raises(PdfNotMade, match="the PDF could not be made: "):
        render_pdf(msgspec.structs.replace(report, chapters=(nameless,)))
