"""The file of the spool is opened: held, examined, set aside if it is damaged or out of date."""

import fcntl
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from agent import disk_room, messages, spool_schema
from agent.errors import SpoolBusy, SpoolError, SpoolFull

NAME = "spool.db"

_WAL_PAGES = 128
"""Pages in the log before they are copied into the file: it stays about half a MiB."""


class SetAside(Struct, frozen=True):
    """Where a spool was moved to that could not be used; `outdated`: it was whole, but too old."""

    moved_to: str
    outdated: bool


class _Outdated(Exception):
    """The spool is of a version that was never in the field."""


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
        raise unusable(folder, error.strerror or str(error)) from error
    with file:
        try:
            # A record lock: it belongs to this process alone, no child keeps it alive.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SpoolBusy(messages.STATE_BUSY.format(folder=str(folder))) from error
        yield


def opened(folder: Path) -> tuple[sqlite3.Connection, SetAside | None]:
    """Return the open spool of a folder, and what was set aside for it, if anything was.

    Raise SpoolError if the file can't be opened for another reason than damage.
    """
    aside = None
    try:
        try:
            connection = _connect(folder)
        except sqlite3.OperationalError as error:
            # Locked, not writable, full: nothing is wrong with the content.
            if not (means_full(folder, error) and disk_room.give_up_ballast(folder)):
                raise
            connection = _connect(folder)
        except (sqlite3.DatabaseError, _Outdated) as error:
            outdated = isinstance(error, _Outdated)
            aside = SetAside(_move_aside(folder, "outdated" if outdated else "damaged"), outdated)
            connection = _connect(folder)
    except sqlite3.Error as error:
        raise fault(folder, error) from error
    return connection, aside


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
        raise unusable(folder, error.strerror or str(error)) from error
    except sqlite3.Error as error:
        raise fault(folder, error) from error


def fault(folder: Path, error: sqlite3.Error) -> SpoolError:
    """Return what an error of SQLite means for a person."""
    name = getattr(error, "sqlite_errorname", "")
    if means_full(folder, error):
        return SpoolFull(messages.SPOOL_FULL.format(folder=str(folder)))
    if name in ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM"):
        return unusable(folder, str(error))
    return SpoolError(messages.SPOOL_FAULT.format(file=str(folder / NAME), detail=str(error)))


def unusable(folder: Path, detail: str) -> SpoolError:
    """Return the error that says why a state folder can't be used."""
    return SpoolError(messages.STATE_UNUSABLE.format(folder=str(folder), detail=detail))


def means_full(folder: Path, error: sqlite3.Error) -> bool:
    """Return whether an error means a full disk.

    SQLite says SQLITE_FULL of its data, but SQLITE_IOERR of its shared memory file.
    """
    name = getattr(error, "sqlite_errorname", "")
    if not name.startswith("SQLITE_IOERR"):
        return name == "SQLITE_FULL"
    return disk_room.is_full(folder)


def _connect(folder: Path) -> sqlite3.Connection:
    path = folder / NAME
    # A log that was left there: the run before did not end as it should.
    unclean = (folder / f"{NAME}-wal").exists()
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute(spool_schema.BEFORE)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_PAGES * 4096}")
        # Sorting a large spool must not need room in another folder.
        connection.execute("PRAGMA temp_store = MEMORY")
        version = _examine(connection, path, thorough=unclean)
        if version == 0:
            # One transaction: a spool has all of this or nothing, wherever it is killed.
            connection.execute("BEGIN IMMEDIATE")
            for statement in spool_schema.TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO notes VALUES ('epoch', ?)", (str(uuid.uuid4()),))
            connection.execute(f"PRAGMA user_version = {spool_schema.VERSION}")
            connection.execute("COMMIT")
    except (sqlite3.Error, SpoolError, _Outdated):
        connection.close()
        raise
    return connection


def _examine(connection: sqlite3.Connection, path: Path, *, thorough: bool) -> int:
    """Return the version of the schema, 0 for an empty file.

    Raise sqlite3.DatabaseError for a damaged file, SpoolError for one of a newer agent.
    """
    pragma = "integrity_check" if thorough else "quick_check"
    (verdict,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > spool_schema.VERSION:
        raise SpoolError(messages.SPOOL_NEWER.format(file=str(path)))
    if 0 < version < spool_schema.VERSION:
        raise _Outdated
    if (
        version
        and connection.execute("SELECT 1 FROM notes WHERE name = 'epoch'").fetchone() is None
    ):
        raise sqlite3.DatabaseError("the spool has no epoch")
    return version


def _move_aside(folder: Path, why: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = folder / f"{NAME}.{why}-{stamp}"
    try:
        for ending in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                (folder / (NAME + ending)).rename(f"{target}{ending}")
    except OSError as error:
        raise unusable(folder, error.strerror or str(error)) from error
    return str(target)
