"""Oracle's own history of RMAN jobs, as agent and checks read it. Pure.

Dates of the views are the server's local time without a zone: read by the offset it has today,
wrong by an hour for jobs before a change of the clocks.

Written from Oracle's reference (11.2 and newer); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from checks.backup_sets import Form
from checks.errors import UnexpectedOutput
from checks.msdb import local_time, text_of

Row = Mapping[str, object]

DATABASE = """
SELECT d.name AS name,
       d.log_mode AS log_mode,
       i.version AS version,
       TO_CHAR(SYSTIMESTAMP, 'TZH:TZM') AS zone
FROM v$database d CROSS JOIN v$instance i
"""
JOBS = """
SELECT TO_CHAR(j.session_recid) || '/' || TO_CHAR(j.session_stamp) AS id,
       j.input_type AS input_type,
       j.status AS status,
       TO_CHAR(j.start_time, 'YYYY-MM-DD"T"HH24:MI:SS') AS started,
       TO_CHAR(j.end_time, 'YYYY-MM-DD"T"HH24:MI:SS') AS ended,
       j.output_bytes AS output_bytes,
       (SELECT MIN(s.incremental_level) FROM v$backup_set_details s
        WHERE s.session_recid = j.session_recid AND s.session_stamp = j.session_stamp)
           AS lowest_level
FROM v$rman_backup_job_details j
WHERE j.start_time > SYSDATE - 400
"""


class Database(Struct, frozen=True):
    """The database that answered."""

    name: str
    version: str
    offset: timedelta
    archives: bool
    """It runs in ARCHIVELOG mode."""


class Job(Struct, frozen=True, kw_only=True):
    """One job of RMAN."""

    id: str
    input_type: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    bytes: int | None
    lowest_level: int | None
    """0: an incremental backup that holds everything, and so is a full one."""

    @property
    def form(self) -> Form | None:
        """Return what it holds; None for control files, parts and whatever else."""
        if self.input_type == "DB FULL":
            return Form.FULL
        if self.input_type == "DB INCR":
            return Form.FULL if self.lowest_level == 0 else Form.INCREMENTAL
        return Form.LOG if self.input_type == "ARCHIVELOG" else None


def zone_of(rows: Iterable[Row]) -> Database:
    """Read the answer to DATABASE. Raise UnexpectedOutput."""
    row = next(iter(rows), None)
    if row is None:
        raise UnexpectedOutput("v$database", "no row")
    text = text_of(row, "zone")
    sign = -1 if text.startswith("-") else 1
    hours, _, minutes = text.lstrip("+-").partition(":")
    if not hours.isdigit() or not minutes.isdigit():
        raise UnexpectedOutput("zone", text[:100])
    return Database(
        name=text_of(row, "name"),
        version=text_of(row, "version"),
        offset=sign * timedelta(hours=int(hours), minutes=int(minutes)),
        archives=text_of(row, "log_mode") != "NOARCHIVELOG",
    )


def jobs(rows: Iterable[Row], offset: timedelta) -> tuple[Job, ...]:
    """Read the answer to JOBS. Raise UnexpectedOutput."""
    return tuple(
        Job(
            id=text_of(row, "id"),
            input_type=text_of(row, "input_type"),
            status=text_of(row, "status"),
            started_at=local_time(text_of(row, "started"), offset),
            ended_at=local_time(ended, offset) if (ended := text_of(row, "ended")) else None,
            bytes=_whole(row, "output_bytes"),
            lowest_level=_whole(row, "lowest_level"),
        )
        for row in rows
    )


def _whole(row: Row, name: str) -> int | None:
    text = text_of(row, name)
    try:
        return int(float(text)) if text else None
    except ValueError as error:
        raise UnexpectedOutput(name, text[:100]) from error
