"""PostgreSQL: minor releases that were not installed, and the end of the major version."""

from collections.abc import Iterator
from typing import Annotated

from checks import lifecycle
from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.databases import Engine, Instance, instance_of
from checks.postgresql._lifecycle import entry_of, minors_behind
from wire.messages import Reason

_KINGBASE = Text(
    "人大金仓的补丁和支持期限由厂商另行发布，不按 PostgreSQL 判断。",
    "Patches and support of KingbaseES are the vendor's own, not those of PostgreSQL.",
)
_UNKNOWN = Text(
    "版本资料中没有 PostgreSQL {version}，无法判断。",
    "The lifecycle data don't know PostgreSQL {version}.",
)


class MinorThresholds(Thresholds, frozen=True):
    """How many minor releases, and for how long."""

    warning_releases: Annotated[int, limit("releases", "PGA minor_version; PCK A002")] = 1
    critical_above_releases: Annotated[int, limit("releases", "catalogue PG-029: more than 2")] = 2
    critical_months: Annotated[float, limit("months", "catalogue PG-029: 12 months")] = 12


_BEHIND = Text(
    "正在运行 {version}，已知最新的小版本是 {latest}（{at} 发布），落后 {count} 个版本。",
    "{version} is running; the newest known is {latest} (of {at}), {count} releases later.",
)
_NEWEST = Text("{latest}（资料截至 {read}）", "{latest} (as known on {read})")


def minor(facts: Instance, thresholds: MinorThresholds, past: Past[Instance]) -> Iterator[Verdict]:
    """Judge how many minor releases the server is behind the newest that is known."""
    entry, refused = _entry(facts)
    if refused is not None:
        yield refused
        return
    assert entry is not None
    behind = minors_behind(facts.version, entry)
    if behind is None or entry.latest_released is None:
        yield _unknown(facts.version)
        return
    current = Text.same(facts.version)
    reference = _NEWEST.format(latest=entry.latest, read=lifecycle.table().retrieved_on.isoformat())
    if behind < thresholds.warning_releases:
        yield ok("", current, reference)
        return
    months = (past.observed_at.date() - entry.latest_released).days / 30.44
    late = behind > thresholds.critical_above_releases or months > thresholds.critical_months
    message = _BEHIND.format(
        version=facts.version,
        latest=entry.latest,
        at=entry.latest_released.isoformat(),
        count=behind,
    )
    yield (critical if late else warning)("", current, reference, message)


class MajorThresholds(Thresholds, frozen=True):
    """Days until the last fix of the major version."""

    warning_days: Annotated[float, limit("d", "PCK A002: the last year")] = 365
    critical_days: Annotated[float, limit("d", "EOL: the published last day")] = 0


_ENDED = Text(
    "PostgreSQL {cycle} 已于 {end} 停止维护，不再有安全和数据损坏方面的修复。",
    "PostgreSQL {cycle} ended on {end}: no more fixes, not even for security or corruption.",
)
_ENDS = Text(
    "PostgreSQL {cycle} 将于 {end} 停止维护，还有 {left} 天。",
    "PostgreSQL {cycle} ends on {end}, in {left} days.",
)
_END = Text("{version}，{end} 停止维护", "{version}, ends {end}")
_SUPPORTED = Text("在维护期内", "supported")


def major(facts: Instance, thresholds: MajorThresholds, past: Past[Instance]) -> Iterator[Verdict]:
    """Judge the days until the major version gets no more fixes."""
    entry, refused = _entry(facts)
    if refused is not None:
        yield refused
        return
    assert entry is not None
    if entry.end_of_support is None:
        yield _unknown(facts.version)
        return
    end = entry.end_of_support
    left = (end - past.observed_at.date()).days
    current = _END.format(version=facts.version, end=end.isoformat())
    values: dict[str, str | float] = {"cycle": entry.cycle, "end": end.isoformat(), "left": left}
    if left < thresholds.critical_days:
        yield critical("", current, _SUPPORTED, _ENDED.format(**values))
    elif left < thresholds.warning_days:
        yield warning("", current, _SUPPORTED, _ENDS.format(**values))
    else:
        yield ok("", current, _SUPPORTED)


def _entry(facts: Instance) -> tuple[lifecycle.Entry | None, Verdict | None]:
    """Return the entry, or the verdict that there is none to hold the instance against."""
    if facts.engine is Engine.KINGBASE:
        return None, not_applicable("", _KINGBASE)
    entry = entry_of(facts.version)
    return (entry, None) if entry is not None else (None, _unknown(facts.version))


def _unknown(version: str) -> Verdict:
    failure = Failure(Reason.UNSUPPORTED, f"PostgreSQL {version}")
    return not_run("", failure, _UNKNOWN.format(version=version))


CHECK = Check(
    title=Text("PostgreSQL 版本", "PostgreSQL release"),
    chapter=Chapter.DATABASE,
    facts=Instance,
    probe=instance_of,
    systems=("linux", "windows"),
    target="postgresql",
    reads=("version()", "server_version_num"),
    privilege=Text("任意账号", "any account"),
    rules=(
        Rule(
            code="PG-029",
            title=Text("小版本更新", "Minor release"),
            why=Text(
                "小版本只修复缺陷：安全漏洞、崩溃、数据损坏和索引错误，不改功能，"
                "不装就一直带着已公开的问题运行。",
                "Minor releases hold nothing but fixes, of security, crashes and corruption; "
                "without "
                "them the server runs with faults that everybody can read about.",
            ),
            remedy=Text(
                "备份后在维护窗口升级到同一大版本的最新小版本并重启（无需导出导入）；"
                "升级前看发行说明里是否要求 REINDEX。",
                "After a backup, update to the newest release of the same major version in a "
                "maintenance window and restart (no dump and restore); the release notes tell "
                "whether a REINDEX is needed.",
            ),
            priority=1,
            thresholds=MinorThresholds,
            evaluate=minor,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-030",
            title=Text("大版本维护期", "End of the major version"),
            why=Text(
                "每个大版本维护约五年；到期后发现的安全漏洞和数据损坏缺陷都不再修复。",
                "A major version is kept up for about five years; faults that are found "
                "afterwards are never fixed.",
            ),
            remedy=Text(
                "与应用厂商确认支持的版本，先在测试环境演练 pg_upgrade（或逻辑复制），"
                "核对扩展和排序规则，"
                "再排期升级；升级后执行 vacuumdb --all --analyze-in-stages。",
                "Ask the vendor which versions the application supports, rehearse pg_upgrade (or "
                "logical replication), look at extensions and collations, and plan it; afterwards "
                "run vacuumdb --all --analyze-in-stages.",
            ),
            priority=1,
            thresholds=MajorThresholds,
            evaluate=major,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
