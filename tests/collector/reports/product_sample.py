"""A product with twelve account sets and the instances of databases, as they come from the wire."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from checks.api import Check, Past, Point, State, Text
from checks.databases import Engine, Instance
from checks.discovery import discover
from checks.product import pack
from checks.product._books import AccountSet, Book, Facts
from checks.product.access import Facts as Access
from checks.product.licence import Facts as Licences
from checks.product.services import Facts as Services
from checks.product.services import Running, Service
from checks.products import Expiry, Fetched, Reached
from checks.wording import reason
from collector.policy.service import explain
from collector.reports.material import Material, RuleRow, TargetFacts, VerdictRow, named
from tests.collector.reports import sample
from wire.messages import Failure, Reason

AT = datetime(2026, 12, 26, 18, 30, tzinfo=UTC)
NAMES = (
    "华东精密机械有限公司", "苏州分公司", "昆山工厂（二期）", "无锡销售公司", "上海研发中心",
    "宁波进出口公司", "杭州办事处", "合肥工厂", "南京分公司", "青岛分公司",
    "历史账套（2015–2019）", "[999]演示账套",
)  # fmt: skip
HOUR = 3600.0


class InstanceFacts(msgspec.Struct, frozen=True):
    """Facts as every engine's first check writes them."""

    instance: Instance


def account_sets(engine: Engine = Engine.MSSQL, count: int = 12) -> Facts:
    """Return account sets, some of them neglected."""
    sets, books = [], []
    for number, name in enumerate(NAMES[:count], start=1):
        code = "999" if "演示" in name else f"{number:03d}"
        sets.append(AccountSet(code, name, (2026,) if number == 4 else (2026, 2027), code == "999"))
        books.append(
            Book(
                code,
                f"UFDATA_{code}_2021",
                2021,
                "" if number == 8 else "SUSPECT" if number == 9 else "ONLINE",
                number == 11,
                None if number == 8 else int(1.7**number * 2**27),
                None if number == 7 else (60.0 if number == 6 else 9.5) * HOUR,
                (20.0 if number == 3 else 4.0) * 24 * HOUR,
            )
        )
    other = Failure(Reason.NOT_APPLICABLE, "backup history")
    known = engine is Engine.MSSQL
    return Facts(
        engine,
        tuple(sets),
        tuple(books),
        ("UFDATA_017_2016",),
        backups=None if known else other,
        checks=None if known else Failure(Reason.NOT_APPLICABLE, "CHECKDB"),
        demo_known=True,
    )


def facts() -> Mapping[str, msgspec.Struct]:
    """Return the facts of a product by check."""
    return {
        "product.pack": pack.Facts(
            "总部 U8",
            Text("用友 U8+", "Yonyou U8+"),
            "yonyou-u8",
            "2026.11",
            "未在真实安装上验证：账套查询依据公开资料中的系统表（UFSystem 库 UA_Account、"
            "UA_Period、UA_AccountDatabase）编写。",
            "Not verified on a real installation.",
            "erp",
        ),
        "product.services": Services(
            (
                Service("W3SVC", True, True, "RUNNING", True),
                Service("U8DispatchService", True, True, "RUNNING", False),
            ),
            (),
            (Running("U8TaskService", 1, 1),),
        ),
        "product.access": Access(
            (
                Reached("127.0.0.1:80", 0.002),
                Reached("127.0.0.1:11520", None, "Connection refused"),
            ),
            Fetched("http://127.0.0.1/U8SL/", 0.42, 200, True),
            (200,),
        ),
        "product.licence": Licences((Expiry("", date(2027, 2, 11), 46, 50),)),
        "product.account_sets": account_sets(),
    }


def instances() -> tuple[TargetFacts, ...]:
    """Return three instances, one of which does not answer any more."""

    def told(check: str, target: str, *values: Any, why: Text | None = None) -> TargetFacts:
        content = msgspec.to_builtins(InstanceFacts(Instance(*values))) if values else None
        return TargetFacts(check, target, content, AT, why)

    gone = reason(Failure(Reason.UNREACHABLE, "10.0.3.12:1433"))
    return (
        told(
            "mssql.instance", "erp", Engine.MSSQL, "15.0.4345.5", "Microsoft SQL Server 2019", 0.08
        ),
        told("mssql.instance", "old", why=gone),
        told("postgresql.instance", "oa", Engine.KINGBASE, "12.1", "KingbaseES V008R006", 0.012),
    )


def with_products(material: Material, **changed: msgspec.Struct) -> Material:
    """Return the material with a product and instances on its first host."""
    host, *others = material.hosts
    found = {**facts(), **{f"product.{name}": each for name, each in changed.items()}}
    checks = discover().checks
    targets = tuple(
        TargetFacts(check, "u8", msgspec.to_builtins(each), AT) for check, each in found.items()
    )
    verdicts = [row for check, each in found.items() for row in judged(check, checks[check], each)]
    series = {
        ("product.account_sets", "size_bytes", "u8: UFDATA_001_2021"): (
            Point(AT - timedelta(days=300), 9e8),
            Point(AT, 9.9e8),
        )
    }
    shown = replace(
        host,
        verdicts=(*host.verdicts, *verdicts),
        targets=(*targets, *instances()),
        series={**host.series, **series},
    )
    rules = (*material.rules, *(each for check in found for each in rules_of(check, checks[check])))
    return replace(material, hosts=(shown, *others), rules=rules)


def judged(check_id: str, check: Check[Any], observed: msgspec.Struct) -> Iterator[VerdictRow]:
    """Yield what the check's own rules say of facts."""
    for rule in check.rules:
        for verdict in rule.evaluate(observed, rule.thresholds(), Past(AT)):
            not_run = verdict.state is State.NOT_RUN and verdict.failure is not None
            yield VerdictRow(
                code=rule.code,
                check=check_id,
                object=named("u8", verdict.object),
                state=verdict.state,
                current=verdict.current,
                reference=verdict.reference,
                message=verdict.message,
                reason=reason(verdict.failure) if not_run and verdict.failure else None,
                observed_at=AT,
                evidence=sample.digest("batch", rule.code),
                target="u8",
            )


def rules_of(check_id: str, check: Check[Any]) -> Iterator[RuleRow]:
    """Yield the rules of a check as the report takes them."""
    for rule in check.rules:
        yield RuleRow(
            code=rule.code,
            check=check_id,
            check_title=check.title,
            chapter=check.chapter,
            title=rule.title,
            why=rule.why,
            remedy=rule.remedy,
            priority=rule.priority,
            owner=rule.owner,
            reads=check.reads,
            thresholds=explain(rule),
        )
