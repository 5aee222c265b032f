"""达梦 DM8: is the instance open, how long does its licence last, how old is its build.

DM-010 compares with what the service team says (its thresholds): 达梦 publishes no list of builds
that could be cited, so without them nothing is said.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
"""

import re
from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Database, Instance, instance_of
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.wording import days
from wire.messages import Reason

INSTANCE = """
SELECT INSTANCE_NAME AS "name", STATUS$ AS "status", MODE$ AS "role",
       (SYSDATE - START_TIME) * 86400 AS "up_seconds"
FROM V$INSTANCE
"""
LICENCE = """
SELECT SERVER_SERIES AS "series", TO_CHAR(EXPIRED_DATE, 'YYYY-MM-DD') AS "expires",
       EXPIRED_DATE - SYSDATE AS "days_left"
FROM V$LICENSE
"""
BUILD = """
SELECT ID_CODE() AS "build" FROM DUAL
"""
_DATE = re.compile(r"(?<!\d)(20\d{2}[01]\d[0-3]\d)(?!\d)|(?<!\d)(\d{2})\.([01]\d)\.([0-3]\d)(?!\d)")


class InstanceRow(Struct, frozen=True):
    """What the instance says of itself."""

    name: str
    status: str
    role: str
    up_seconds: float


class LicenceRow(Struct, frozen=True):
    """The licence; without a date it does not expire."""

    series: str | None = None
    expires: str | None = None
    days_left: float | None = None


class BuildRow(Struct, frozen=True):
    """The build as the server names it."""

    build: str | None


class Facts(Struct, frozen=True):
    """State, licence and build of one instance."""

    server: Instance
    instance: InstanceRow
    licences: tuple[LicenceRow, ...] | Failure
    build: str | Failure


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    server = instance_of(database)
    rows = database.rows(INSTANCE, InstanceRow)
    if not rows:
        raise UnexpectedOutput("V$INSTANCE", "no row")
    licences = part(lambda: database.rows(LICENCE, LicenceRow)[:10])
    return Facts(server, rows[0], licences, part(lambda: _build(database)))


def _build(database: Database) -> str:
    rows = database.rows(BUILD, BuildRow)
    if not rows or not rows[0].build:
        raise UnexpectedOutput("ID_CODE", "no row")
    return rows[0].build[:255]


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set."""


def status(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether the instance is open."""
    row = facts.instance
    current = Text.same(f"{row.status}, {row.role}")
    if row.status == "OPEN":
        yield ok("", current, Text.same("OPEN"))
        return
    message = Text(
        f"实例 {row.name} 的状态是 {row.status}，业务不能正常读写。",
        f"Instance {row.name} is {row.status}: nobody can work with it.",
    )
    yield critical("", current, Text.same("OPEN"), message)


class LicenceThresholds(Thresholds, frozen=True):
    """Days until the licence ends."""

    warning_days: Annotated[float, limit("d", "OWN 90 d, catalogue DM-002")] = 90
    critical_days: Annotated[float, limit("d", "OWN 30 d, catalogue DM-002")] = 30


