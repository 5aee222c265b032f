"""What msdb says of the jobs of SQL Server Agent: facts and queries."""

from checks.api import Failure, Struct
from wire.messages import Count, Label

MOST_JOBS = 500
EDITION = """
SELECT CAST(SERVERPROPERTY('EngineEdition') AS nvarchar(128)) AS engine_edition,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition
"""
EXPRESS = 4
JOBS = f"""
WITH outcomes AS (
  SELECT h.job_id, h.run_status,
         ROW_NUMBER() OVER (PARTITION BY h.job_id ORDER BY h.instance_id DESC) AS newest,
         DATEDIFF(second,
                  DATEADD(second, h.run_time / 10000 * 3600 + h.run_time / 100 % 100 * 60
                                  + h.run_time % 100,
                          TRY_CONVERT(datetime, CAST(h.run_date AS char(8)), 112)),
                  SYSDATETIME()) AS age_seconds
  FROM msdb.dbo.sysjobhistory AS h
  WHERE h.step_id = 0
)
SELECT TOP ({MOST_JOBS + 1}) j.name AS name, j.enabled AS enabled,
       CASE WHEN j.notify_level_email >= 2 OR j.notify_level_netsend >= 2
                 OR j.notify_level_page >= 2 THEN 1 ELSE 0 END AS notifies,
       last_one.run_status AS last_status, last_one.age_seconds AS last_age_seconds,
       COALESCE(week.runs, 0) AS week_runs, COALESCE(week.failures, 0) AS week_failures
FROM msdb.dbo.sysjobs AS j
LEFT JOIN outcomes AS last_one ON last_one.job_id = j.job_id AND last_one.newest = 1
LEFT JOIN (SELECT o.job_id, COUNT(*) AS runs,
                  SUM(CASE WHEN o.run_status = 0 THEN 1 ELSE 0 END) AS failures
           FROM outcomes AS o
           WHERE o.age_seconds <= 604800
           GROUP BY o.job_id) AS week ON week.job_id = j.job_id
ORDER BY j.name
"""  # noqa: S608 - a number of our own
"""step_id 0 is the outcome of the whole job; its date and time are the server's local ones."""
PURPOSES = """
SELECT j.name AS name,
       MAX(CASE WHEN s.command LIKE '%BACKUP DATABASE%' OR s.command LIKE '%BACKUP LOG%'
                     OR s.command LIKE '%DatabaseBackup%' THEN 1 ELSE 0 END) AS backs_up,
       MAX(CASE WHEN s.command LIKE '%CHECKDB%' OR s.command LIKE '%DatabaseIntegrityCheck%'
                THEN 1 ELSE 0 END) AS checks,
       MAX(CASE WHEN s.command LIKE '%ALTER INDEX%' OR s.command LIKE '%DBREINDEX%'
                     OR s.command LIKE '%INDEXDEFRAG%' OR s.command LIKE '%IndexOptimize%'
                THEN 1 ELSE 0 END) AS rebuilds,
       MAX(CASE WHEN s.command LIKE '%UPDATE STATISTICS%' OR s.command LIKE '%updatestats%'
                     OR s.command LIKE '%IndexOptimize%' THEN 1 ELSE 0 END) AS counts,
       MAX(CASE WHEN s.command LIKE '%Maintenance Plans%' THEN 1 ELSE 0 END) AS is_plan
FROM msdb.dbo.sysjobs AS j
JOIN msdb.dbo.sysjobsteps AS s ON s.job_id = j.job_id
GROUP BY j.name
ORDER BY j.name
"""
"""What jobs are for, told by the server: the commands themselves stay there."""
COMMAND_LOG = """
SELECT l.CommandType AS command_type,
       DATEDIFF(second, MAX(l.StartTime), SYSDATETIME()) AS age_seconds
FROM master.dbo.CommandLog AS l
GROUP BY l.CommandType
"""
"""Ola Hallengren's scripts write it, whoever starts them: Express has no Agent."""
ALERTS = """
SELECT a.message_id AS message_id, a.severity AS severity
FROM msdb.dbo.sysalerts AS a
WHERE a.enabled = 1 AND (a.message_id IN (823, 824, 825) OR a.severity >= 19)
"""
OPERATORS = """
SELECT COUNT(*) AS number FROM msdb.dbo.sysoperators AS o WHERE o.enabled = 1
"""


class EditionRow(Struct, frozen=True):
    """The answer to EDITION."""

    engine_edition: int
    edition: str


class Job(Struct, frozen=True):
    """A row of JOBS."""

    name: Label
    enabled: bool
    notifies: bool
    """Somebody is told when it fails."""
    last_status: int | None
    """0 failed, 1 succeeded, 2 is tried again, 3 was cancelled; None: no run is on record."""
    last_age_seconds: float | None
    week_runs: Count
    week_failures: Count


class Purpose(Struct, frozen=True):
    """A row of PURPOSES."""

    name: Label
    backs_up: bool
    checks: bool
    rebuilds: bool
    counts: bool
    """Updates statistics."""
    is_plan: bool
    """A maintenance plan: what it does is not told by its command."""


class Command(Struct, frozen=True):
    """When a command of Ola Hallengren's scripts was last run."""

    command_type: Label
    age_seconds: float


class Alert(Struct, frozen=True):
    """An alert that is switched on."""

    message_id: int
    severity: int


class NumberRow(Struct, frozen=True):
    """The answer to OPERATORS."""

    number: Count


class Facts(Struct, frozen=True):
    """The jobs of the Agent."""

    edition: Label
    has_agent: bool
    jobs: tuple[Job, ...]
    jobs_left_out: bool
    purposes: tuple[Purpose, ...] | Failure
    commands: tuple[Command, ...] | Failure
    """Empty where the scripts are not installed."""
    alerts: tuple[Alert, ...] | Failure
    operators: Count | Failure
