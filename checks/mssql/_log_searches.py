"""What is searched in SQL Server's error log, and what a line says. Pure.

The server searches and sends the lines that fit; of them numbers are kept, never the words. The log
is written in the language that SQL Server was installed in: an English and a Chinese one are read.
"""

import re
from datetime import datetime

from checks.api import Struct

BEGIN_0 = "EXEC sys.sp_readerrorlog 0, 1, N'Microsoft Corporation'"
BEGIN_1 = "EXEC sys.sp_readerrorlog 1, 1, N'Microsoft Corporation'"
"""Stands at the top of every log: what is older is in the log before."""
ERRORS_0 = "EXEC sys.sp_readerrorlog 0, 1, N'Severity: '"
ERRORS_1 = "EXEC sys.sp_readerrorlog 1, 1, N'Severity: '"
CHINESE_ERRORS_0 = "EXEC sys.sp_readerrorlog 0, 1, N'严重性: '"
CHINESE_ERRORS_1 = "EXEC sys.sp_readerrorlog 1, 1, N'严重性: '"
LOGINS_0 = "EXEC sys.sp_readerrorlog 0, 1, N'18456'"
LOGINS_1 = "EXEC sys.sp_readerrorlog 1, 1, N'18456'"
SLOW_0 = "EXEC sys.sp_readerrorlog 0, 1, N'I/O'"
SLOW_1 = "EXEC sys.sp_readerrorlog 1, 1, N'I/O'"
STALLED_0 = "EXEC sys.sp_readerrorlog 0, 1, N'non-yielding'"
STALLED_1 = "EXEC sys.sp_readerrorlog 1, 1, N'non-yielding'"
"""17883 has no number in the log; its Chinese words are not known to us."""
NOW = "SELECT SYSDATETIME() AS moment"
"""By the clock that the log is written by: the server's local one."""

_ERROR = re.compile(
    r"(?:Error|错误)\s*[:：]\s*(?P<number>\d+)\s*[,，]\s*"
    r"(?:Severity|严重性)\s*[:：]\s*(?P<severity>\d+)\s*[,，]\s*"
    r"(?:State|状态)\s*[:：]\s*(?P<state>\d+)"
)
_SLOW = re.compile(r"I/O.*\b15\b\s*(?:seconds|秒)", re.DOTALL)
SLOW_IO = 833
STALLED_SCHEDULER = 17883
LOGIN_FAILED = 18456


class LineRow(Struct, frozen=True):
    """A line of the log."""

    logdate: datetime
    text: str


class MomentRow(Struct, frozen=True):
    """The answer to NOW."""

    moment: datetime


class Entry(Struct, frozen=True):
    """An error that a line tells of."""

    number: int
    severity: int
    state: int
    at: datetime


def error_of(line: LineRow) -> Entry | None:
    """Return the error whose heading a line is; None: it is something else."""
    match = _ERROR.search(line.text)
    if match is None:
        return None
    number, severity, state = (int(each) for each in match.group("number", "severity", "state"))
    return Entry(number, severity, state, line.logdate)


def slow_of(line: LineRow) -> Entry | None:
    """Return error 833 where a line says that I/O took longer than 15 seconds."""
    return Entry(SLOW_IO, 10, 0, line.logdate) if _SLOW.search(line.text) else None


def stalled_of(line: LineRow) -> Entry:
    """Return error 17883: a scheduler that did not go on."""
    return Entry(STALLED_SCHEDULER, 10, 0, line.logdate)
