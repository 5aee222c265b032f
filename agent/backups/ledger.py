"""What was proven of the backup sets of this host, and when: one SQLite file in the state folder.

Each file is hashed once and its digest kept, each proof with its date. All is durable as soon as it
is known: a run that is killed loses the step that it was at. A damaged ledger is set aside: then
everything has to be proven again, which is the safe side.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agent import messages
from agent.backups.kind import FileRecord
from agent.errors import SpoolError
from checks.backup_sets import Level, Proof, Result

NAME = "backups.sqlite"
_VERSION = 1
_KEPT_DAYS = 400
"""Proofs of restore points that are gone: a year of evidence, and a month."""
_BUSY_SECONDS = 10.0
_TABLES = (
    (
        "CREATE TABLE files (set_name TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, "
        "modified_ns INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL, "
        "hashed_at REAL NOT NULL, PRIMARY KEY (set_name, path)) WITHOUT ROWID"
    ),
    # decisive: passed, failed or sampled. What could not be proven stands beside, not in its place.
    (
        "CREATE TABLE proofs (set_name TEXT NOT NULL, point TEXT NOT NULL, level TEXT NOT NULL, "
        "decisive INTEGER NOT NULL, at REAL NOT NULL, line BLOB NOT NULL, "
        "PRIMARY KEY (set_name, point, level, decisive)) WITHOUT ROWID"
    ),
    f"PRAGMA user_version = {_VERSION}",
)


class Ledger:
    """The ledger of this host. Raise SpoolError where it can't be kept."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError:
                if _is_locked_or_full(self._path):
                    raise
                _set_aside(self._path)
                self._connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise _unusable(self._path, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def of(self, set_name: str) -> "SetLedger":
        """Return the part of one set."""
        return SetLedger(self._connection, self._path, set_name)

    def _open(self) -> sqlite3.Connection:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        with ExitStack() as given_up:
            given_up.callback(connection.close)
            # Both by a rollback journal: a look reads while another one, by hand, writes.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _TABLES:
                    connection.execute(statement)
            connection.execute("COMMIT")
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"version {version} is not known")
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("damaged")
            given_up.pop_all()
        return connection


class SetLedger:
    """What is known of one set: agent.backups.kind.Records, and the proofs."""

    def __init__(self, connection: sqlite3.Connection, path: Path, set_name: str) -> None:
        self._connection = connection
        self._path = path
        self._name = set_name

    def recorded(self, path: str) -> FileRecord | None:
        """Return what is known of a file, whether it has changed since or not."""
        rows = self._do(
            "SELECT bytes, modified_ns, inode, digest, hashed_at FROM files "
            "WHERE set_name = ? AND path = ?",
            *(self._name, _storable(path)),
        )
        if not rows:
            return None
        size, modified_ns, inode, digest, hashed_at = rows[0]
        at = datetime.fromtimestamp(hashed_at, UTC)
        return FileRecord(path, size, modified_ns, inode % 2**64, digest, at)

    def record(self, entry: FileRecord) -> None:
        """Keep the digest of a file, in place of what was known."""
        self._do(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(self._name, _storable(entry.path), entry.bytes, entry.modified_ns),
            *(_signed(entry.inode), entry.digest, entry.hashed_at.timestamp()),
        )

    def prove(self, proof: Proof) -> None:
        """Keep a proof in place of the earlier one of its kind."""
        decisive = proof.result is not Result.UNPROVEN
        self._do(
            "INSERT OR REPLACE INTO proofs VALUES (?, ?, ?, ?, ?, ?)",
            *(self._name, proof.point, proof.level.value, decisive, proof.at.timestamp()),
            msgspec.json.encode(proof),
        )

    def proven(self, point: str, level: Level) -> Proof | None:
        """Return the newest proof that passed, failed or read a sample."""
        rows = self._do(
            "SELECT line FROM proofs "
            "WHERE set_name = ? AND point = ? AND level = ? AND decisive = 1",
            *(self._name, point, level.value),
        )
        return _proof(rows[0][0]) if rows else None

    def proofs(self) -> tuple[Proof, ...]:
        """Return all that is known: decisive proofs, and newer tries that came to nothing."""
        rows = self._do("SELECT line FROM proofs WHERE set_name = ? ORDER BY at", self._name)
        known = [proof for proof in (_proof(line) for (line,) in rows) if proof is not None]
        decided = {
            (proof.point, proof.level): proof.at
            for proof in known
            if proof.result is not Result.UNPROVEN
        }
        return tuple(
            proof
            for proof in known
            if proof.result is not Result.UNPROVEN
            or decided.get((proof.point, proof.level), proof.at) <= proof.at
        )

    def forget(self, present: Sequence[str], now: datetime) -> None:
        """Let go of what is about restore points that are gone for long."""
        oldest = (now - timedelta(days=_KEPT_DAYS)).timestamp()
        there = set(present)
        rows = self._do(
            "SELECT DISTINCT point FROM proofs WHERE set_name = ? AND at < ?", self._name, oldest
        )
        for (point,) in rows:
            if point and point not in there:
                self._do(
                    "DELETE FROM proofs WHERE set_name = ? AND point = ? AND level <> ?",
                    *(self._name, point, Level.RESTORED.value),
                )
        self._do("DELETE FROM files WHERE set_name = ? AND hashed_at < ?", self._name, oldest)

    def _do(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def _proof(line: bytes) -> Proof | None:
    try:
        return msgspec.json.decode(line, type=Proof)
    except msgspec.DecodeError:
        return None  # It is proven again: no reason to give up the others.


def _storable(path: str) -> bytes:
    """Names of files are bytes: some are in GBK."""
    return os.fsencode(path)


def _signed(inode: int) -> int:
    """SQLite's integers have a sign; some file systems use all 64 bits."""
    return inode - 2**64 if inode >= 2**63 else inode


def _is_locked_or_full(path: Path) -> bool:
    try:
        with sqlite3.connect(path, timeout=0) as probe:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False
    return False


def _set_aside(path: Path) -> None:
    moved = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    path.rename(moved)
    with suppress(FileNotFoundError):
        path.with_name(f"{path.name}-journal").unlink()


def _unusable(path: Path, error: Exception) -> SpoolError:
    return SpoolError(messages.LEDGER_UNUSABLE.format(path=str(path), detail=str(error)))
