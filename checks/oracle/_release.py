"""Oracle: the end of support, the Release Update, and the last run of datapatch (ORA-016).

Branches before 18 have no Release Updates to compare: their support has ended.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from checks import lifecycle
from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_run,
    ok,
    warning,
)
from checks.judging import missing
from checks.oracle._instance_facts import Facts, PatchRow
from checks.wording import days
from wire.messages import Reason

_RELEASE_UPDATES_FROM = (18,)


class ReleaseThresholds(Thresholds, frozen=True):
    """Release Updates come each quarter; support ends as the vendor published."""

    warning_updates_behind: Annotated[int, limit("releases", "EOL data; catalogue ORA-016")] = 3
    warning_days_left: Annotated[float, limit("d", "OWN: one budget round")] = 180
    count_extended: Annotated[
        bool, limit("yes/no", "OWN: true where the customer pays for Extended Support")
    ] = False


def release(facts: Facts, thresholds: ReleaseThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the end of support, the Release Update, and the last run of datapatch."""
    version = tuple(int(part) for part in facts.server.version.split("."))
    old = version < _RELEASE_UPDATES_FROM
    cycle = ".".join(str(part) for part in version[:2]) if old else str(version[0])
    entry = lifecycle.find("oracle-database", cycle)
    if entry is None or entry.end_of_support is None:
        failure = Failure(Reason.UNSUPPORTED, f"Oracle Database {facts.server.version}"[:255])
        message = Text(
            f"生命周期数据中没有 Oracle {cycle}，无法判定支持期限和补丁级别。",
            f"The lifecycle data hold no Oracle {cycle}: nothing can be said.",
        )
        yield not_run("support", failure, message)
        return
    end = entry.end_of_support
    if thresholds.count_extended and entry.end_of_extended is not None:
        end = entry.end_of_extended
    yield _support(entry.label, end, thresholds, past)
    if not old:
        yield _update(version, entry, thresholds)
    yield from _patches(facts.patches)


def _support(label: str, end: date, thresholds: ReleaseThresholds, past: Past[Facts]) -> Verdict:
    left = (end - past.observed_at.date()).days
    state = grade(left, thresholds.warning_days_left, 0, lower_is_worse=True)
    message = Text(
        "{label} 的厂商支持到 {end}（剩余 {left}），之后不再有安全补丁。",
        "The vendor supports {label} until {end} ({left} left); no security fixes after that.",
    )
    if left <= 0:
        message = Text(
            "{label} 的厂商支持已于 {end} 结束，不再有安全补丁。",
            "The vendor's support of {label} ended on {end}: there are no security fixes any more.",
        )
    told = message.format(label=label, end=end.isoformat(), left=days(left))
    reference = Text("厂商支持期内", "within the vendor's support")
    current = Text(f"支持到 {end}", f"supported until {end}")
    return Verdict("support", state, current, reference, None if state is State.OK else told)


def _update(
    version: tuple[int, ...], entry: lifecycle.Entry, thresholds: ReleaseThresholds
) -> Verdict:
    installed = ".".join(str(part) for part in version[:3])
    if not entry.latest:
        failure = Failure(Reason.UNSUPPORTED, f"newest Release Update of {entry.label}"[:255])
        return not_run("release_update", failure)
    newest = tuple(int(part) for part in entry.latest.split("."))
    behind = max(0, _ordinal(newest) - _ordinal(version))
    current, reference = Text.same(installed), Text.same(f"≥ {entry.latest}")
    if behind < thresholds.warning_updates_behind:
        return ok("release_update", current, reference)
    message = Text(
        f"当前 RU 为 {installed}，落后最新的 {entry.latest}（{entry.latest_released}）约 {behind} "
        "个季度。",
        f"Release Update {installed} is about {behind} quarters behind {entry.latest} "
        f"({entry.latest_released}).",
    )
    return warning("release_update", current, reference, message)


def _ordinal(version: tuple[int, ...]) -> int:
    """Return the place of a Release Update in its line: 19.24 → 24; 23.9 is before 23.26.0."""
    padded = (*version, 0, 0)
    if version[0] >= 23 and padded[1] >= 26:
        return 10 + 4 * (padded[1] - 26) + padded[2]
    return padded[1]


def _patches(patches: tuple[PatchRow, ...] | Failure) -> Iterator[Verdict]:
    if isinstance(patches, Failure):
        yield from missing(patches, "datapatch")
        return
    if not patches:
        return
    last = patches[0]
    shown = Text.same(f"{last.action} {last.status}: {last.description or ''}"[:200])
    reference = Text.same("SUCCESS")
    if last.status == "SUCCESS":
        yield ok("datapatch", shown, reference)
        return
    message = Text(
        f"最近一次 datapatch 的结果是 {last.status}，补丁的 SQL 部分没有生效。",
        f"The last run of datapatch ended as {last.status}: the patch's SQL is not in effect.",
    )
    yield warning("datapatch", shown, reference, message)


RELEASE = Rule(
    code="ORA-016",
    title=Text("版本与补丁级别", "Release and patch level"),
    why=Text(
        "过了支持期或长期不打 RU 的数据库带着已公开的安全漏洞和会损坏数据的缺陷运行。",
        "A release out of support, or without Release Updates, runs with published "
        "vulnerabilities and with bugs that corrupt data.",
    ),
    remedy=Text(
        "在测试环境验证后，按季度安装最新 RU（opatch 与 datapatch），事先做好备份；"
        "已停止支持的版本规划升级到 19c 或 23ai。",
        "Install the newest Release Update each quarter (opatch, then datapatch) after a "
        "test and a backup; plan the upgrade of unsupported releases to 19c or 23ai.",
    ),
    priority=1,
    thresholds=ReleaseThresholds,
    evaluate=release,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
