"""What SHOW ENGINE INNODB STATUS tells in numbers; the statements in it are never kept."""

import re
from datetime import datetime

from checks.api import Struct
from checks.databases import Database
from checks.errors import NotApplicable, UnexpectedOutput

INNODB_STATUS = "SHOW ENGINE INNODB STATUS"

# Before MySQL 5.6 and MariaDB 10.0: 161122  4:20:11.
_STAMP = r"(\d{4}-\d\d-\d\d +\d{1,2}:\d\d:\d\d|\d{6} +\d{1,2}:\d\d:\d\d)"
_NOW = re.compile(rf"^{_STAMP}.*INNODB MONITOR OUTPUT", re.MULTILINE)
_DEADLOCK = re.compile(rf"^LATEST DETECTED DEADLOCK\n-+\n{_STAMP}", re.MULTILINE)
_HISTORY = re.compile(r"^History list length (\d+)", re.MULTILINE)


class Row(Struct, frozen=True):
    """The one row of SHOW ENGINE INNODB STATUS."""

    status: str


class InnodbStatus(Struct, frozen=True):
    """Two numbers of a long text."""

    history_length: int
    """Undo records that wait for the purge."""
    deadlock_seconds: float | None
    """How long ago the latest deadlock was, by the server's clock; None: none since the start."""


def innodb_status(database: Database) -> InnodbStatus:
    """Ask for the status and return what is of it. Raise a ProbeError."""
    rows = database.rows(INNODB_STATUS, Row)
    if not rows:
        raise NotApplicable("InnoDB")
    return read_status(rows[0].status)


def read_status(text: str) -> InnodbStatus:
    """Return the numbers of a status. Raise UnexpectedOutput without them."""
    history, now = _HISTORY.search(text), _NOW.search(text)
    if history is None or now is None:
        raise UnexpectedOutput("SHOW ENGINE INNODB STATUS", "no history list length in it")
    deadlock = _DEADLOCK.search(text)
    ago = None
    if deadlock is not None:
        # Both are the server's local time: their difference needs no zone.
        ago = max(0.0, (_moment(now[1]) - _moment(deadlock[1])).total_seconds())
    return InnodbStatus(int(history[1]), ago)


def _moment(stamp: str) -> datetime:
    words = " ".join(stamp.split())
    form = "%Y-%m-%d %H:%M:%S" if "-" in words else "%y%m%d %H:%M:%S"
    return datetime.strptime(words, form)  # noqa: DTZ007 - compared with its like alone
