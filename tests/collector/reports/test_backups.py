"""The chapter on backups: the state in words, a year of days, gaps, proofs, drills; or none."""

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from msgspec import structs

from checks.api import Chapter as Part
from checks.api import State, Text
from checks.backup_sets import Level
from collector.backups.days import Leg, LegState, LegVerdict
from collector.backups.material import MonthCount, SetMaterial
from collector.reports.backup_terms import (
    DAY_MARKS,
    DAY_STATES,
    KINDS,
    LEGS,
    LEVELS,
    OFFSITE_WAYS,
    RESULTS,
)
from collector.reports.blocks import SHAPES, Cards, Chapter, Days, Mark, Paragraph, Style, Table
from collector.reports.chapters.backup.gaps import stretches
from collector.reports.chapters.backup.naming import percent
from collector.reports.chapters.backup.standing import newest_day, newest_state
from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.material import Material, RuleRow
from collector.reports.words import Language
from tests.collector.reports import backup_sample, sample
from tests.collector.reports.test_compose import blocks, chapter, table, texts


def with_sets(*sets: SetMaterial) -> Material:
    return replace(sample.small(), backups=sets)


@cache
def part(language: Language = Language.CHINESE) -> Chapter:
    return chapter(compose(with_sets(*backup_sample.sets()), language), "8")


def section(title: str, inside: Chapter | None = None) -> Chapter:
    found = [block for block in (inside or part()).blocks if isinstance(block, Chapter)]
    return next(block for block in found if title in block.title)


def calendar(title: str) -> Days:
    return next(block for block in section(title).blocks if isinstance(block, Days))


def rows(inside: Chapter, caption: str) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table(inside, caption).rows]


def test_it_opens_with_the_worst_in_words() -> None:
    lead = part().blocks[0]
    assert isinstance(lead, Paragraph)
    assert lead.style is Style.LEAD
    assert lead.text.startswith("2 个备份集中有 1 个最近备份日不可信：部门共享文件夹（file-01）。")
    assert "有 1 个备份集没有恢复演练通过的记录" in lead.text
    english = part(Language.ENGLISH).blocks[0]
    assert isinstance(english, Paragraph)
    assert english.text.startswith("1 of 2 backup sets can't be trusted as of their newest day: ")


def test_the_six_numbers_are_the_sums_of_the_months() -> None:
    (shown,) = [block for block in part().blocks if isinstance(block, Cards)]
    values = {card.name: (card.value, card.mark) for card in shown.cards}
    assert values == {
        "备份集": ("2", Mark.WARNING),
        "合规率": ("96.1%", Mark.WARNING),
        "没有可信备份的天数": ("20", Mark.CRITICAL),
        "实际 RPO（最长间隔）": ("8 天", Mark.CRITICAL),
        "实测 RTO（最长）": ("40 分钟", None),
        "最近恢复演练": ("2026-09-15", Mark.OK),
    }


def test_a_row_for_each_set_stands_before_the_sets_those_at_risk_first() -> None:
    shown = rows(part(), "全部备份集")
    assert [row[0] for row in shown] == ["部门共享文件夹", "U8 财务账套"]
    assert shown[0][2:] == ["缺失", "96.7%", "7", "4 天", "未约定", "无"]
    kinds = [type(block) for block in part().blocks]
    assert kinds.index(Table) < kinds.index(Chapter)
    assert [block.number for block in part().blocks if isinstance(block, Chapter)] == ["8.1", "8.2"]


def test_every_state_of_a_day_has_a_word_and_a_shape_of_its_own() -> None:
    assert set(DAY_STATES) == set(DAY_MARKS) == set(LegState)
    assert len({SHAPES[mark] for mark in DAY_MARKS.values()}) == len(LegState)
    assert set(SHAPES) == set(Mark)


def test_every_enum_of_the_wire_has_words() -> None:
    for table_of_words in (KINDS, LEGS, LEVELS, OFFSITE_WAYS, RESULTS):
        kinds = {type(key) for key in table_of_words}
        assert len(kinds) == 1
        assert set(table_of_words) == set(kinds.pop())


