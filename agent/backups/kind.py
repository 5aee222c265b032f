"""What a kind of backup has to tell: one module in agent/backups/kinds for each, found by name.

A kind reads the payload of its tool, never only the exit code, and says apart what is wrong with
the backup (facts) and what kept it from looking (a ProbeError, or a Proof with UNPROVEN).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from agent.backups.settings import BackupSettings
from agent.secret import Secret, SecretSource
from checks.api import Host, Output
from checks.backup_sets import (
    Destination,
    Level,
    Lock,
    Offsite,
    Proof,
    RestorePoint,
    Result,
)
from wire.messages import Failure


class Budget(Protocol):
    """What a run may still read and take. Ask before each larger step."""

    def left_bytes(self) -> int:
        """Return how many bytes may still be read."""
        ...

    def left_seconds(self) -> float:
        """Return how long there still is."""
        ...

    def spend(self, count: int) -> None:
        """Tell that so many bytes have been read."""
        ...


class FileRecord(Struct, frozen=True):
    """A file that was hashed once, as the ledger keeps it."""

    path: str
    bytes: int
    modified_ns: int
    inode: int
    digest: str
    """SHA-256, hexadecimal."""
    hashed_at: datetime


class Records(Protocol):
    """The part of the ledger that a kind may use: digests of files, by path below the place.

    Durable at once: a run that is killed loses at most the file it was at.
    """

    def recorded(self, path: str) -> FileRecord | None:
        """Return what is known of a file, whether it has changed since or not."""
        ...

    def record(self, entry: FileRecord) -> None:
        """Keep the digest of a file, in place of what was known."""
        ...

    def proven(self, point: str, level: Level) -> Proof | None:
        """Return the newest proof that passed or failed."""
        ...


class Source(Protocol):
    """A backup set as its kind and its offsite way see it."""

    @property
    def settings(self) -> BackupSettings:
        """Return what the settings say of the set."""
        ...

    @property
    def host(self) -> Host:
        """Return the host."""
        ...

    @property
    def records(self) -> Records:
        """Return the set's part of the ledger."""
        ...

    @property
    def cache(self) -> Path:
        """A folder of this set alone, 0700, for the caches of its tool."""
        ...

    def now(self) -> datetime:
        """Return the host's clock, UTC."""
        ...

    def secret(self, source: SecretSource, name: str) -> Secret:
        """Return a secret of the settings. Raise NotPermitted (a ProbeError) if it can't be had."""
        ...

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, Secret] | None = None,
        timeout_seconds: float = 60,
        limit_bytes: int = 32 * 2**20,
        user: str | None = None,
    ) -> Output:
        """Run the set's tool as Host.run does, whatever its exit code.

        As root it may run as another `user`; the cache folder is then not the tool's home.

        HOME and XDG_CACHE_HOME are the cache folder, TZ is UTC. Each secret is written to a pipe
        that the tool inherits; its variable holds `/dev/fd/N`: RESTIC_PASSWORD_FILE. A variable
        that ends in `_FD` gets the number alone: BORG_PASSPHRASE_FD. Raise ToolMissing, TimedOut,
        NotPermitted, UnexpectedOutput.
        """
        ...


class Catalogue(Struct, frozen=True, kw_only=True):
    """What a kind lists of a set."""

    points: tuple[RestorePoint, ...]
    """In any order."""
    unmatched: int = 0
    odd: tuple[str, ...] = ()
    listed_since: datetime | None = None
    locks: tuple[Lock, ...] = ()
    tool: str = ""
    encrypted: bool | None = None
    destination: Destination | None = None
    stored_bytes: int = 0


class KindModule(Struct, frozen=True, kw_only=True):
    """The `KIND` of a module in agent/backups/kinds."""

    catalogue: Callable[[Source], Catalogue]
    """Raise a ProbeError where the listing can't be made."""
    verify: Callable[[Source, RestorePoint | None, Budget], tuple[Proof, ...]] | None = None
    """Prove STRUCTURE and HASHED: of a restore point, or of the whole set (None), by `whole_set`.
    Reads at most the budget's bytes; what could not be proven is UNPROVEN or SAMPLED."""
    list_again: bool = True
    """False where proving tells nothing new about the listing: no digest is part of it."""
    whole_set: bool = False
    """True where verify proves the set at once, not one restore point after the other."""
    restore_factor: float = 3
    """What a test restore needs in the scratch place, in sizes of the restore point (a dump three
    times its size: backup-verification.md §5.1); 0: it keeps to `scratch_size` by itself."""
    restore: Callable[[Source, RestorePoint, Path, Budget], Proof] | None = None
    """Restore into an empty scratch folder, look at it, leave nothing running; level RESTORED."""
    copies: Callable[[Source, Catalogue], Offsite] | None = None
    """For offsite by `repository`: look at the second repository."""
    prove_copies: Callable[[Source, Catalogue, Budget], tuple[Proof, ...]] | None = None
    """For offsite by `repository`: level OFFSITE of each restore point it can be told for."""
    artefacts: Callable[[Source, RestorePoint | None], tuple[str, ...]] | None = None
    """Paths below the place that make up a restore point (None: the whole set), for offsite by
    `sftp`, `folder` and `agent`; None where the place is no folder."""


class OffsiteWay(Struct, frozen=True, kw_only=True):
    """The `WAY` of a module in agent/backups/offsite."""

    look: Callable[[Source, KindModule, Catalogue], Offsite]
    """List the other side. What can't be reached is the `failure` of the answer."""
    prove: Callable[
        [Source, KindModule, Catalogue, tuple[RestorePoint, ...], Budget], tuple[Proof, ...]
    ]
    """Prove level OFFSITE of these restore points, newest first, as far as the budget goes."""


def unproven(point: str, level: Level, at: datetime, method: str, failure: Failure) -> Proof:
    """Return the proof that could not be made."""
    return Proof(
        point=point, level=level, result=Result.UNPROVEN, at=at, method=method, failure=failure
    )
