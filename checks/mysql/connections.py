"""Connections: how near the limit they came, and how many were broken off."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    limit,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput
from checks.judging import judged
from checks.mysql import TARGET
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, grown, number, settings, too_few
from checks.wording import duration, percent

STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected', "
    "'Max_used_connections', 'Connections', 'Aborted_connects', 'Aborted_clients', "
    "'Connection_errors_max_connections')"
)
VARIABLES = "SHOW GLOBAL VARIABLES WHERE Variable_name = 'max_connections'"


class Facts(Struct, frozen=True):
    """Connections now, at their peak and since the start."""

    max_connections: int
    connected: int
    peak: int
    """Most at one time since the start or the last FLUSH STATUS."""
    uptime_seconds: float
    counters: Mapping[str, int]
    """connections, aborted_connects, aborted_clients, and refused where the version counts them:
    since the start."""


def probe(database: Database) -> Facts:
    """Ask the counters of connections. Raise a ProbeError."""
    status = settings(database, STATUS)
    most = number(settings(database, VARIABLES), "max_connections")
    connected, peak = number(status, "threads_connected"), number(status, "max_used_connections")
    if not most or connected is None or peak is None:
        raise UnexpectedOutput("SHOW GLOBAL STATUS", "no counters of connections")
    names = {
        "connections": "connections",
        "aborted_connects": "aborted_connects",
        "aborted_clients": "aborted_clients",
        "refused": "connection_errors_max_connections",
    }
    counted = {name: number(status, key) for name, key in names.items()}
    return Facts(
        max_connections=most,
        connected=connected,
        peak=peak,
        uptime_seconds=number(status, "uptime") or 0,
        counters={name: value for name, value in counted.items() if value is not None},
    )


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the share of connections in use."""
    yield Measure("used_percent", "", 100 * facts.connected / facts.max_connections)


class PeakThresholds(Thresholds, frozen=True):
    """Share of max_connections in use at the peak since the start."""

    warning_percent: Annotated[float, limit("%", "DBC 80; MT 85; ND 60-90")] = 80
    critical_percent: Annotated[float, limit("%", "DBC 90")] = 90


class AbortedThresholds(Thresholds, frozen=True):
    """Share of connections that were broken off."""

    warning_percent: Annotated[float, limit("%", "MT 3 %")] = 3
    critical_percent: Annotated[float, limit("%", "catalogue MY-003")] = 10
    least_connections: Annotated[int, limit("connections", "OWN: fewer say nothing")] = 100


_PEAK = Text(
    "连接数最高到过 {peak}（上限 {most}，占 {share}），现在 {now}，统计始于 {time}前。{refused}",
    "At the peak {peak} of {most} connections ({share}) were in use, {now} now; counted for "
    "{time}.{refused}",
)
_REFUSED = Text(
    "期间有 {count} 次连接因达到上限被拒绝。", " {count} were refused because of the limit."
)
_ABORTED_CONNECTS = Text(
    "{window}有 {found} 次登录失败或未完成（占 {share}）：账号口令错误、主机被拒、"
    "负载均衡的端口探测都会计入。",
    "{found} attempts to sign in failed ({share}), {window}: wrong passwords, refused hosts, and "
    "probes of the port by load balancers count.",
)
_ABORTED_CLIENTS = Text(
    "{window}有 {found} 个连接没有正常关闭（占 {share}）：程序退出、网络中断、"
    "wait_timeout 或 max_allowed_packet 到限。",
    "{found} connections ended without closing ({share}), {window}: a client that died, the "
    "network, wait_timeout or max_allowed_packet.",
)


def peak(facts: Facts, thresholds: PeakThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the peak of connections against the limit; the one kept for SUPER counts in it."""
    share = 100 * max(facts.peak, facts.connected) / facts.max_connections
    refused = facts.counters.get("refused", 0)
    yield judged(
        "",
        share,
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=_PEAK.format(
            peak=facts.peak,
            most=facts.max_connections,
            share=percent(share),
            now=facts.connected,
            time=duration(facts.uptime_seconds),
            refused=_REFUSED.format(count=refused) if refused else "",
        ),
    )


def aborted(facts: Facts, thresholds: AbortedThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the share of connections broken off while signing in, and afterwards."""
    found, window = grown(facts.counters, facts.uptime_seconds, past)
    total = found.get("connections", 0)
    for name, message in (
        ("aborted_connects", _ABORTED_CONNECTS),
        ("aborted_clients", _ABORTED_CLIENTS),
    ):
        if total < thresholds.least_connections:
            what = Text("次连接", "connections")
            yield too_few(name, what, total, thresholds.least_connections)
            continue
        share = 100 * found.get(name, 0) / total
        yield judged(
            name,
            share,
            thresholds.warning_percent,
            thresholds.critical_percent,
            show=percent,
            message=message.format(
                window=window.words, found=found.get(name, 0), share=percent(share)
            ),
        )


CHECK: Check[Facts] = Check(
    title=Text("MySQL 连接", "MySQL connections"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("MySQL 连接使用率", "MySQL connections in use"),
            "%",
            rule="MY-002",
            warning="warning_percent",
            critical="critical_percent",
        ),
    ),
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL STATUS", "SHOW GLOBAL VARIABLES (max_connections)"),
    privilege=ANY_ACCOUNT,
    rules=(
        Rule(
            code="MY-002",
            title=Text("连接数使用率", "Use of max_connections"),
            why=Text(
                "达到 max_connections 后新连接一律被拒绝（Too many connections），业务整体不可用。",
                "At max_connections every new connection is refused (Too many connections) and "
                "the application stands still.",
            ),
            remedy=Text(
                "先查 SHOW PROCESSLIST 中大量 Sleep 的来源，收紧应用连接池和 wait_timeout；"
                "确需更多时再调大 max_connections（同时核算内存，见 MY-011）。"
                "处理后执行 FLUSH STATUS 让峰值重新统计（其他状态计数器也会清零）。",
                "Find who holds sleeping connections (SHOW PROCESSLIST), tighten the pool and "
                "wait_timeout; raise max_connections only with the memory for it (MY-011). "
                "FLUSH STATUS afterwards starts the peak anew, and sets other counters to zero, "
                "too.",
            ),
            priority=1,
            thresholds=PeakThresholds,
            evaluate=peak,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-003",
            title=Text("异常断开的连接", "Aborted connections"),
            why=Text(
                "大量登录失败可能是口令过期、程序配错或有人猜口令；大量异常断开说明网络不稳"
                "或程序没有正常关闭连接。",
                "Many failed sign-ins are an expired password, a wrong setting or somebody "
                "guessing; many that end without closing tell of the network or of clients that "
                "die.",
            ),
            remedy=Text(
                "设置 log_error_verbosity=3（MariaDB：log_warnings=2）后在错误日志中看是哪个账号、"
                "来自哪台主机；再核对口令、防火墙和连接池的保活设置。",
                "Set log_error_verbosity=3 (MariaDB: log_warnings=2); the error log then names "
                "account and host. Then check passwords, firewalls and the pool's keep-alive.",
            ),
            priority=2,
            thresholds=AbortedThresholds,
            evaluate=aborted,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
