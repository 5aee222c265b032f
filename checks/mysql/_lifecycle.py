"""MY-021: is the release still maintained, and the newest of its series in use?"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated

from checks import lifecycle
from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Engine
from wire.messages import Reason


class Facts(Struct, frozen=True):
    """What the instance says of itself."""

    engine: Engine
    version: str
    """Numbers with dots: 10.11.19."""
    release: str
    """In its own words: 10.11.19-MariaDB-0+deb12u1."""
    login_seconds: float
    uptime_seconds: float
    read_only: bool
    super_read_only: bool | None = None
    """None: MariaDB and MySQL before 5.7.8 have no such setting."""
    distribution: str = ""
    """@@version_comment: who built it."""


class LifecycleThresholds(Thresholds, frozen=True):
    """When an approaching end of support and a newer release count."""

    warning_days_left: Annotated[float, limit("d", "OWN 180 d: one budget round")] = 180
    critical_days_left: Annotated[float, limit("d", "EOL: the published last day")] = 0
    grace_days: Annotated[float, limit("d", "OWN: time to plan a new release in")] = 30


# Servers that speak MySQL's protocol and tell one of its versions, with releases of their own.
_OTHERS = (
    "tidb",
    "oceanbase",
    "tdsql",
    "polardb",
    "goldendb",
    "gaussdb",
    "aurora",
    "starrocks",
    "doris",
)
_OTHER = Text(
    "{release} 只是兼容 MySQL 协议，版本与支持期以其厂商为准。",
    "{release} only speaks MySQL's protocol; its maker says how long it is supported.",
)
SUPPORTED = Text("厂商维护期内", "maintained by its makers")
_ENDED = Text(
    "{label} 的维护已于 {end} 结束（{days} 天前），不再有安全补丁。{packaged}",
    "{label} has not been maintained since {end} ({days} days): no more security fixes.{packaged}",
)
_ENDS = Text("{label} 的维护还剩 {days} 天。", "{label} is maintained for {days} more days.")
_PACKAGED = Text(
    "若它是发行版自带的软件包，以该发行版的支持期为准。",
    " Where it is a package of the distribution, that one's term holds.",
)
_UNVERIFIED = Text(
    "该日期未经厂商公开页面核实（来源：{source}），请向厂商确认。",
    " The date is not confirmed by a page of the vendor (source: {source}); ask the vendor.",
)
_UNKNOWN = Text(
    "无法判定 {version} 的维护期限：生命周期数据中没有这个系列。",
    "Cannot tell whether {version} is maintained: the lifecycle data don't have its series.",
)
_NO_LATEST = Text(
    "无法判定 {version} 是否为最新：生命周期数据中没有该系列的最新版本号。",
    "Cannot tell whether {version} is the newest: the lifecycle data don't say.",
)
_BEHIND = Text(
    "正在使用 {version}，该系列已有 {latest}（{published}）：缺少其间的安全和缺陷修复。",
    "{version} is running while the series has {latest} ({published}): the fixes in between are "
    "missing.",
)
_NEWEST = Text("≥ {latest}（{day} 的数据）", ">= {latest} (data of {day})")
_NO_DAY = Text("日期不详", "no date known")


def support(facts: Facts, thresholds: LifecycleThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the days left of the series, and whether a newer release of it is out."""
    told = f"{facts.release} {facts.distribution}".lower()
    if any(name in told for name in _OTHERS):
        failure = Failure(Reason.UNSUPPORTED, facts.release[:255])
        yield not_run("support", failure, _OTHER.format(release=facts.release))
        return
    entry = entry_of(facts)
    today = past.observed_at.date()
    yield _support(facts, entry, thresholds, today)
    yield _minor(facts, entry, thresholds, today)


def entry_of(facts: Facts) -> lifecycle.Entry | None:
    """Return the series of a release: 8.0, 10.11; None for one that is not listed."""
    product = "mariadb" if facts.engine is Engine.MARIADB else "mysql"
    cycle = ".".join(facts.version.split(".")[:2])
    for entry in lifecycle.table().entries:
        if (entry.product, entry.cycle) == (product, cycle):
            return entry
    return None


def _support(
    facts: Facts, entry: lifecycle.Entry | None, thresholds: LifecycleThresholds, today: date
) -> Verdict:
    if entry is None or entry.end_of_support is None:
        failure = Failure(Reason.UNSUPPORTED, f"{facts.engine.value} {facts.version}"[:255])
        return not_run("support", failure, _UNKNOWN.format(version=facts.release or facts.version))
    end = entry.end_of_support
    if entry.end_of_extended and entry.extended_free:
        end = entry.end_of_extended
    left = (end - today).days
    current = Text(f"{entry.label}，{end} 截止", f"{entry.label}, ends {end}")
    if left < 0:
        packaged: Text | str = _PACKAGED if re.search("deb|ubuntu|\\.el", facts.release) else ""
        message = _ENDED.format(label=entry.label, end=f"{end}", days=-left, packaged=packaged)
    else:
        message = _ENDS.format(label=entry.label, days=left)
    if entry.unverified:
        doubt = _UNVERIFIED.format(source=entry.source)
        message = Text(message.zh + doubt.zh, message.en + doubt.en)
    if left < thresholds.critical_days_left:
        made = warning if entry.unverified else critical
        return made("support", current, SUPPORTED, message)
    if left < thresholds.warning_days_left:
        return warning("support", current, SUPPORTED, message)
    if entry.unverified:
        return info("support", current, SUPPORTED, message)
    return ok("support", current, SUPPORTED)


def _minor(
    facts: Facts, entry: lifecycle.Entry | None, thresholds: LifecycleThresholds, today: date
) -> Verdict:
    # Amazon Aurora tells 8.0 and no more.
    if entry is None or not entry.latest or len(_numbers(facts.version)) < 3:
        failure = Failure(Reason.UNSUPPORTED, f"{facts.engine.value} {facts.version}"[:255])
        return not_run("release", failure, _NO_LATEST.format(version=facts.version))
    current = Text.same(facts.version)
    day = f"{lifecycle.table().retrieved_on}"
    reference = _NEWEST.format(latest=entry.latest, day=day)
    if _numbers(facts.version) >= _numbers(entry.latest):
        return ok("release", current, reference)
    published = entry.latest_released
    message = _BEHIND.format(
        version=facts.version,
        latest=entry.latest,
        published=f"{published}" if published else _NO_DAY,
    )
    if published is not None and (today - published).days < thresholds.grace_days:
        return info("release", current, reference, message)
    return warning("release", current, reference, message)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


SUPPORT: Rule[Facts, LifecycleThresholds] = Rule(
    code="MY-021",
    title=Text("版本维护状态", "Support of the release"),
    why=Text(
        "停止维护的系列不再修复安全漏洞和数据损坏类缺陷；同一系列的小版本只含修复，"
        "落后越多，已公开的漏洞越多。",
        "A series past its end gets no fixes, neither for security nor for damage to data; the "
        "small releases of a series are fixes alone, and each one missed is known to attackers.",
    ),
    remedy=Text(
        "小版本：先备份，在测试库升级验证，再安排停机窗口升级（保持同一系列）。系列已停止维护："
        "与业务软件厂商确认支持的 LTS 系列（MySQL 8.4，MariaDB 10.11、11.4、11.8），制定升级计划。",
        "Small release: back up, rehearse on a test server, then upgrade within the series. Past "
        "its end: agree with the application's vendor on an LTS series (MySQL 8.4, MariaDB 10.11, "
        "11.4, 11.8) and plan the move.",
    ),
    priority=1,
    thresholds=LifecycleThresholds,
    evaluate=support,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