def test_the_calendar_has_a_mark_for_every_day_that_was_agreed_and_no_other() -> None:
    shown = backup_sample.offsite_set()
    months = calendar("U8").months
    assert [month.name for month in months] == [f"2026-{month:02d}" for month in range(1, 13)]
    assert [len(month.marks) for month in months] == [
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
    ]  # fmt: skip
    drawn = [mark for month in months for mark in month.marks]
    assert drawn[:361] == [DAY_MARKS[day.worst] for day in shown.days]
    assert drawn[361:] == [None] * 4


def test_a_silent_agent_looks_unlike_a_missing_backup() -> None:
    months = calendar("U8").months
    assert set(months[2].marks[8:12]) == {Mark.NOT_RUN}
    assert set(months[9].marks[2:5]) == {Mark.MISSING}


def test_days_before_the_contract_are_empty_and_free_days_are_not() -> None:
    months = calendar("部门共享").months
    assert set(months[0].marks) == set(months[1].marks) == {None}
    assert months[2].marks[:8] == (
        None,
        *(Mark.OK,) * 5,
        *(Mark.NOT_APPLICABLE,) * 2,
    )


def test_days_after_the_contract_are_empty() -> None:
    shown = backup_sample.local_set()
    ended = structs.replace(shown.declaration, valid_to=date(2026, 6, 12))
    said = chapter(compose(with_sets(replace(shown, declaration=ended))), "8")
    months = next(block for block in section("部门", said).blocks if isinstance(block, Days)).months
    assert months[5].marks[:12] == (*(Mark.OK,) * 5, *(Mark.NOT_APPLICABLE,) * 2, *(Mark.OK,) * 5)
    assert set(months[5].marks[12:]) == {None}
    assert set(months[6].marks) == {None}


@pytest.mark.parametrize("title", ["U8", "部门共享"])
def test_the_legend_names_and_counts_every_mark(title: str) -> None:
    shown = calendar(title)
    drawn = Counter(mark for month in shown.months for mark in month.marks if mark)
    said = {sign.mark: sign.count for sign in shown.legend}
    assert said == {mark: f"{count} 天" for mark, count in drawn.items()}
    assert len({sign.word for sign in shown.legend}) == len(shown.legend)


def test_in_the_page_every_day_is_a_cell_that_can_be_heard() -> None:
    page = render_html(compose(with_sets(backup_sample.offsite_set())))
    assert page.count('<span class="heard">可信</span></td>') == 337
    assert page.count('<td class="mark missing">') == 3
    assert '<span aria-hidden="true">□</span><span class="heard">不明</span>' in page
    assert '<td class="never" colspan="3"></td>' in page


def test_a_month_says_what_became_of_its_days() -> None:
    shown = rows(section("U8"), "各月合规情况")
    assert shown[1] == ["2026-02", "28", "21", "0", "0", "0", "0", "7", "0", "100.0%"]
    assert shown[2] == ["2026-03", "31", "27", "0", "0", "0", "4", "0", "0", "87.0%"]
    marks = [cell.mark for cell in table(section("U8"), "各月合规情况").rows[2]]
    assert [mark for mark in marks if mark] == [Mark.NOT_RUN]


@pytest.mark.parametrize(("kept", "shown"), [(364, "99.7%"), (365, "100.0%")])
def test_one_lost_day_is_never_rounded_away(kept: int, shown: str) -> None:
    month = MonthCount(2026, 1, due=365, ok=kept, late=0, bad=0, unverified=0, unknown=0, excused=0)
    assert percent(month.compliance) == shown
    assert percent(99.999) == "99.9%"


def test_gaps_say_from_when_to_when_what_and_why() -> None:
    shown = rows(section("U8"), "没有可信备份的日子")
    assert [row[0] for row in shown] == [
        "2026-03-09 至 2026-03-12",
        "2026-05-21 至 2026-05-22",
        "2026-07-04",
        "2026-08-01 至 2026-08-03",
        "2026-10-03 至 2026-10-05",
    ]
    assert shown[0][1:5] == ["4", "不明", "本地", "Agent 自 3 月 9 日起没有上报"]
    assert [row[2] for row in shown[1:]] == ["失败", "副本不一致", "未校验", "缺失"]


