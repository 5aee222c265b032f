"""SQL Server: jobs of the Agent, who is told when they fail, and whether maintenance is done."""

from checks.api import Chapter, Check, Failure, Scope, Text
from checks.databases import Database
from checks.errors import Unsupported, part
from checks.mssql import _job_rules, _maintenance_rules
from checks.mssql._job_facts import (
    ALERTS,
    COMMAND_LOG,
    EDITION,
    EXPRESS,
    JOBS,
    MOST_JOBS,
    OPERATORS,
    PURPOSES,
    Alert,
    Command,
    EditionRow,
    Facts,
    Job,
    NumberRow,
    Purpose,
)


def probe(database: Database) -> Facts:
    """Ask msdb for the jobs. Raise a ProbeError."""
    edition = database.rows(EDITION, EditionRow)[0]
    commands = part(lambda: _commands(database))
    if edition.engine_edition == EXPRESS:
        return Facts(edition.edition, False, (), False, (), commands, (), 0)
    jobs = database.rows(JOBS, Job)
    purposes: tuple[Purpose, ...] | Failure = part(lambda: database.rows(PURPOSES, Purpose))
    alerts: tuple[Alert, ...] | Failure = part(lambda: database.rows(ALERTS, Alert))
    operators = part(lambda: database.rows(OPERATORS, NumberRow)[0].number)
    return Facts(
        edition=edition.edition,
        has_agent=True,
        jobs=jobs[:MOST_JOBS],
        jobs_left_out=len(jobs) > MOST_JOBS,
        purposes=purposes,
        commands=commands,
        alerts=alerts,
        operators=operators,
    )


def _commands(database: Database) -> tuple[Command, ...]:
    try:
        return database.rows(COMMAND_LOG, Command)
    except Unsupported:
        return ()  # the table of these scripts is not there


CHECK = Check(
    title=Text("SQL Server 代理作业", "SQL Server Agent jobs"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "SERVERPROPERTY",
        "msdb.dbo.sysjobs, msdb.dbo.sysjobhistory, msdb.dbo.sysjobsteps",
        "msdb.dbo.sysalerts, msdb.dbo.sysoperators",
        "master.dbo.CommandLog",
    ),
    privilege=Text(
        "msdb 中 sysjobs、sysjobhistory、sysjobsteps、sysalerts、sysoperators 的 SELECT；"
        "如有 master.dbo.CommandLog，再加其 SELECT",
        "SELECT on sysjobs, sysjobhistory, sysjobsteps, sysalerts and sysoperators in msdb, and "
        "on master.dbo.CommandLog where it exists",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(_job_rules.JOBS, _job_rules.NOTIFICATION, _maintenance_rules.MAINTENANCE),
)
