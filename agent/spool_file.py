"""The file of the spool: opened, examined, moved aside if damaged, written durably."""

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from agent import messages
from agent.errors import SpoolBusy, SpoolError, SpoolFull
from wire.messages import Inspection

Value = TypeVar("Value")

NAME = "spool.db"
BALLAST = "ballast"
BALLAST_BYTES = 2**20
"""Given up when the disk is full, so that just then the finding that says so can be written."""

_LEAST_ROOM_BYTES = 2**16
_SCHEMA_VERSION = 1
_SCHEMA = (
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE inspections (id TEXT PRIMARY KEY, agent TEXT NOT NULL, message BLOB NOT NULL)",
    (
        "CREATE TABLE observations "
        "(number INTEGER PRIMARY KEY, inspection TEXT NOT NULL, line BLOB NOT NULL)"
    ),
    (
        "CREATE TABLE batches (seq INTEGER PRIMARY KEY, agent TEXT NOT NULL, "
        "payload BLOB NOT NULL, "
        "digest TEXT NOT NULL, observations INTEGER NOT NULL, refusals INTEGER NOT NULL DEFAULT 0, "
        "refused_why TEXT)"
    ),
)


# Outside of the version: a spool of an agent before it gets it, and such an agent leaves it alone.
_REMEMBERED = (
    "CREATE TABLE IF NOT EXISTS remembered "
    "(check_id TEXT PRIMARY KEY, circumstances TEXT NOT NULL, line BLOB NOT NULL)"
)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the state folder for one run; make it (0700) if it isn't there.

    Raise SpoolBusy if another run holds it, SpoolError if it can't be made or written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        file = (folder / "lock").open("a")
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    with file:
        try:
            # A record lock: it belongs to this process alone, no child keeps it alive.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SpoolBusy(messages.STATE_BUSY.format(folder=str(folder))) from error
        yield


def opened(folder: Path) -> tuple[sqlite3.Connection, str | None]:
    """Return the open spool of a folder, and where a damaged one was moved to, if it was.

    Raise SpoolError if the file can't be opened for another reason than damage.
    """
    damaged = None
    try:
        try:
            connection = _connect(folder / NAME)
        except sqlite3.OperationalError as error:
            # Locked, not writable, full: nothing is wrong with the content.
            if not (_is_full(folder, error) and _give_up_ballast(folder)):
                raise
            connection = _connect(folder / NAME)
        except sqlite3.DatabaseError:
            damaged = _move_aside(folder)
            connection = _connect(folder / NAME)
    except sqlite3.Error as error:
        raise fault(folder, error) from error
    return connection, damaged


def write(connection: sqlite3.Connection, folder: Path, action: Callable[[], Value]) -> Value:
    """Run `action` as one transaction, durable when this returns.

    On a full disk the ballast is given up and the action tried once more. Raise SpoolFull or
    SpoolError; nothing of the action stands then.
    """
    try:
        try:
            return _transaction(connection, action)
        except sqlite3.OperationalError as error:
            if not (_is_full(folder, error) and _give_up_ballast(folder)):
                raise
            return _transaction(connection, action)
    except sqlite3.Error as error:
        raise fault(folder, error) from error


def load_ballast(folder: Path) -> None:
    """Lay the ballast by, unless it lies there or the disk has little room for it."""
    path = folder / BALLAST
    room = os.statvfs(folder)
    if path.exists() or room.f_bavail * room.f_frsize < 2 * BALLAST_BYTES:
        return
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
    except OSError:
        path.unlink(missing_ok=True)


def fault(folder: Path, error: sqlite3.Error) -> SpoolError:
    """Return what an error of SQLite means for a person."""
    name = getattr(error, "sqlite_errorname", "")
    if _is_full(folder, error):
        return SpoolFull(messages.SPOOL_FULL.format(folder=str(folder)))
    if name in ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM"):
        return _unusable(folder, str(error))
    return SpoolError(messages.SPOOL_FAULT.format(file=str(folder / NAME), detail=str(error)))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _examine(connection, path)
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            # One transaction: a spool has all of this or nothing, wherever it is killed.
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO notes VALUES ('epoch', ?)", (str(uuid.uuid4()),))
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            connection.execute("COMMIT")
        connection.execute(_REMEMBERED)
    except (sqlite3.Error, SpoolError):
        connection.close()
        raise
    return connection


def _examine(connection: sqlite3.Connection, path: Path) -> None:
    """Raise sqlite3.DatabaseError for a damaged file, SpoolError for one of a newer agent."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _SCHEMA_VERSION:
        raise SpoolError(messages.SPOOL_NEWER.format(file=str(path)))
    if version == 0:
        return
    for (message,) in connection.execute("SELECT message FROM inspections"):
        try:
            msgspec.json.decode(message, type=Inspection)
        except msgspec.DecodeError as error:
            raise sqlite3.DatabaseError(str(error)) from error
    if connection.execute("SELECT 1 FROM notes WHERE name = 'epoch'").fetchone() is None:
        raise sqlite3.DatabaseError("the spool has no epoch")


def _move_aside(folder: Path) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = folder / f"{NAME}.damaged-{stamp}"
    try:
        for ending in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                (folder / (NAME + ending)).rename(f"{target}{ending}")
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    return str(target)


def _transaction(connection: sqlite3.Connection, action: Callable[[], Value]) -> Value:
    connection.execute("BEGIN IMMEDIATE")
    try:
        value = action()
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself on some errors, a full disk among them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return value


def _is_full(folder: Path, error: sqlite3.Error) -> bool:
    """Return whether an error means a full disk.

    SQLite says SQLITE_FULL of its data, but SQLITE_IOERR of its shared memory file.
    """
    name = getattr(error, "sqlite_errorname", "")
    if not name.startswith("SQLITE_IOERR"):
        return name == "SQLITE_FULL"
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize < _LEAST_ROOM_BYTES


def _give_up_ballast(folder: Path) -> bool:
    try:
        (folder / BALLAST).unlink()
    except OSError:
        return False
    return True


def _unusable(folder: Path, detail: str) -> SpoolError:
    return SpoolError(messages.STATE_UNUSABLE.format(folder=str(folder), detail=detail))


def read_only(folder: Path) -> "closing[sqlite3.Connection] | None":
    """Return the spool opened for looking, to be used in `with`; None where there is none.

    Raise SpoolError if it is there and can't be opened.
    """
    path = folder / NAME
    try:
        if not path.exists():
            return None
        return closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    except sqlite3.Error as error:
        raise fault(folder, error) from error