def test_a_weekend_ends_no_gap_and_a_good_day_does() -> None:
    day = backup_sample.offsite_set().days[0]

    def stretched(*states: LegState) -> list[int]:
        judged = [(day, Leg.LOCAL, LegVerdict(state, Text.same(""))) for state in states]
        return [len(stretch) for stretch in stretches(judged)]

    missing, free, good = LegState.MISSING, LegState.NOT_DUE, LegState.OK
    assert stretched(missing, free, free, missing) == [2]
    assert stretched(missing, good, missing) == [1, 1]
    assert stretched(missing, LegState.UNKNOWN) == [1, 1]
    assert stretched(LegState.EXCUSED, LegState.LATE, LegState.PENDING, good) == []


def test_a_drill_that_is_overdue_for_months_hides_no_missing_day() -> None:
    shown = backup_sample.offsite_set()
    never = LegVerdict(LegState.UNVERIFIED, Text("从未做过恢复演练", "no test restore"))
    days = tuple(replace(day, restored=never) for day in shown.days)
    said = chapter(compose(with_sets(replace(shown, days=days))), "8")
    months = next(block for block in section("U8", said).blocks if isinstance(block, Days)).months
    assert set(months[0].marks) == {Mark.STALE}
    assert set(months[9].marks[2:5]) == {Mark.MISSING}
    first, *others = rows(said, "没有可信备份的日子")
    assert first[:5] == [
        "2026-01-01 至 2026-12-27", "361", "未校验", "恢复演练", "从未做过恢复演练",
    ]  # fmt: skip
    assert [row[2] for row in others] == ["不明", "失败", "副本不一致", "未校验", "缺失"]


def test_very_many_gaps_are_cut_and_counted() -> None:
    shown = backup_sample.offsite_set()
    failed = LegVerdict(LegState.FAILED, Text.same("x"))
    days = tuple(
        replace(day, local=failed) if place % 2 else day for place, day in enumerate(shown.days)
    )
    said = chapter(compose(with_sets(replace(shown, days=days))), "8")
    assert len(rows(said, "没有可信备份的日子")) == 40
    assert "仅列出最近 40 段" in texts(said)


def test_days_of_which_nothing_is_known_are_a_limit_of_the_evidence() -> None:
    report = compose(with_sets(*backup_sample.sets()))
    assert rows(chapter(report, "13.7"), "情况不明") == [
        [
            "U8 财务账套（erp-db-01）",
            "2026-03-09 至 2026-03-12",
            "4",
            "Agent 自 3 月 9 日起没有上报",
        ]
    ]
    known = compose(with_sets(backup_sample.local_set()))
    assert texts(chapter(known, "13.7")) == "无：每个应备份的日子都有数据。"


def test_the_longest_gap_is_the_rpo_reached() -> None:
    assert (
        "最长间隔 8 天（2026-02-16 03:04 至 2026-02-24 03:04）；约定 26 小时，超出约定的间隔共 3 次"
        in texts(section("U8"))
    )
    assert "该间隔到期末仍未结束" in texts(section("部门共享"))


def test_excuses_and_notes_stand_with_their_days() -> None:
    assert rows(section("U8"), "豁免与说明") == [
        ["2026-02-16 至 2026-02-22", "已豁免", "春节停机，服务器关闭；王经理，2026-02-10"],
        ["2026-03-13", "可信", "2026-03-14 恢复上报后补记，原为未知"],
    ]
    with pytest.raises(StopIteration):
        table(section("部门共享"), "豁免与说明")


def test_the_seven_levels_stand_with_date_result_and_method() -> None:
    shown = rows(section("U8"), "校验等级")
    assert [row[0][0] for row in shown] == list("1234567")
    assert [row[1] for row in shown] == ["通过", "通过", "从未", *["通过"] * 4]
    assert shown[5][2:] == [
        "2026-12-27 06:04",
        "ufdata_001_20261225.dump",
        "openssl dgst -sha256 over ssh",
        "100.0%",
    ]
    assert "（87.8%）在 30 天内读取并校验过（截至 2026-12-28 06:04）" in texts(section("U8"))


def test_a_sample_or_a_lock_is_no_proof() -> None:
    shown = rows(section("部门共享"), "校验等级")
    assert shown[1][1] == "已过期"
    assert shown[3][1] == "仅抽样通过"
    assert shown[3][5] == "12.3%"
    assert shown[4][1] == "未能进行"
    assert "repository is locked by backup@file-01" in shown[4][4]
    assert shown[5][1] == "从未"
    assert shown[5][4] == "未约定异地副本"
    assert shown[6][4] == "没有做过该等级的校验"


