"""The report has every section, in order, in both languages; what is missing says why."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checks.api import Point, State, Text
from collector.reports.blocks import (
    Block,
    Chapter,
    Figure,
    Finding,
    Gallery,
    Paragraph,
    Report,
    Style,
    Table,
)
from collector.reports.chapters.capacity import forecast
from collector.reports.compose import compose
from collector.reports.figures import thinned
from collector.reports.material import Material
from collector.reports.words import Language
from tests.collector.reports import sample

CHINESE = (
    "巡检概述", "总体结论", "巡检范围与对象", "上次问题整改情况", "硬件与操作系统",
    "补丁与生命周期", "数据库", "备份与恢复", "应用/ERP 产品与账套", "安全", "容量与趋势",
    "问题清单与整改建议", "豁免与未执行项（证据边界）", "服务总结与下年度建议", "签字确认",
    "检查项明细", "阈值与评分规则", "原始数据摘要", "术语",
)  # fmt: skip
ENGLISH = (
    "Overview", "Conclusion", "Scope and objects", "Findings of last time",
    "Hardware and operating system", "Patches and life cycle", "Databases", "Backup and recovery",
    "Application and account sets", "Security", "Capacity and trends", "Findings and advice",
    "Limits of the evidence", "Service summary and advice for the next year", "Signatures",
    "Check items", "Thresholds and scoring", "Raw data", "Words",
)  # fmt: skip
NUMBERS = (*(str(number) for number in range(1, 16)), "A", "B", "C", "D")
MATERIALS = {
    "year": sample.full_year(12),
    "small": sample.small(),
    "no inspection": sample.no_inspection(),
    "nothing ran": sample.nothing_ran(),
}


def blocks(parts: tuple[Block, ...]) -> Iterator[Block | Figure]:
    """Yield every block and figure, depth first."""
    for part in parts:
        yield part
        if isinstance(part, Chapter):
            yield from blocks(part.blocks)
        if isinstance(part, Gallery):
            yield from part.figures


def chapter(report: Report, number: str) -> Chapter:
    found = (part for part in blocks(report.chapters) if isinstance(part, Chapter))
    return next(part for part in found if part.number == number)


def texts(part: Chapter) -> str:
    """Return everything that a chapter says in paragraphs and tables."""
    said = []
    for block in blocks((part,)):
        if isinstance(block, Paragraph):
            said.append(block.text)
        if isinstance(block, Table):
            said += [cell.text for row in block.rows for cell in row]
    return "\n".join(said)


@pytest.mark.parametrize("material", MATERIALS.values(), ids=MATERIALS.keys())
@pytest.mark.parametrize(
    ("language", "titles"), [(Language.CHINESE, CHINESE), (Language.ENGLISH, ENGLISH)]
)
def test_every_section_stands_in_order(
    material: Material, language: Language, titles: tuple[str, ...]
) -> None:
    report = compose(material, language)
    assert tuple(part.title for part in report.chapters) == titles
    assert tuple(part.number for part in report.chapters) == NUMBERS
    assert report.front[0].title in ("文档控制", "Document control")


@pytest.mark.parametrize("material", MATERIALS.values(), ids=MATERIALS.keys())
def test_no_section_and_no_table_is_empty(material: Material) -> None:
    for part in blocks(compose(material).chapters):
        if isinstance(part, Chapter):
            assert part.blocks, part.title
        if isinstance(part, Table):
            assert part.rows, part.caption
            assert all(len(row) == len(part.columns) for row in part.rows), part.caption


@pytest.mark.parametrize("material", MATERIALS.values(), ids=MATERIALS.keys())
def test_anchors_are_unique_and_plain(material: Material) -> None:
    parts = [p for p in blocks(compose(material).chapters) if isinstance(p, Chapter | Finding)]
    anchors = [part.anchor for part in parts]
    assert len(set(anchors)) == len(anchors)
    assert all(anchor.isascii() and anchor.replace("-", "").isalnum() for anchor in anchors)


def test_a_customer_without_inspections_gets_no_score_and_no_guess() -> None:
    report = compose(sample.no_inspection())
    for number in ("2", "3", "5", "6", "7", "11", "12", "13.2", "13.3"):
        assert "未采集" in texts(chapter(report, number)), number
    everything = "\n".join(texts(part) for part in report.chapters)
    assert "本期无未解决的问题" not in everything
    assert not any(isinstance(part, Figure) for part in blocks(report.chapters))


def test_a_host_where_nothing_ran_is_not_well() -> None:
    report = compose(sample.nothing_ran())
    assert "覆盖率不足，不评分；检查覆盖率 0.0%" in texts(chapter(report, "5.1"))
    assert "未采集" in texts(chapter(report, "12"))
    assert texts(chapter(report, "13.2")).count("权限不足：/proc") == len(sample.rules())
    assert "未采集（权限不足：/proc）" in texts(chapter(report, "5.1"))


def test_chapters_that_no_check_serves_are_not_part_of_the_inspection() -> None:
    report = compose(sample.small())
    for number in ("7", "9"):
        (line,) = chapter(report, number).blocks
        assert isinstance(line, Paragraph)
        assert line.style is Style.EMPTY
        assert line.text.startswith("未纳入本次巡检")


def test_one_point_is_no_curve() -> None:
    material = sample.full_year(points=1)
    report = compose(material)
    assert not any(isinstance(part, Figure) for part in blocks(report.chapters))
    assert "本期至少需要两次巡检" in texts(chapter(report, "5.1"))
    assert "数据点不足" in texts(chapter(report, "11"))


def test_a_year_has_seventeen_pictures_with_words_for_them() -> None:
    parts = blocks(compose(sample.full_year()).chapters)
    figures = [part for part in parts if isinstance(part, Figure)]
    assert len(figures) == 17
    assert all("最低" in figure.alternative for figure in figures)
    assert all(len(line.points) >= 2 for figure in figures for line in figure.lines)


def test_findings_of_one_rule_and_severity_stand_together() -> None:
    material = sample.full_year(2)
    details = chapter(compose(material), "12.2")
    found = [part for part in details.blocks if isinstance(part, Finding)]
    numbers = [row[0].text for part in found for row in part.places.rows]
    assert sorted(numbers) == sorted(
        row.number for row in material.findings if row.change != "resolved"
    )
    updates = next(part for part in found if "PAT-LNX-001" in part.title)
    assert len(updates.places.rows) == 4
    assert found[0].badge == "一级"


def test_a_finding_says_why_what_to_do_by_whom_and_until_when() -> None:
    details = chapter(compose(sample.full_year(2)), "12.2")
    for part in details.blocks:
        assert isinstance(part, Finding)
        names = [fact.name for fact in part.facts]
        assert names == ["现象", "影响", "建议", "责任方", "建议期限", "参考章节"]
    first = details.blocks[0]
    assert isinstance(first, Finding)
    assert first.facts[4].value == "2026-12-29 前完成"


def test_resolved_findings_stand_in_the_follow_up_only() -> None:
    report = compose(sample.full_year(2))
    assert "F-0099" in texts(chapter(report, "4"))
    assert "已解决" in texts(chapter(report, "4"))
    assert "F-0099" not in texts(chapter(report, "12"))


def test_the_limits_name_what_is_waived_not_run_stale_broken_and_quarantined() -> None:
    report = compose(sample.full_year(2))
    assert "王经理批准" in texts(chapter(report, "13.1"))
    assert "缺少工具：chronyc" in texts(chapter(report, "13.2"))
    assert "最近一次巡检未读到日志" in texts(chapter(report, "13.3"))
    assert "oracledb" in texts(chapter(report, "13.4"))
    assert "line 18 is not JSON" in texts(chapter(report, "13.5"))


def test_equal_results_of_many_hosts_are_one_row() -> None:
    (row,) = [
        row
        for block in chapter(compose(sample.full_year(2)), "6").blocks
        if isinstance(block, Table)
        for row in block.rows
        if row[1].text == "OS-EOL-001"
    ]
    assert row[3].text == "erp-app-01、erp-db-01、erp-db-02、file-01、web-01"


def test_the_appendix_has_every_rule_threshold_and_batch() -> None:
    material = sample.full_year(2)
    report = compose(material)
    for rule in material.rules:
        assert rule.code in texts(chapter(report, "A"))
        for threshold in rule.thresholds:
            assert threshold.name in texts(chapter(report, "B.1"))
    for inspection in material.inspections:
        assert inspection.batches[0] in texts(chapter(report, "C"))


def test_many_inspections_are_counted_and_proved_by_one_digest() -> None:
    material = sample.full_year(2)
    more = tuple(
        replace(row, id=f"{row.id}-early", started_at=row.started_at - timedelta(days=3))
        for row in material.inspections
    )
    said = texts(
        chapter(compose(replace(material, inspections=(*more, *material.inspections))), "C")
    )
    assert "另收到 60 次巡检、60 个批次" in said


def test_times_are_in_the_zone_of_the_cover() -> None:
    # 18:30 UTC on the 26th is 02:30 on the 27th in Shanghai.
    assert "2026-12-27 02:30" in texts(chapter(compose(sample.full_year(2)), "3"))


def test_an_unknown_rule_is_shown_by_its_code() -> None:
    material = sample.small()
    host = material.hosts[0]
    strange = replace(sample.verdict("OS-CPU-001", "", State.OK), code="OLD-001")
    report = compose(
        replace(material, hosts=(replace(host, verdicts=(strange,)), *material.hosts[1:]))
    )
    assert "OLD-001" in texts(chapter(report, "5.1"))


def test_a_forecast_needs_points_and_days() -> None:
    assert forecast(sample.curve(50, 30, 0, count=13)) is None
    assert forecast(sample.curve(50, 30, 0, count=14, every_days=0.1)) is None
    ahead = forecast(sample.curve(50, 36.5, 0, count=365))
    assert ahead is not None
    assert ahead.percent_a_day == pytest.approx(0.1, rel=0.01)
    assert ahead.days_until_full == pytest.approx(136, abs=3)
    flat = forecast(sample.curve(50, 0, 0))
    assert flat is not None
    assert flat.days_until_full is None


def test_thinning_keeps_ends_and_peaks() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    points = tuple(
        Point(start + timedelta(days=day), 99.0 if day == 200 else 20.0) for day in range(365)
    )
    kept = thinned(points, 52)
    assert len(kept) <= 54
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert max(point.value for point in kept) == 99.0


def test_the_two_numbers_stand_together_for_every_host() -> None:
    report = compose(sample.full_year(2))
    for place in range(1, 6):
        lead = chapter(report, f"5.{place}").blocks[0]
        assert isinstance(lead, Paragraph)
        assert "健康评分" in lead.text
        assert "检查覆盖率" in lead.text


def test_what_a_check_says_is_in_the_language_of_the_report() -> None:
    material = sample.small()
    host = replace(material.hosts[0], inventory=None, inventory_reason=Text("缺少", "missing"))
    changed = replace(material, hosts=(host,))
    assert "未采集（缺少）" in texts(chapter(compose(changed), "5.1"))
    assert "not collected (missing)" in texts(chapter(compose(changed, Language.ENGLISH), "5.1"))


def table(part: Chapter, caption: str) -> Table:
    found = [block for block in blocks((part,)) if isinstance(block, Table)]
    return next(block for block in found if caption in block.caption)


def test_only_declared_measures_are_drawn() -> None:
    material = sample.full_year(12)
    assert any(isinstance(part, Figure) for part in blocks(compose(material).chapters))
    report = compose(replace(material, trends=()))
    assert not any(isinstance(part, Figure) for part in blocks(report.chapters))


def test_a_figure_has_its_title_and_the_thresholds_in_force() -> None:
    report = compose(sample.full_year(12))
    figure = next(part for part in blocks(report.chapters) if isinstance(part, Figure))
    assert figure.caption == "erp-app-01: CPU 使用率"
    assert [line.label for line in figure.lines] == ["erp-app-01", "关注阈值 80%", "异常阈值 90%"]


def test_what_is_well_is_one_row_for_each_rule_with_every_value() -> None:
    material = sample.small()
    values = [
        sample.verdict("OS-DSK-001", f"/data/{place}", State.OK, current=Text.same(f"{place}.0%"))
        for place in range(11)
    ]
    host = replace(material.hosts[0], verdicts=tuple(values))
    report = compose(replace(material, hosts=(host, *material.hosts[1:])))
    rows = table(chapter(report, "5.1"), "检查结果").rows
    assert [row[3].text for row in rows] == ["8 个对象", "3 个对象"]
    said = rows[0][4].text + rows[1][4].text
    assert all(f"/data/{place} {place}.0%" in said for place in range(11))


def test_the_results_stand_worst_first_then_unknown_then_well() -> None:
    material = sample.small()
    states = (State.OK, State.NOT_RUN, State.CRITICAL, State.WARNING)
    rows = tuple(
        sample.verdict(code, "", state)
        for code, state in zip(
            ("OS-CPU-001", "OS-CPU-002", "OS-MEM-001", "OS-MEM-002"), states, strict=True
        )
    )
    host = replace(material.hosts[0], verdicts=rows)
    report = compose(replace(material, hosts=(host, *material.hosts[1:])))
    shown = [row[0].text for row in table(chapter(report, "5.1"), "检查结果").rows]
    assert shown == ["异常", "关注", "未执行", "正常"]


def test_what_was_not_run_says_what_its_rule_says_of_it() -> None:
    material = sample.small()
    row = sample.verdict(
        "OS-DSK-003", "/", State.NOT_RUN,
        reason=Text("历史数据不足：/", "not enough history: /"),
        message=Text("已有 1 天，至少需要 14 天。", "1 day is there, 14 are needed."),
    )  # fmt: skip
    host = replace(material.hosts[0], verdicts=(row,))
    report = compose(replace(material, hosts=(host,)))
    for number in ("5.1", "13.2"):
        assert "已有 1 天，至少需要 14 天。" in texts(chapter(report, number))


def test_a_value_that_is_not_known_is_a_line_to_fill_in() -> None:
    material = sample.small()
    blank = replace(material.cover, provider="", engineer="", system="")
    report = compose(replace(material, cover=blank))
    empty = [fact.name for fact in report.cover.facts if not fact.value]
    assert empty == ["系统名称", "服务单位", "巡检工程师"]
    assert report.cover.subtitle == "2026 年度"
    assert "未提供" not in texts(report.front[0])


def test_the_inventory_names_everything_and_says_why_a_part_is_missing() -> None:
    part = chapter(compose(sample.small()), "5.1")
    said = texts(part)
    tables = [block for block in blocks((part,)) if isinstance(block, Table)]
    titles = [column.title for block in tables for column in block.columns]
    for name in ("逻辑核数", "默认网关", "DNS 服务器", "无（物理机）"):
        assert name in said
    assert {"MAC 地址", "机械硬盘", "容量"} <= set(titles)
    assert "未采集（权限不足：/sys/class/dmi/id/product_serial）" in said


def test_the_software_stands_with_versions_and_processes() -> None:
    report = compose(sample.small())
    rows = table(chapter(report, "5.1"), "：软件清单").rows
    assert ("nginx", "nginx 1.22.1", "5") in [tuple(cell.text for cell in row) for row in rows]
    assert "软件：未采集（未纳入本次巡检）" in texts(chapter(report, "5.2"))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("21474836480", "bytes", "20.0 GiB"),
        ("[21,22]", "TCP ports", "21, 22 （TCP 端口）"),
        ("[]", "unit names", "无"),
        ("false", "yes/no", "否"),
        ("90", "days", "90 天"),
        ("5", "% of one CPU", "5 %（单个 CPU）"),
        ("80", "%", "80%"),
    ],
)
def test_a_threshold_is_written_for_people(value: str, unit: str, shown: str) -> None:
    material = sample.small()
    limit = replace(material.rules[0].thresholds[0], value=value, unit=unit)
    rule = replace(material.rules[0], thresholds=(limit,))
    report = compose(replace(material, rules=(rule, *material.rules[1:])))
    assert table(chapter(report, "B.1"), "阈值").rows[0][3].text == shown
