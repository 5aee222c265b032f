"""SQL Server: do the engine and its Agent run, and do they start with the machine?"""

from collections.abc import Iterator

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
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.databases import Database
from wire.messages import Label, Reason

SERVICES = """
SELECT s.servicename AS name,
       s.startup_type AS startup_type,
       s.status AS status,
       s.is_clustered AS is_clustered,
       CASE WHEN LOWER(s.filename) LIKE N'%sqlservr%' THEN N'engine'
            WHEN LOWER(s.filename) LIKE N'%sqlagent%' THEN N'agent' ELSE N'other' END AS kind
FROM sys.dm_server_services AS s
"""
EDITION = """
SELECT CAST(SERVERPROPERTY('EngineEdition') AS nvarchar(128)) AS engine_edition,
       CASE WHEN CAST(@@VERSION AS nvarchar(300)) LIKE N'%on Linux%' THEN 1 ELSE 0 END AS on_linux
"""
_EXPRESS = 4
_AUTOMATIC = 2
_RUNNING = 4


class Service(Struct, frozen=True, kw_only=True):
    """One service of the instance (sys.dm_server_services)."""

    name: Label
    kind: Label
    """engine, agent or other (full-text, launchpad)."""
    startup_type: int | None = None
    """2 automatic, 3 manual, 4 disabled; 0 and 1 are drivers' kinds."""
    status: int | None = None
    """4 running, 1 stopped, 7 paused; the others are on the way."""
    is_clustered: Label | None = None
    """Y: the cluster starts it, not the machine."""


class EditionRow(Struct, frozen=True, kw_only=True):
    """The answer to EDITION."""

    engine_edition: int | None = None
    on_linux: bool


class Facts(Struct, frozen=True, kw_only=True):
    """The services of one instance."""

    services: tuple[Service, ...]
    express: bool
    on_linux: bool


def probe(database: Database) -> Facts:
    """Ask for the services and the edition. Raise a ProbeError."""
    edition = next(iter(database.rows(EDITION, EditionRow)), EditionRow(on_linux=False))
    return Facts(
        services=database.rows(SERVICES, Service)[:100],
        express=edition.engine_edition == _EXPRESS,
        on_linux=edition.on_linux,
    )


class ServiceThresholds(Thresholds, frozen=True):
    """Nothing to tune."""


_STATUS = {
    1: Text("已停止", "stopped"),
    4: Text("运行中", "running"),
    7: Text("已暂停", "paused"),
}
_STARTUP = {
    2: Text("自动", "automatic"),
    3: Text("手动", "manual"),
    4: Text("禁用", "disabled"),
}
_OTHER = Text("其他", "other")
_SHOWN = Text("{status}，启动类型：{startup}", "{status}, start: {startup}")
_WANTED = Text("运行中，自动启动", "running, automatic start")
_STOPPED = Text(
    "{name} 未运行（{status}）：作业、备份和告警都不会执行。",
    "{name} does not run ({status}): no job, no backup and no alert is done.",
)
_MANUAL = Text(
    "{name} 的启动类型为{startup}，服务器重启后不会自动恢复。",
    "{name} starts by hand ({startup}): it stays down after the next restart of the machine.",
)
_EXPRESS_HAS_NONE = Text(
    "Express 版没有 SQL Server 代理；备份需由 Windows 计划任务完成。",
    "Express has no Agent: backups have to be made by the task scheduler.",
)
_LINUX = Text(
    "Linux 上的服务由 systemd 管理，见主机的服务检查。",
    "On Linux systemd keeps the services: see the host's check of services.",
)


def services(facts: Facts, _thresholds: ServiceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge engine and Agent; other services are the administrator's business."""
    if facts.on_linux:
        yield not_applicable("", _LINUX)
        return
    agents = [service for service in facts.services if service.kind == "agent"]
    engines = [service for service in facts.services if service.kind == "engine"]
    for service in engines:
        yield _judged(service)
    if not engines:
        yield not_run("engine", Failure(Reason.UNSUPPORTED, "sys.dm_server_services: SQL Server"))
    for service in agents:
        yield not_applicable(service.name, _EXPRESS_HAS_NONE) if facts.express else _judged(service)
    if not agents:
        yield (
            not_applicable("SQL Server Agent", _EXPRESS_HAS_NONE)
            if facts.express
            else not_run(
                "SQL Server Agent",
                Failure(Reason.UNSUPPORTED, "sys.dm_server_services: SQL Server Agent"),
            )
        )


def _judged(service: Service) -> Verdict:
    status = _STATUS.get(service.status or 0, _OTHER)
    startup = _STARTUP.get(service.startup_type or 0, _OTHER)
    current = _SHOWN.format(status=status, startup=startup)
    if service.status != _RUNNING:
        message = _STOPPED.format(name=service.name, status=status)
        return critical(service.name, current, _WANTED, message)
    if service.startup_type != _AUTOMATIC and service.is_clustered != "Y":
        message = _MANUAL.format(name=service.name, startup=startup)
        return warning(service.name, current, _WANTED, message)
    return ok(service.name, current, _WANTED)


CHECK = Check(
    title=Text("SQL Server 服务", "SQL Server services"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("sys.dm_server_services", "SERVERPROPERTY (EngineEdition), @@VERSION"),
    privilege=Text(
        "VIEW SERVER STATE（2022 起为 VIEW SERVER SECURITY STATE）",
        "VIEW SERVER STATE (from 2022: VIEW SERVER SECURITY STATE)",
    ),
    rules=(
        Rule(
            code="MSSQL-002",
            title=Text("引擎与代理服务", "Engine and Agent services"),
            why=Text(
                "SQL Server 代理停止后，备份、清理和维护作业都不再执行，却没有人收到报错；"
                "非自动启动的服务在重启后需要人工拉起。",
                "Without the Agent no backup or maintenance job is done, and nobody is told; what "
                "does not start by itself waits for somebody after every restart.",
            ),
            remedy=Text(
                "在 SQL Server 配置管理器中启动服务并设为“自动”，查看代理日志 SQLAGENT.OUT "
                "找出停止的原因。",
                "Start it in SQL Server Configuration Manager, set it to Automatic, and look for "
                "the cause in SQLAGENT.OUT.",
            ),
            priority=1,
            thresholds=ServiceThresholds,
            evaluate=services,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