def test_a_database_without_a_restore_point_is_seen() -> None:
    shown = backup_sample.offsite_set()
    report = compose(with_sets(replace(shown, newest=shown.newest[:1])))
    first = rows(chapter(report, "8"), "校验等级")[0]
    assert first[1] == "不齐全"
    assert "缺少：UFDATA_002_2026" in first[4]


def test_a_set_that_was_never_seen_says_why() -> None:
    said = chapter(compose(with_sets(backup_sample.unseen_set())), "8")
    assert "tool not installed: borg" in texts(said)
    assert "尚无已判定的备份日" in texts(said)
    assert "本期没有约定备份的日期" in texts(said)
    shown = rows(said, "校验等级")
    assert [row[1] for row in shown[:5]] == ["从未"] * 5
    assert shown[0][4] == "tool not installed: borg"
    assert rows(said, "全部备份集")[0][2] == "不明"


def test_the_size_is_as_its_rule_has_judged_it() -> None:
    material = with_sets(backup_sample.offsite_set())
    verdict = replace(
        sample.verdict("OS-CPU-001", "", State.WARNING, current=Text.same("-62%")),
        code="BAK-002",
        check="backup.restore_points",
        object="u8-finance: UFDATA_001_2026",
    )
    host = replace(material.hosts[1], verdicts=(verdict,))
    report = compose(replace(material, hosts=(material.hosts[0], host)))
    assert rows(chapter(report, "8"), "校验等级")[2][1:5] == [
        "关注", "2026-12-27 02:30", "—", "-62%",
    ]  # fmt: skip


def test_drills_stand_with_their_evidence_and_time() -> None:
    first, second = rows(section("U8"), "恢复演练")
    assert first[:4] == ["2026-09-15 11:20", "通过", "ufdata_001_20260914.dump", "38 分钟"]
    assert "GL_accvouch rows：1284417（应为 1284417）" in first[4]
    assert second[1] == "失败"
    assert "tables：588（应为 612）" in second[4]
    assert [first[5], second[5]] == ["采集代理", "李工"]
    assert "恢复演练：本期没有。" in texts(section("部门共享"))


def test_the_strategy_says_what_where_when_and_what_is_not_agreed() -> None:
    shown = dict(rows(section("部门共享"), "备份策略"))
    assert shown["备份方式"] == "restic"
    assert shown["时间"].startswith("周一、周二、周三、周四、周五；20:00 起，次日 06:00 前完成")
    assert shown["时间"].endswith("（America/New_York）")
    assert shown["异地副本"].startswith("未约定")
    assert shown["恢复演练"] == "未约定"
    assert shown["有效期"] == "自 2026-03-02 起"
    assert dict(rows(section("U8"), "备份策略"))["工具"] == "pg_restore 15.20"


def test_a_day_whose_copy_has_time_left_is_not_called_trusted() -> None:
    shown = backup_sample.offsite_set()
    newest = newest_day(shown)
    assert newest is not None
    assert newest.day == date(2026, 12, 27)
    assert newest_state(shown) is LegState.PENDING
    lead = chapter(compose(with_sets(shown)), "8").blocks[0]
    assert isinstance(lead, Paragraph)
    assert lead.text.startswith("1 个备份集中有 0 个最近备份日可信")


def test_when_all_is_well_it_says_so() -> None:
    shown = backup_sample.offsite_set(date(2026, 12, 1))
    days = tuple(day for day in shown.days if day.worst is LegState.OK)
    well = replace(shown, days=days, months=backup_sample.months(days))
    said = chapter(compose(with_sets(well)), "8")
    lead = said.blocks[0]
    assert isinstance(lead, Paragraph)
    assert lead.text == (
        "全部 1 个备份集最近备份日均可信。本期应备份 25 天次，其中 25 天次可信（合规率 100.0%）；"
        "0 天次没有可信备份，其中 0 天次情况不明。"
    )
    assert "缺口：本期应备份的每一天都有可信备份。" in texts(said)


