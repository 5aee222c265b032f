"""Settings of an instance and of its databases: facts and queries."""

from checks.api import Failure, Struct
from checks.mssql._gates import Gate
from wire.messages import Count, Label

CONFIGURATIONS = """
SELECT c.name AS name, CAST(c.value AS bigint) AS configured,
       CAST(c.value_in_use AS bigint) AS running
FROM sys.configurations AS c
ORDER BY c.name
"""
OPTIONS = """
SELECT d.name AS name, d.database_id AS number, d.compatibility_level AS compatibility,
       d.collation_name AS collation, SUSER_SNAME(d.owner_sid) AS owner,
       CASE WHEN d.owner_sid = 0x01 THEN 1 ELSE 0 END AS owned_by_sa,
       d.is_trustworthy_on AS trustworthy, d.is_db_chaining_on AS chaining,
       d.state_desc AS state, d.user_access_desc AS access, d.is_read_only AS read_only,
       d.recovery_model_desc AS recovery_model, d.page_verify_option_desc AS page_verify,
       d.is_auto_close_on AS auto_close, d.is_auto_shrink_on AS auto_shrink,
       d.is_auto_create_stats_on AS auto_create_statistics,
       d.is_auto_update_stats_on AS auto_update_statistics,
       d.is_read_committed_snapshot_on AS read_committed_snapshot
FROM sys.databases AS d
WHERE d.source_database_id IS NULL
ORDER BY d.database_id
"""
SERVICES = """
SELECT s.servicename AS name, s.service_account AS account, NULL AS instant_files
FROM sys.dm_server_services AS s
"""
SERVICES_WITH_FILES = """
SELECT s.servicename AS name, s.service_account AS account,
       s.instant_file_initialization_enabled AS instant_files
FROM sys.dm_server_services AS s
"""
"""The newer view says whether files are made at once."""
INSTANT_FILES = Gate("SQL Server 2012 SP4, 2016 SP1", ((11, 0, 7001), (13, 0, 4001)))
SINCE = {"SERVICES_WITH_FILES": INSTANT_FILES}
ARGUMENTS = """
SELECT CAST(r.value_data AS nvarchar(400)) AS argument
FROM sys.dm_server_registry AS r
WHERE r.value_name LIKE N'SQLArg%' AND CAST(r.value_data AS nvarchar(400)) LIKE N'-T%'
ORDER BY CAST(r.value_data AS nvarchar(400))
"""
"""Trace flags of the start: those set later are shown by DBCC alone, which is not asked."""
PROCESSORS = """
SELECT i.cpu_count AS processors FROM sys.dm_os_sys_info AS i
"""


class Configuration(Struct, frozen=True):
    """A row of sys.configurations."""

    name: Label
    configured: int
    running: int


class Options(Struct, frozen=True):
    """A database and its options."""

    name: Label
    number: int
    """1 to 4: master, tempdb, model, msdb."""
    compatibility: int
    collation: Label | None
    owner: Label | None
    owned_by_sa: bool
    trustworthy: bool
    chaining: bool
    state: Label
    access: Label
    read_only: bool
    recovery_model: Label
    page_verify: Label | None
    auto_close: bool
    auto_shrink: bool
    auto_create_statistics: bool | None
    auto_update_statistics: bool | None
    read_committed_snapshot: bool | None


class Service(Struct, frozen=True):
    """A service of the instance."""

    name: Label
    account: Label
    instant_files: Label | None = None
    """Y or N; None: this version does not tell, or it is no database engine."""


class ArgumentRow(Struct, frozen=True):
    """A row of ARGUMENTS."""

    argument: str


class ProcessorsRow(Struct, frozen=True):
    """The answer to PROCESSORS."""

    processors: Count


class Facts(Struct, frozen=True):
    """How instance and databases are set."""

    version: tuple[int, ...]
    configurations: tuple[Configuration, ...]
    databases: tuple[Options, ...]
    services: tuple[Service, ...] | Failure
    trace_flags: tuple[Label, ...] | Failure
    processors: Count | Failure


def running(facts: Facts, name: str) -> int | None:
    """Return the value in use of a setting; None: this version has no such one."""
    return next((each.running for each in facts.configurations if each.name == name), None)


def of_users(facts: Facts) -> tuple[Options, ...]:
    """Return the databases that are not the server's own."""
    own = ("ReportServer", "ReportServerTempDB", "SSISDB", "distribution")
    return tuple(each for each in facts.databases if each.number > 4 and each.name not in own)
