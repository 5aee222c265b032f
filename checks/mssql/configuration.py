"""SQL Server: settings of the instance and its databases, what they open, and what was changed."""

from checks.api import Chapter, Check, Scope, Text
from checks.databases import Database
from checks.errors import part
from checks.mssql import _drift_rules, _setting_rules, _surface_rules
from checks.mssql._rights import SECURITY_STATE
from checks.mssql._settings_facts import (
    ARGUMENTS,
    CONFIGURATIONS,
    INSTANT_FILES,
    OPTIONS,
    PROCESSORS,
    SERVICES,
    SERVICES_WITH_FILES,
    ArgumentRow,
    Configuration,
    Facts,
    Options,
    ProcessorsRow,
    Service,
)


def probe(database: Database) -> Facts:
    """Ask for settings, options, services and trace flags. Raise a ProbeError."""
    services = SERVICES_WITH_FILES if INSTANT_FILES.lets(database.version) else SERVICES
    return Facts(
        version=database.version,
        configurations=database.rows(CONFIGURATIONS, Configuration),
        databases=tuple(
            each for each in database.rows(OPTIONS, Options) if not database.excluded(each.name)
        ),
        services=part(lambda: database.rows(services, Service)),
        trace_flags=part(
            lambda: tuple(row.argument[:255] for row in database.rows(ARGUMENTS, ArgumentRow))
        ),
        processors=part(lambda: database.rows(PROCESSORS, ProcessorsRow)[0].processors),
    )


CHECK = Check(
    title=Text("SQL Server 配置", "SQL Server configuration"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.configurations",
        "sys.databases",
        "sys.dm_server_services",
        "sys.dm_server_registry",
        "sys.dm_os_sys_info",
    ),
    privilege=SECURITY_STATE,
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        _surface_rules.SURFACE,
        _surface_rules.OWNERS,
        _surface_rules.ACCOUNTS,
        _setting_rules.COMPATIBILITY,
        _drift_rules.DRIFT,
        _setting_rules.PARALLELISM,
        _setting_rules.DIAGNOSTICS,
    ),
)
