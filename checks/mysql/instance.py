"""The instance itself: does it answer, since when does it run, is its release still maintained?"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    ok,
)
from checks.databases import Database, Instance, instance_of
from checks.judging import judged
from checks.mysql import TARGET, _lifecycle
from checks.mysql._lifecycle import Facts
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, number, settings, switched_on
from checks.wording import duration

STATUS = "SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'"
VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', "
    "'version_comment')"
)


def probe(database: Database) -> Facts:
    """Sign in, and ask since when the server runs. Raise a ProbeError."""
    found: Instance = instance_of(database)
    variables = settings(database, VARIABLES)
    return Facts(
        engine=found.engine,
        version=found.version,
        release=found.release,
        login_seconds=found.login_seconds,
        uptime_seconds=number(settings(database, STATUS), "uptime") or 0,
        # MariaDB 12 has more words than ON for it.
        read_only=variables.get("read_only", "OFF").upper() not in ("OFF", "0"),
        super_read_only=switched_on(variables, "super_read_only"),
        distribution=variables.get("version_comment", "")[:200],
    )


class ConnectThresholds(Thresholds, frozen=True):
    """How long signing in may take, and how young a server is news."""

    warning_seconds: Annotated[float, limit("s", "catalogue MY-001")] = 1
    critical_seconds: Annotated[float, limit("s", "catalogue MY-001")] = 5
    young_seconds: Annotated[float, limit("s", "MT 86400 s")] = 86400


_SLOW = Text(
    "登录用了 {time}：请查看网络、DNS 反向解析（skip_name_resolve）和服务器负载。",
    "Signing in took {time}: look at the network, reverse DNS (skip_name_resolve) and the load.",
)
_YOUNG = Text(
    "实例在 {time}前启动过：若不是计划内的重启，请查看错误日志中的原因。",
    "The server was started {time} ago: if nobody planned it, its error log tells why.",
)


def connecting(
    facts: Facts, thresholds: ConnectThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge how long signing in took, and tell of a recent start."""
    yield judged(
        "login",
        facts.login_seconds,
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=duration,
        message=_SLOW.format(time=duration(facts.login_seconds)),
    )
    read_only = (
        Text("，只读", ", read-only") if facts.read_only or facts.super_read_only else Text("", "")
    )
    current = Text(
        "{release}{read_only}，已运行 {time}", "{release}{read_only}, up for {time}"
    ).format(release=facts.version, read_only=read_only, time=duration(facts.uptime_seconds))
    reference = Text("> {limit}", "> {limit}").format(limit=duration(thresholds.young_seconds))
    if facts.uptime_seconds < thresholds.young_seconds:
        message = _YOUNG.format(time=duration(facts.uptime_seconds))
        yield info("uptime", current, reference, message)
    else:
        yield ok("uptime", current, reference)


CONNECTING: Rule[Facts, ConnectThresholds] = Rule(
    code="MY-001",
    title=Text("连接与运行时间", "Connecting and uptime"),
    why=Text(
        "登录都慢，业务的每次建连都慢；没有人知道的重启往往是崩溃或内存不足被系统杀掉。",
        "Where signing in is slow every connection of the application is; a start that nobody "
        "knows of is often a crash or the kernel's out-of-memory killer.",
    ),
    remedy=Text(
        "登录慢：设置 skip_name_resolve=ON，检查网络与负载。意外重启：查看错误日志和"
        "系统日志（dmesg 中的 Out of memory）。",
        "Slow: set skip_name_resolve=ON, look at network and load. An unplanned start: read the "
        "error log and the kernel's (Out of memory in dmesg).",
    ),
    priority=1,
    thresholds=ConnectThresholds,
    evaluate=connecting,
    owner=Owner.DATABASE_ADMINISTRATOR,
)

CHECK: Check[Facts] = Check(
    title=Text("MySQL 实例与版本", "MySQL instance and release"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SELECT VERSION()", "SHOW GLOBAL STATUS (Uptime)", "SHOW GLOBAL VARIABLES"),
    privilege=ANY_ACCOUNT,
    rules=(CONNECTING, _lifecycle.SUPPORT),
)
