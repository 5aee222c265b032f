"""The chapter on products, and the table of database instances, from facts as they come."""

from dataclasses import replace
from functools import cache

import msgspec
import pytest

from checks.api import Failure
from checks.databases import Engine
from collector.reports.blocks import Chapter, Mark
from collector.reports.chapters.instances import told
from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.words import Language
from tests.collector.reports import product_sample, sample
from tests.collector.reports.test_compose import chapter, table, texts
from tests.situation import situations
from wire.messages import Reason


@cache
def part(number: str, language: Language = Language.CHINESE) -> Chapter:
    material = product_sample.with_products(sample.small())
    return chapter(compose(material, language), number)


def rows(inside: Chapter, caption: str) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table(inside, caption).rows]


def test_every_account_set_has_a_row() -> None:
    found = rows(part("9"), "总部 U8：账套")
    assert len(found) == 12
    first = found[0]
    assert first[:5] == ["001", "华东精密机械有限公司", "UFDATA_001_2021", "2021", "217.6 MiB"]
    assert first[5] == "+1.0%"
    # 9.5 hours before 2026-12-27 02:30, four days before it; Asia/Shanghai.
    assert first[6:] == ["2026-12-26", "2026-12-23", "正常"]
    assert found[6][6] == "从未"
    assert found[7][4] == "—"
    assert found[11][1] == "[999]演示账套（演示）"


def test_the_state_of_a_row_is_its_worst_verdict() -> None:
    states = {row[0]: row[-1] for row in rows(part("9"), "总部 U8：账套")}
    bad = {code: state for code, state in states.items() if state != "正常"}
    assert bad == {
        "003": "异常", "004": "关注", "006": "异常", "007": "异常", "008": "异常",
        "009": "异常", "999": "关注",
    }  # fmt: skip


def test_the_pack_says_what_it_was_tried_on() -> None:
    said = texts(part("9"))
    assert "产品：用友 U8+（产品包 yonyou-u8 2026.11）。未在真实安装上验证" in said
    assert "Not verified on a real installation." in texts(part("9", Language.ENGLISH))


def test_services_page_and_licence_stand_in_the_overview() -> None:
    found = {row[0]: row[1:] for row in rows(part("9"), "总部 U8：概况")}
    services = "W3SVC RUNNING；U8DispatchService 运行中，手动启动；U8TaskService 1 个"
    assert found["服务与进程"] == [services, "关注"]
    assert "HTTP 200" in found["端口与登录页面"][0]
    assert found["端口与登录页面"][1] == "异常"
    assert found["产品授权"] == ["2027-02-11（剩余 47 天）；许可数 46/50", "关注"]
    assert found["数据库"][0] == "erp"


def test_databases_without_a_history_of_backups_say_so() -> None:
    sets = product_sample.account_sets(Engine.POSTGRESQL, 2)
    material = product_sample.with_products(sample.small(), account_sets=sets)
    found = rows(chapter(compose(material), "9"), "总部 U8：账套")
    assert [row[6:8] for row in found] == [["不适用", "不适用"]] * 2
    assert "此类数据库不保存备份记录" in texts(chapter(compose(material), "9"))


def test_a_history_that_may_not_be_read_says_why() -> None:
    sets = product_sample.account_sets(count=1)
    refused = Failure(Reason.PERMISSION, "msdb.dbo.backupset")
    sets = type(sets)(sets.engine, sets.sets, sets.books, backups=refused)
    material = product_sample.with_products(sample.small(), account_sets=sets)
    shown = chapter(compose(material), "9")
    assert rows(shown, "总部 U8：账套")[0][6] == "未采集"
    assert "最近备份：权限不足：msdb.dbo.backupset。" in texts(shown)


def test_without_account_sets_it_says_why() -> None:
    material = product_sample.with_products(sample.small())
    host, *others = material.hosts
    kept = tuple(each for each in host.targets if each.check != "product.account_sets")
    material = replace(material, hosts=(replace(host, targets=kept), *others))
    assert "账套：未采集（未查询）。" in texts(chapter(compose(material), "9"))


def test_without_a_product_the_chapter_is_as_before() -> None:
    shown = chapter(compose(sample.small()), "9")
    assert not [block for block in shown.blocks if isinstance(block, Chapter)]


def test_instances_are_a_table_with_their_state() -> None:
    found = table(part("7"), "数据库实例")
    assert [[cell.text for cell in row] for row in found.rows] == [
        ["erp", "erp-app-01", "SQL Server", "15.0.4345.5", "80.0 ms", "—"],
        ["oa", "erp-app-01", "人大金仓 KingbaseES", "12.1", "12.0 ms", "—"],
        ["old", "erp-app-01", "—", "—", "—", "无法连接：10.0.3.12:1433"],
    ]
    assert found.rows[2][5].mark is Mark.NOT_RUN


def test_objects_of_one_target_are_told_behind_its_name() -> None:
    found = rows(part("9"), "全部主机的检查结果")
    together = next(row for row in found if row[1] == "APP-004" and row[4] == "ONLINE")
    assert together[3].startswith("erp-app-01 · u8: UFDATA_001_2021、UFDATA_002_2021、")


def test_the_scope_names_them() -> None:
    said = texts(part("3"))
    assert "数据库实例：erp-app-01 · erp、erp-app-01 · old、erp-app-01 · oa（见第 7 章）。" in said
    assert "业务产品：erp-app-01 · 总部 U8（见第 9 章）。" in said


def test_the_page_has_them_too() -> None:
    page = render_html(compose(product_sample.with_products(sample.small())))
    assert "[999]演示账套（演示）" in page
    assert 'id="product-1"' in page


@pytest.mark.parametrize("chapter", ["mssql", "postgresql", "mysql", "oracle", "dameng"])
def test_the_table_of_instances_understands_the_facts_of_every_engine(chapter: str) -> None:
    facts = [
        observed
        for each in situations()
        if each.path.parent.parts[-2:] == (chapter, "instance") and "facts" not in each.content
        for observed in [each.observe()]
        if not isinstance(observed, Failure)
    ]
    assert facts
    shown = [told(msgspec.to_builtins(each)) for each in facts]
    assert any(each.get("engine") and each.get("version") for each in shown), facts[0]
