"""What the report (and whoever asks) is told of backups: plain values, nothing of the database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from checks.backup_sets import BackupFacts, Declaration, Level, Proof, RestorePoint
from collector.backups.days import Day


@dataclass(frozen=True)
class MonthCount:
    """How a set kept its promise in one month, counted in backup days."""

    year: int
    month: int
    due: int
    """Days on which a backup was due and whose local time is over; the excused ones among them."""
    ok: int
    """All legs well."""
    late: int
    bad: int
    """A leg was missing, failed or another one than the local copy."""
    unverified: int
    unknown: int
    excused: int
    pending: int = 0
    """Some time of theirs is not over yet."""

    @property
    def compliance(self) -> float | None:
        """Share of the due days that were well or excused, in per cent; None where none was due.

        A day of which nothing is known is no day kept.
        """
        decided = self.due - self.pending
        return None if decided <= 0 else 100 * (self.ok + self.excused) / decided


@dataclass(frozen=True)
class OpenInterval:
    """A time without a good restore point: what an outage in it would have cost."""

    begins: datetime
    """The good restore point before it, or the beginning of the period."""
    ends: datetime
    """The next good one, or the end of the period."""
    is_open: bool = False
    """True where no good restore point ends it: it went on when the period ended."""

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.ends - self.begins


@dataclass(frozen=True)
class Recovery:
    """RPO reached and RTO measured in a period."""

    promised_hours: float
    longest: OpenInterval | None
    """The longest time between two good restore points; None: there was none, so no RPO at all."""
    gaps: tuple[OpenInterval, ...]
    """Those longer than promised, the longest first."""
    restore_seconds: float | None
    """The newest test restore, scaled to the newest restore point's size; None: none was made."""
    restore_scaled_from_bytes: int | None
    """Bytes that the test restore read; None: it was not scaled."""
    restore_measured_at: datetime | None


@dataclass(frozen=True)
class Share:
    """What part of the stored bytes has been read again in the time agreed."""

    at: datetime
    stored_bytes: int
    proven_bytes: int

    @property
    def percent(self) -> float | None:
        """The share; None where nothing is stored."""
        return 100 * self.proven_bytes / self.stored_bytes if self.stored_bytes else None


@dataclass(frozen=True)
class SetMaterial:
    """One backup set over one period."""

    customer: str
    site: str
    host_id: str
    host: str
    name: str
    declaration: Declaration
    """As of the newest look that could be made; it has title, kind and place."""
    zone: str
    """The set's time zone, else its site's."""
    since: date
    """First backup day on which something was due, or the beginning of the period."""
    days: tuple[Day, ...]
    """Every backup day of the period up to now, the oldest first."""
    months: tuple[MonthCount, ...]
    recovery: Recovery
    newest: tuple[RestorePoint, ...]
    """The newest good restore point, one of each object where objects are declared."""
    points: int
    """Restore points that the newest look lists."""
    oldest_at: datetime | None
    """Start of the oldest one of them that is good."""
    proofs: tuple[tuple[Level, Proof], ...]
    """The newest proof of each level, whatever it ended in."""
    drills: tuple[Proof, ...]
    """Test restores in the period, the newest first."""
    share: Share | None
    looked_at: datetime | None
    """The newest look that could be made."""
    last_facts: BackupFacts | None = None
    """That look without its restore points, copies and proofs: locks, tool, destination, work."""
    not_looked: str = ""
    """Why the newest try gave nothing, in the agent's words; empty: it did."""

    @property
    def title(self) -> str:
        """What a person calls the set."""
        return self.declaration.title or self.name
