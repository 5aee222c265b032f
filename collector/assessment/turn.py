"""Whose turn it is to assess: of all processes on one database one, until it ends or is cut off.

The turn is an advisory lock that PostgreSQL keeps for a session. It is free again when that session
ends, whatever ended it; so nobody has to notice a death. On SQLite it is a lock on a file beside
the database, which the system gives back likewise.
"""

import os
import sys
from contextlib import suppress

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from collector.database import Database

ASSESSOR = 0x58554E41  # "XUNA": key of the advisory lock


class Turn:
    """The right of this process to assess on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Connection | None = None
        self._file: int | None = None

    def mine(self) -> bool:
        """Tell whether this process may assess now; take the turn if nobody has it.

        Raise DatabaseUnusable if the database can't be asked.
        """
        if not self._database.is_postgresql:
            return self._file is not None or self._locked()
        try:
            with self._database.told():
                return self._held() or self._taken()
        except BaseException:
            # The next statement would silently open another session, without the lock.
            self.give_back()
            raise

    def give_back(self) -> None:
        """Let another process assess."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError):
                session.invalidate()
                session.close()

    def _locked(self) -> bool:
        """Take the lock of a SQLite database; there is none in memory, and none on Windows."""
        place = self._database.engine.url.database
        if sys.platform == "win32" or not place or place == ":memory:":
            return True
        import fcntl

        try:
            file = os.open(f"{place}-assessor", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return True  # Where it can't be written, the database can't be written either.
        try:
            # Of the open file, not of the process: two in one process exclude each other, too.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def _held(self) -> bool:
        return self._session is not None and self._session.scalar(select(1)) == 1

    def _taken(self) -> bool:
        session = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._session = session
        if session.scalar(select(func.pg_try_advisory_lock(ASSESSOR))):
            return True
        self._session = None
        session.close()
        return False
