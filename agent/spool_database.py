"""The open database of the spool: durable transactions, and what to do when the disk fails."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from agent import disk_room, messages, spool_file
from agent.errors import SpoolError

Value = TypeVar("Value")

_PAGES_AT_ONCE = 128
_WORTH_GIVING_BACK_BYTES = 2**20


class SpoolDatabase:
    """The spool's database, open and examined, in a folder held by `spool_file.exclusive`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection, self.set_aside = spool_file.opened(folder)
        self._page_bytes = self._pragma("page_size")

    def close(self) -> None:
        """Close the file. What was committed is there."""
        self._connection.close()

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Execute one statement, inside an action given to `write`."""
        return self._connection.execute(statement, values)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read outside of a transaction. Raise SpoolError."""
        try:
            return self.execute(statement, *values).fetchall()
        except sqlite3.Error as error:
            raise spool_file.fault(self.folder, error) from error

    def write(self, action: Callable[[], Value]) -> Value:
        """Run `action` as one transaction, durable when this returns.

        On a full disk the ballast is given up and the action tried once more. After another error
        of the disk it is not known what stands, and a descriptor whose sync failed says nothing
        true any more: the file is opened anew and examined, then the action is run once more. An
        action must therefore bear to find its own work already done.

        Raise SpoolFull or SpoolError.
        """
        try:
            try:
                return self._transaction(action)
            except sqlite3.OperationalError as error:
                if spool_file.means_full(self.folder, error):
                    if not disk_room.give_up_ballast(self.folder):
                        raise
                elif getattr(error, "sqlite_errorname", "").startswith("SQLITE_IOERR"):
                    self._reopen()
                else:
                    raise
                return self._transaction(action)
        except sqlite3.Error as error:
            raise spool_file.fault(self.folder, error) from error

    def noted(self, name: str) -> str | None:
        """Return a note; None if there is none."""
        row = self.execute("SELECT value FROM notes WHERE name = ?", name).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note something in place of what was noted before."""
        self.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, value)

    def content_bytes(self) -> int:
        """Return the size of what is in the file, free pages not counted."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._page_bytes

    def give_back(self, *, at_once: bool = False) -> None:
        """Return free pages to the file system where it is worth the writing, or `at_once`.

        Where the disk does not let it, they stay in the file, to be used again.
        """
        free = self._pragma("freelist_count")
        if free * self._page_bytes < (1 if at_once else _WORTH_GIVING_BACK_BYTES):
            return
        # An error of the disk shows again at the next transaction, which deals with it.
        with suppress(sqlite3.OperationalError):
            # Step by step, so that the log stays small.
            for _ in range(0, free, _PAGES_AT_ONCE):
                # Only a script is stepped to its end: the pragma yields rows without columns.
                self._connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
                self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _pragma(self, name: str) -> int:
        return int(self.rows(f"PRAGMA {name}")[0][0])

    def _transaction(self, action: Callable[[], Value]) -> Value:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            value = action()
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself on some errors, a full disk among them.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return value

    def _reopen(self) -> None:
        """Open the file anew; raise SpoolError if it is damaged (it has been set aside then)."""
        self._connection.close()
        self._connection, aside = spool_file.opened(self.folder)
        if aside is not None:
            self.set_aside = aside
            raise SpoolError(messages.SPOOL_DAMAGED.format(file=aside.moved_to))
