"""What agent, checks and collector call the parts of a backup: sets, restore points, proofs.

A backup set is one backup job of one host, as the agent's settings declare it. A look at it lists
its restore points, what is known of each copy, and the proofs that were made, each with its date.
Nothing here judges: a proof that failed is a fact, too.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from wire.messages import Count, Failure, Label, Moment, Sentence

MOST_POINTS = 2000
"""Restore points told of one set, the newest: five years of daily ones."""


class Kind(Enum):
    """What made the backup, and so how it is read: agent/backups/kinds has a module for each."""

    FILES = "files"
    RESTIC = "restic"
    BORG = "borg"
    PGBACKREST = "pgbackrest"
    BARMAN = "barman"
    MSSQL = "mssql"
    ORACLE = "oracle"
    WINDOWS = "windows"
    SQLITE = "sqlite"


class Role(Enum):
    """What the set is to its host."""

    SOURCE = "source"
    """Backups that this host makes or receives first: the local leg."""
    OFFSITE = "offsite"
    """Copies of other hosts' backups on an offsite server: it proves their offsite legs."""


class Form(Enum):
    """What a restore point holds."""

    FULL = "full"
    DIFFERENTIAL = "differential"
    INCREMENTAL = "incremental"
    LOG = "log"


class PointState(Enum):
    """What the listing alone says of a restore point."""

    COMPLETE = "complete"
    """Nothing in the listing speaks against it. Whether it is intact is for the proofs."""
    GROWING = "growing"
    """Still being written: it changed between two looks, is too young, or has a partial name."""
    EMPTY = "empty"
    FAILED = "failed"
    """Its own tool says so, or what a whole one has is not there."""
    GONE = "gone"
    """A catalogue names it, but its file is not there."""


class DatedBy(Enum):
    """Where the start of a restore point is from, the most trusted first."""

    TOOL = "tool"
    CONTENT = "content"
    NAME = "name"
    MODIFIED = "modified"


class Level(Enum):
    """What a proof is of; existence, age and size are in the listing."""

    STRUCTURE = "structure"
    """Readable to its end as what it says it is: format, checksums inside, completion trailer."""
    HASHED = "hashed"
    """Its bytes have a digest, and are those that were hashed before."""
    OFFSITE = "offsite"
    """The offsite copy has the same bytes."""
    RESTORED = "restored"
    """Restored into a scratch place, and looked at there."""


class Result(Enum):
    """How a proof ended."""

    PASSED = "passed"
    FAILED = "failed"
    """The backup is at fault."""
    SAMPLED = "sampled"
    """Nothing wrong in the part that was read (`coverage`): never as good as passed."""
    UNPROVEN = "unproven"
    """It could not be made (`failure`): lock, password, permission, tool, time. Says nothing."""


class CopyState(Enum):
    """What the listing of the offsite side says of a restore point."""

    SAME_SIZE = "same_size"
    MISSING = "missing"
    SIZE_DIFFERS = "size_differs"
    EMPTY = "empty"
    PENDING = "pending"
    """Being transferred: growing, too young, or a partial name."""


class OffsiteBy(Enum):
    """How the offsite leg is looked at: agent/backups/offsite has a module for each."""

    SFTP = "sftp"
    FOLDER = "folder"
    """A folder that is mounted here: NAS, a mirror by rsync or rclone."""
    REPOSITORY = "repository"
    """A second repository of the same tool (restic, borg, pgBackRest's next repo)."""
    AGENT = "agent"
    """An agent on the offsite server reports it; the collector joins the two by digest."""


class Schedule(Struct, frozen=True, kw_only=True):
    """When a restore point is expected. Backup day D runs from `window_start` on D to the next."""

    window_start: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)")] = "18:00"
    deadline: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)")] = "08:00"
    """On the next day where it is not after window_start."""
    grace_minutes: Annotated[int, Meta(ge=0, le=1440)] = 60
    weekdays: Annotated[tuple[Annotated[int, Meta(ge=0, le=6)], ...], Meta(max_length=7)] = (
        0,
        1,
        2,
        3,
        4,
        5,
        6,
    )
    """Of the backup day, Monday is 0."""
    time_zone: Label = ""
    """IANA; empty: the site's."""


class OffsiteLeg(Struct, frozen=True, kw_only=True):
    """What is expected of the offsite copy."""

    by: OffsiteBy
    hours: Annotated[float, Meta(gt=0, le=8784)] = 24
    """After the local deadline by which the copy has to be there and proven."""
    place: Label = ""
    """As a person reads it; never with a password."""


class Declaration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent's settings say of a set, without secrets: the expectation."""

    name: Label
    kind: Kind
    place: Label
    title: Label = ""
    format: Label = ""
    """For files: pg_dump, mysqldump …; empty: whatever its first bytes say."""
    pattern: Label = ""
    role: Role = Role.SOURCE
    objects: tuple[Label, ...] = ()
    """Databases (or whatever else) of which each day must have a restore point; empty: any one."""
    schedule: Schedule = Schedule()
    offsite: OffsiteLeg | None = None
    rpo_hours: float = 26
    minimum_bytes: Count = 0
    retention_days: int = 0
    """How far back restore points have to reach; 0: nothing agreed."""
    retention_points: int = 0
    verify_every_days: int = 30
    """Each stored restore point is read again in this time."""
    restore_every_days: int = 0
    """0: no test restore agreed."""
    key_escrow: Label = ""
    """Where the key of an encrypted set is kept and since when, in the customer's words."""
    valid_from: date | None = None
    valid_to: date | None = None


class RestorePoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that could be restored, as the set's own side lists it."""

    id: Label
    """Unique in the set, stable: path below `place`, snapshot id, label, backup_set_uuid."""
    object: Label = ""
    """Database or whatever else it is of, where a set has several."""
    started_at: Moment
    ended_at: Moment | None = None
    dated_by: DatedBy = DatedBy.TOOL
    form: Form = Form.FULL
    state: PointState = PointState.COMPLETE
    bytes: Count | None = None
    """Size as stored; None: not known, which is not 0."""
    files: Count | None = None
    content: Label = ""
    """Equal for copies with equal content: sha256:… of a file, tree:… of a restic snapshot."""
    base: Label = ""
    """Id of the restore point that this one needs."""
    encrypted: bool | None = None
    paths: tuple[Sentence, ...] = ()
    """Where its parts lie, where the id does not say it: the families of a striped backup."""
    position: Annotated[int, Meta(ge=1)] = 1
    """Of the backup in its media set (SQL Server)."""
    server: Label = ""
    """Instance that it is of (SQL Server)."""
    note: Sentence = ""
    """What is odd about it, in English: `name says 2026-01-01, written 2026-11-21`."""


class Evidence(Struct, frozen=True):
    """One comparison of a test restore."""

    name: Label
    expected: Label
    actual: Label


class Proof(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One proof of one restore point, with its date."""

    point: Label
    """Empty: of the whole set; it counts for the restore points that had ended before `at`."""
    level: Level
    result: Result
    at: Moment
    """When it was finished, by the host's clock."""
    method: Label
    """How, in the tools' words: `gzip, trailer`, `openssl dgst -sha256 over ssh`."""
    digest: Label = ""
    """SHA-256 of the local bytes, hexadecimal."""
    other_digest: Label = ""
    """Of the other copy."""
    bytes_read: Count = 0
    coverage: Annotated[float, Meta(ge=0, le=1)] = 1
    """Share of the bytes that was looked at."""
    seconds: float = 0
    """How long it took: for a test restore the measured RTO."""
    detail: Sentence = ""
    failure: Failure | None = None
    evidence: tuple[Evidence, ...] = ()
    person: Label = ""
    """Who made it by hand and recorded it; empty: the agent."""


class Copy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A restore point as the offsite side lists it."""

    point: Label
    state: CopyState
    bytes: Count | None = None
    modified_at: Moment | None = None
    content: Label = ""


class Offsite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at the offsite side."""

    by: OffsiteBy
    place: Label
    looked_at: Moment
    copies: tuple[Copy, ...] = ()
    extra: Count = 0
    """Entries there that are not here."""
    same_host: bool | None = None
    """True: it is this very host, so nothing is offsite; None: can't be told."""
    total_bytes: Count | None = None
    free_bytes: Count | None = None
    clock_offset_seconds: float | None = None
    """How far its clock is ahead of this host's."""
    failure: Failure | None = None


class Lock(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lock in a repository. It is reported, never removed."""

    held_by: Label
    since: Moment | None = None
    exclusive: bool = False


class Destination(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the local copies lie."""

    total_bytes: Count | None = None
    free_bytes: Count | None = None
    with_data: tuple[Label, ...] = ()
    """Paths of the protected data that lie on the same volume."""
    protects: tuple[Label, ...] = ()
    """All paths of protected data that were compared."""
    writable_by_others: tuple[Sentence, ...] = ()
    """Who else may write: `mode 0777`, `exported by nfs to * (rw)`."""


class Work(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What this look proved, within its budget."""

    budget_bytes: Count = 0
    read_bytes: Count = 0
    seconds: float = 0
    made: Count = 0
    left: Count = 0
    """Proofs that were due and had to wait for the next run."""
    stored_bytes: Count = 0
    proven_bytes: Count = 0
    """Of the stored bytes, those read inside verify_every_days."""


class BackupFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at a backup set."""

    declaration: Declaration
    looked_at: Moment | None = None
    """When the listing was made, by the host's clock; None: not told."""
    points: tuple[RestorePoint, ...]
    """The newest first, at most MOST_POINTS."""
    points_left_out: Count = 0
    unmatched: Count = 0
    """Entries in the place that fit no pattern."""
    odd: tuple[Sentence, ...] = ()
    """What could not be read of the listing, a sentence each."""
    listed_since: Moment | None = None
    """The listing is complete from here on; None: from ever."""
    locks: tuple[Lock, ...] = ()
    tool: Label = ""
    """Name and version of the tool that was asked; empty: none."""
    encrypted: bool | None = None
    destination: Destination | None = None
    offsite: Offsite | None = None
    proofs: tuple[Proof, ...] = ()
    """The newest of each level of each restore point that is still there, and of the set; test
    restores also of those that are gone."""
    work: Work | None = None
    proving: Failure | None = None
    """Why nothing could be proven at all."""


class BackupSet(Protocol):
    """A backup set as a probe may see it: read-only, with deadlines of its own."""

    @property
    def declaration(self) -> Declaration:
        """What the settings say of it."""
        ...

    def look(self) -> BackupFacts:
        """List, prove what is due within the budget, and return all that is known.

        Raise a ProbeError where the listing itself can't be made: nothing is known then.
        """
        ...

    def rows(self, query: str) -> Sequence[Mapping[str, object]]:
        """Return the rows of a reading query, for kinds that are databases.

        Raise a ProbeError as `look` does, Unsupported for other kinds.
        """
        ...