@pytest.mark.parametrize(
    ("material", "start"),
    [(sample.small(), "未声明任何备份集"), (sample.no_inspection(), "未采集")],
    ids=["none declared", "no inspection"],
)
def test_a_customer_without_a_set_reads_that_this_is_a_risk(material: Material, start: str) -> None:
    report = compose(replace(material, backups=()))
    (line,) = chapter(report, "8").blocks
    assert isinstance(line, Paragraph)
    assert line.text.startswith(start)
    assert "这本身就是风险" in line.text
    assert "备份" in texts(chapter(report, "3"))


@pytest.mark.parametrize("others", [(), backup_sample.sets()], ids=["alone", "among others"])
def test_a_set_that_never_could_be_looked_at_is_not_called_undeclared(
    others: tuple[SetMaterial, ...],
) -> None:
    material = with_sets(*others)
    verdict = replace(
        sample.verdict("OS-CPU-001", "", State.NOT_RUN, reason=Text("权限不足：/backup", "no")),
        code="BAK-001",
        check="backup.restore_points",
        object="crm",
    )
    known = replace(verdict, object="u8-finance: UFDATA_001_2026")
    first, second = material.hosts
    hosts = (replace(first, verdicts=(verdict,)), replace(second, verdicts=(known,)))
    report = compose(replace(material, hosts=hosts if others else hosts[:1]))
    for number in ("2", "8"):
        said = texts(chapter(report, number))
        assert "有 1 个备份集已声明但从未能读取：erp-app-01 · crm。" in said
        assert "未声明" not in said
    assert "未声明" not in texts(chapter(report, "3"))
    assert "权限不足：/backup" in texts(chapter(report, "8.1"))


def test_the_conclusion_has_a_line_on_the_backups() -> None:
    report = compose(with_sets(*backup_sample.sets()))
    assert "备份（见第 8 章）：2 个备份集中有 1 个最近备份日不可信" in texts(chapter(report, "2"))
    none = compose(replace(sample.small(), backups=()))
    assert "备份（见第 8 章）：未声明任何备份集" in texts(chapter(none, "2"))


def test_the_results_of_the_checks_stay_in_the_chapter() -> None:
    material = with_sets(backup_sample.offsite_set())
    rule: RuleRow = replace(
        material.rules[0], code="BAK-001", check="backup.restore_points", chapter=Part.BACKUP
    )
    verdict = replace(
        sample.verdict("OS-CPU-001", "", State.CRITICAL), code="BAK-001", check=rule.check
    )
    host = replace(material.hosts[0], verdicts=(*material.hosts[0].verdicts, verdict))
    report = compose(
        replace(material, hosts=(host, *material.hosts[1:]), rules=(*material.rules, rule))
    )
    first, second = [b for b in chapter(report, "8").blocks if isinstance(b, Chapter)]
    assert (first.number, first.title) == ("8.1", "检查结果")
    assert "BAK-001" in texts(first)
    assert (second.number, second.title) == ("8.2", "U8 财务账套（erp-db-01）")


def test_the_words_of_backups_are_explained() -> None:
    said = texts(chapter(compose(sample.small()), "D"))
    for word in ("备份日", "恢复点", "异地副本", "恢复演练", "RPO", "RTO"):
        assert f"\n{word}\n" in said


def test_many_sets_have_a_section_each() -> None:
    shown = backup_sample.offsite_set(date(2026, 12, 1))
    many = tuple(replace(shown, name=f"set-{place}") for place in range(60))
    report = compose(with_sets(*many))
    parts = [block for block in chapter(report, "8").blocks if isinstance(block, Chapter)]
    assert len(parts) == 60
    assert len({part.anchor for part in parts}) == 60
    assert all(any(isinstance(b, Days) for b in blocks((part,))) for part in parts)
    assert len(rows(chapter(report, "8"), "全部备份集")) == 60


def test_every_level_is_a_row() -> None:
    assert len(rows(section("U8"), "校验等级")) == 3 + len(Level)


def test_every_leg_can_be_the_worst() -> None:
    day = backup_sample.offsite_set().days[0]
    said = set()
    for leg in Leg:
        changed = replace(day, **{leg.value: LegVerdict(LegState.FAILED, Text.same(leg.value))})
        shown = replace(backup_sample.offsite_set(), days=(changed,))
        lead = section("U8", chapter(compose(with_sets(shown)), "8")).blocks[0]
        assert isinstance(lead, Paragraph)
        assert lead.text.endswith(leg.value)
        said.add(lead.text)
    assert len(said) == len(Leg)
