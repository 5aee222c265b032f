"""SQL Server: does the instance answer, and what is it?"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
)
from checks.databases import Database, Instance, instance_of
from checks.errors import UnexpectedOutput, Unreachable
from checks.wording import duration
from wire.messages import Label

PROPERTIES = """
SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name,
       CAST(SERVERPROPERTY('InstanceName') AS nvarchar(128)) AS instance_name,
       CAST(SERVERPROPERTY('MachineName') AS nvarchar(128)) AS machine_name,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       CAST(SERVERPROPERTY('EngineEdition') AS nvarchar(128)) AS engine_edition,
       CAST(SERVERPROPERTY('Collation') AS nvarchar(128)) AS collation_name,
       CAST(SERVERPROPERTY('IsClustered') AS nvarchar(128)) AS is_clustered,
       CAST(SERVERPROPERTY('IsHadrEnabled') AS nvarchar(128)) AS is_hadr_enabled
"""


class Server(Struct, frozen=True, kw_only=True):
    """The answer to PROPERTIES; NULL for what a version does not know."""

    server_name: Label | None = None
    """MACHINE\\INSTANCE; of a cluster its virtual name."""
    instance_name: Label | None = None
    """None: the default instance."""
    machine_name: Label | None = None
    edition: Label | None = None
    engine_edition: int | None = None
    """2 Standard, 3 Enterprise, Evaluation and Developer, 4 Express."""
    collation_name: Label | None = None
    is_clustered: bool | None = None
    """A failover cluster instance."""
    is_hadr_enabled: bool | None = None
    """Availability groups are switched on."""


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What answered, or why nothing did."""

    instance: Instance | None = None
    server: Server | None = None
    silent: Failure | None = None
    """The server can't be reached; a refused account is no fact but a failure of the check."""


def probe(database: Database) -> Facts:
    """Sign in and ask for the properties of the server. Raise a ProbeError."""
    try:
        instance = instance_of(database)
    except Unreachable as error:
        return Facts(silent=error.failure())
    rows = database.rows(PROPERTIES, Server)
    if not rows:
        raise UnexpectedOutput("SERVERPROPERTY", "no row")
    return Facts(instance=instance, server=rows[0])


class ConnectionThresholds(Thresholds, frozen=True):
    """How long connecting and signing in may take."""

    warning_seconds: Annotated[float, limit("s", "CMH connection-time 1 s")] = 1
    critical_seconds: Annotated[float, limit("s", "CMH connection-time 5 s")] = 5


_SILENT = Text(
    "无法连接数据库实例（{subject}）：{detail}",
    "The instance can't be reached ({subject}): {detail}",
)
_SLOW = Text(
    "连接并登录实例 {name} 用了 {taken}。", "Connecting and signing in to {name} took {taken}."
)
_SHOWN = Text("{taken}；{what}", "{taken}; {what}")


def connects(
    facts: Facts, thresholds: ConnectionThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge whether the instance answers, and how fast."""
    reference = Text("< {limit}", "< {limit}").format(limit=duration(thresholds.warning_seconds))
    if facts.instance is None:
        failure = facts.silent
        subject, detail = (failure.subject, failure.detail) if failure else ("", "")
        message = _SILENT.format(subject=subject, detail=detail[:500])
        yield critical("", Text("无法连接", "not reachable"), reference, message)
        return
    taken = duration(facts.instance.login_seconds)
    state = grade(
        facts.instance.login_seconds, thresholds.warning_seconds, thresholds.critical_seconds
    )
    name = facts.server.server_name if facts.server and facts.server.server_name else ""
    message = _SLOW.format(name=name, taken=taken)
    current = _SHOWN.format(taken=taken, what=_what(facts))
    yield Verdict("", state, current, reference, None if state is State.OK else message)


def _what(facts: Facts) -> Text:
    """Return the instance in a line: name, edition, version, cluster."""
    server = facts.server
    if server is None or facts.instance is None:
        return Text("", "")
    named = " ".join(part for part in (server.server_name, server.edition) if part)
    flags_zh = ["故障转移集群"] if server.is_clustered else []
    flags_en = ["failover cluster"] if server.is_clustered else []
    if server.is_hadr_enabled:
        flags_zh.append("已启用可用性组")
        flags_en.append("availability groups enabled")
    line = f"{named} {facts.instance.version}"
    return Text("，".join([line, *flags_zh]), ", ".join([line, *flags_en]))


CHECK = Check(
    title=Text("SQL Server 实例", "SQL Server instance"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("SERVERPROPERTY (ServerName, Edition, IsClustered, IsHadrEnabled …), @@VERSION",),
    privilege=Text("CONNECT SQL", "CONNECT SQL"),
    rules=(
        Rule(
            code="MSSQL-001",
            title=Text("实例连接", "Connection to the instance"),
            why=Text(
                "连不上或登录很慢时，ERP 的所有用户都会受影响；常见原因是服务停止、网络、域控或 "
                "DNS 故障。",
                "Where nobody can sign in, or only slowly, every user of the ERP suffers: a "
                "stopped "
                "service, the network, the domain controller or DNS.",
            ),
            remedy=Text(
                "检查 SQL Server 服务、TCP/IP 协议和端口（命名实例还有 SQL Browser）、防火墙；"
                "登录慢时检查 DNS 反向解析、域控响应和服务器负载。",
                "Look at the service, TCP/IP and its port (SQL Browser for named instances) and "
                "the "
                "firewall; where signing in is slow at DNS, the domain controllers and the load.",
            ),
            priority=1,
            thresholds=ConnectionThresholds,
            evaluate=connects,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
