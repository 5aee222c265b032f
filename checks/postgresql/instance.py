"""The instance: who answers, how fast, since when, and whether it is primary or standby."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    ok,
    warning,
)
from checks.databases import Database, Instance, instance_of
from checks.judging import judged
from checks.wording import duration
from wire.messages import Moment

SERVER = """
SELECT pg_is_in_recovery() AS standby, pg_postmaster_start_time() AS started_at,
       EXTRACT(epoch FROM clock_timestamp() - pg_postmaster_start_time()) AS up_seconds
"""
_SAME_START = timedelta(seconds=5)
"""The server computes its start anew where the system's clock is set."""


class Facts(Struct, frozen=True):
    """What answered."""

    instance: Instance
    standby: bool
    started_at: Moment
    """By the server's clock."""
    up_seconds: float


class _Server(Struct, frozen=True):
    standby: bool
    started_at: Moment
    up_seconds: float


def probe(database: Database) -> Facts:
    """Sign in and ask who is there."""
    instance = instance_of(database)
    server = database.rows(SERVER, _Server)[0]
    return Facts(instance, server.standby, server.started_at, server.up_seconds)


class ConnectThresholds(Thresholds, frozen=True):
    """How long connecting and signing in may take."""

    warning_seconds: Annotated[float, limit("s", "CMH connection-time 1 s")] = 1
    critical_seconds: Annotated[float, limit("s", "CMH connection-time 5 s")] = 5


_SLOW = Text(
    "连接并登录 {release} 用了 {seconds}，应用建立新连接时也会这样慢。",
    "Connecting to {release} and signing in took {seconds}; so it does for applications.",
)
_PRIMARY = Text("主库", "primary")
_STANDBY = Text("备库（只读）", "standby (read-only)")
_BASELINE = Text("与上次巡检相同", "as at the inspection before")
_SWITCHED = Text(
    "上次巡检时为{before}，现在为{now}：发生过主备切换。请确认切换是计划内的，应用和备份已指向新的主库。",
    "It was a {before} at the inspection before and is a {now} now: make sure that the switch was "
    "planned, and that applications and backups use the new primary.",
)
_RUNNING = Text("已运行 {time}", "up for {time}")
_RESTARTED = Text(
    "上次巡检以来数据库重启过，启动于 {at:%Y-%m-%d %H:%M} UTC。如非计划内重启，请查看服务器日志。",
    "It was started anew since the inspection before, at {at:%Y-%m-%d %H:%M} UTC. Where nobody "
    "planned that, read the server's log.",
)


def answers(facts: Facts, thresholds: ConnectThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the time of connecting, and tell switches of role and restarts since the last look."""
    seconds = facts.instance.login_seconds
    yield judged(
        "",
        seconds,
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=duration,
        message=_SLOW.format(
            release=f"PostgreSQL {facts.instance.version}", seconds=duration(seconds)
        ),
    )
    before = past.previous
    role = _role(facts)
    if before is not None and before.standby != facts.standby:
        message = _SWITCHED.format(before=_role(before), now=role)
        yield warning("role", role, _BASELINE, message)
    else:
        yield ok("role", role, _BASELINE)
    running = _RUNNING.format(time=duration(facts.up_seconds))
    if before is not None and facts.started_at - before.started_at > _SAME_START:
        at = facts.started_at
        message = Text(_RESTARTED.zh.format(at=at), _RESTARTED.en.format(at=at))
        yield info("uptime", running, _BASELINE, message)
    else:
        yield ok("uptime", running, _BASELINE)


def _role(facts: Facts) -> Text:
    return _STANDBY if facts.standby else _PRIMARY


CHECK = Check(
    title=Text("PostgreSQL 实例", "PostgreSQL instance"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    reads=("version()", "pg_is_in_recovery()", "pg_postmaster_start_time()"),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-001",
            title=Text("数据库可连接与角色", "Instance answers"),
            why=Text(
                "数据库连不上或连接很慢，业务系统就不可用或卡顿；不知情的重启和主备切换往往是故障的痕迹。",
                "Where the database does not answer, or slowly, the application stands still; "
                "restarts and switches that nobody planned are traces of trouble.",
            ),
            remedy=Text(
                "检查数据库服务、监听地址和防火墙；登录慢时查看 DNS 反向解析（log_hostname）、"
                "LDAP 等外部认证、连接数和主机负载；重启和切换的原因查看服务器日志。",
                "Check service, listen_addresses and firewall; where signing in is slow, look at "
                "reverse DNS (log_hostname), LDAP, the number of connections and the host's load; "
                "the server's log tells why it was restarted or promoted.",
            ),
            priority=1,
            thresholds=ConnectThresholds,
            evaluate=answers,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