def licence(facts: Facts, thresholds: LicenceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the days until the licence ends."""
    if isinstance(facts.licences, Failure):
        yield from missing(facts.licences)
        return
    if not facts.licences:
        yield not_run("", Failure(Reason.UNSUPPORTED, "V$LICENSE"))
    for row in facts.licences[:1]:
        if row.days_left is None:
            unlimited = Text("永久授权", "does not expire")
            yield ok("", unlimited, unlimited)
            continue
        message = Text(
            "数据库授权将于 {expires} 到期（剩余 {left}），到期后实例无法启动。",
            "The licence ends on {expires} ({left} left); after that the instance won't start.",
        ).format(expires=row.expires or "—", left=days(row.days_left))
        yield judged(
            "",
            row.days_left,
            thresholds.warning_days,
            thresholds.critical_days,
            show=days,
            message=message,
            lower_is_worse=True,
        )


class BuildThresholds(Thresholds, frozen=True):
    """What the service team knows of builds; empty: nothing is said."""

    oldest_build: Annotated[str, limit("yyyymmdd", "OWN: the service team's baseline")] = ""
    withdrawn_builds: Annotated[
        tuple[str, ...], limit("parts of ID_CODE", "OWN: builds the vendor has withdrawn")
    ] = ()


def build(facts: Facts, thresholds: BuildThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the build against the baseline of the service team."""
    if isinstance(facts.build, Failure):
        yield from missing(facts.build)
        return
    current = Text.same(facts.build)
    reference = Text.same(f"≥ {thresholds.oldest_build}" if thresholds.oldest_build else "")
    if any(part in facts.build for part in thresholds.withdrawn_builds):
        message = Text(
            f"版本 {facts.build} 已被厂商撤回。",
            f"Build {facts.build} was withdrawn by its vendor.",
        )
        yield critical("", current, reference, message)
        return
    if not thresholds.oldest_build:
        message = Text(
            f"当前版本 {facts.build}；没有可引用的达梦版本基线，请由服务团队在策略中设置。",
            f"Build {facts.build}: there is no baseline to cite; the service team sets one.",
        )
        yield not_run("", Failure(Reason.NOT_CONFIGURED, "oldest_build"), message)
        return
    made = _made(facts.build)
    if made is None:
        yield not_run("", Failure(Reason.UNSUPPORTED, f"date in {facts.build}"[:255]))
    elif made >= thresholds.oldest_build:
        yield ok("", current, reference)
    else:
        message = Text(
            f"版本日期为 {made}，早于服务团队的基线 {thresholds.oldest_build}。",
            f"The build is of {made}, before the baseline {thresholds.oldest_build}.",
        )
        yield warning("", current, reference, message)


def _made(build: str) -> str | None:
    """Return the date in a build: `…-20240703-…` or `…-21.07.09-…`, as yyyymmdd."""
    found = _DATE.search(build)
    if found is None:
        return None
    return found[1] or f"20{found[2]}{found[3]}{found[4]}"


CHECK = Check(
    title=Text("达梦实例、授权与版本", "DM8 instance, licence and build"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=("V$INSTANCE, V$LICENSE, ID_CODE()",),
    privilege=Text("角色 VTI（V$ 视图）", "the role VTI (V$ views)"),
    rules=(
        Rule(
            code="DM-001",
            title=Text("达梦实例状态", "State of the instance"),
            why=Text(
                "实例处于 MOUNT 或 SUSPEND 时，业务的读写会被拒绝或挂起。",
                "While it is mounted or suspended, work is refused or hangs.",
            ),
            remedy=Text(
                "查看实例日志中的原因，排除磁盘、归档或守护集群问题后执行 ALTER DATABASE OPEN；"
                "守护集群中由监视器决定，不要手工打开备库。",
                "Find the cause in the instance's log, mend disk, archiving or the watch cluster, "
                "then ALTER DATABASE OPEN; in a watch cluster leave that to the monitor.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=status,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="DM-002",
            title=Text("达梦授权有效期", "Licence"),
            why=Text(
                "授权到期后数据库无法启动，业务全部中断。",
                "When the licence has ended, the database won't start and all work stops.",
            ),
            remedy=Text(
                "提前向达梦申请新的 dm.key，替换后执行 SP_LOAD_LIC_INFO() 或重启，"
                "再查询 V$LICENSE 确认。",
                "Ask the vendor for a new dm.key in time, put it in place, run SP_LOAD_LIC_INFO() "
                "or restart, and look at V$LICENSE again.",
            ),
            priority=1,
            thresholds=LicenceThresholds,
            evaluate=licence,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="DM-010",
            title=Text("达梦版本基线", "Build against the baseline"),
            why=Text(
                "旧版本带着已知缺陷和漏洞运行，被撤回的版本可能损坏数据。",
                "Old builds run with known bugs and vulnerabilities; withdrawn ones may harm data.",
            ),
            remedy=Text(
                "向达梦技术支持确认目标版本，完整备份并在测试环境验证后升级。",
                "Agree on a build with the vendor's support; upgrade after a full backup and a "
                "test.",
            ),
            priority=2,
            thresholds=BuildThresholds,
            evaluate=build,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
