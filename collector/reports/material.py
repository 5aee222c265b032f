"""What a report is composed of: plain values, gathered once, so that composing is pure.

The same material and the same date give the same report, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from checks.api import Chapter, Owner, Point, State, Text
from collector.assessment.findings import Severity as Severity
from collector.assessment.score import Score
from collector.backups.material import SetMaterial as SetMaterial
from collector.policy.service import ThresholdRow as ThresholdRow
from collector.sessions.outcome import Outcome as Outcome


@dataclass(frozen=True)
class Cover:
    """What stands on the cover and in the document control."""

    customer: str
    system: str
    """Name of the system or product under inspection."""
    year: int
    period_start: date
    period_end: date
    number: str
    """Report number, unique for customer, year and version."""
    version: str
    provider: str
    engineer: str
    generated_on: date
    time_zone: str
    """IANA name; every time in the report is in it."""


@dataclass(frozen=True)
class VerdictRow:
    """The newest verdict of one object under one rule on one host."""

    code: str
    check: str
    object: str
    state: State
    current: Text
    reference: Text
    message: Text | None
    reason: Text | None
    """For not run and stale: why, in words."""
    observed_at: datetime
    evidence: str
    """SHA-256 of the signed batch that the facts are in."""
    target: str = ""
    """Name of the entry of the settings that was judged; '' is the host. `object` has it, too."""


@dataclass(frozen=True)
class TargetFacts:
    """Facts of a check on one entry of the agent's settings: a product, a database."""

    check: str
    target: str
    facts: Mapping[str, object] | None
    """As plain JSON values; None: none were ever read."""
    observed_at: datetime
    """Of the facts; without any, of the newest try."""
    reason: Text | None = None
    """Why the newest try gave none."""


@dataclass(frozen=True)
class RemoteRow:
    """How an inspection was made where no agent is installed."""

    session: str
    grant: str
    person: str
    mode: Text


@dataclass(frozen=True)
class InspectionRow:
    """One inspection of one host inside the period."""

    id: str
    host: str
    started_at: datetime
    finished_at: datetime | None
    planned: int
    collected: int
    agent_version: str
    checks_digest: str
    cpu_seconds: float
    batches: tuple[str, ...]
    """SHA-256 of each batch."""
    remote: RemoteRow | None = None
    """None: by an agent that is installed."""


@dataclass(frozen=True)
class LeftOutRow:
    """A check that the newest remote inspection of a host left out."""

    host: str
    check: str
    title: Text
    reason: Text
    as_of: datetime


@dataclass(frozen=True)
class WorkRow:
    """The newest work record of a session."""

    problem: str
    done: str
    result: str
    cause: str
    prevention: str
    confirmed_by: str
    confirmed_at: datetime | None


@dataclass(frozen=True)
class SessionRow:
    """A remote session that was opened in the period."""

    id: str
    host: str
    person: str
    purpose: Text
    grant: str
    opened_at: datetime
    ended_at: datetime | None
    state: Text
    """How it ended, or why it was not permitted."""
    outcome: Outcome
    """What is proved of its record."""
    accepted_by: str
    """Who took it in although it had not been permitted; empty: nobody."""
    is_change: bool
    """Free work on the host."""
    proof: str
    """Which backup was proved good before a change; empty: none."""
    work: WorkRow | None


@dataclass(frozen=True)
class HostMaterial:
    """One host with everything known about it at the end of the period."""

    name: str
    site: str
    system: str
    inventory: Mapping[str, object] | None
    """Facts of host.inventory as plain JSON values; None: 未采集."""
    inventory_reason: Text | None
    software: Mapping[str, object] | None
    """Facts of host.software as plain JSON values; None: 未采集."""
    software_reason: Text | None
    verdicts: tuple[VerdictRow, ...]
    series: Mapping[tuple[str, str, str], tuple[Point, ...]]
    """(check, measure, object) → points inside the period, oldest first; declared trends only."""
    score: Score
    targets: tuple[TargetFacts, ...] = ()
    """Of product checks and of instances of databases, by check and target."""


@dataclass(frozen=True)
class FindingRow:
    """A finding, followed over the inspections."""

    number: str
    """Unique for the customer: F-0001."""
    host: str
    code: str
    object: str
    severity: Severity
    state: State
    """WARNING or CRITICAL as of the newest inspection; OK once resolved."""
    change: str
    """new, recurring, improved, worsened or resolved."""
    first_seen: datetime
    last_seen: datetime
    times: int
    current: Text
    reference: Text
    message: Text | None
    evidence: str


@dataclass(frozen=True)
class RuleRow:
    """A rule as the appendix prints it."""

    code: str
    check: str
    check_title: Text
    chapter: Chapter
    title: Text
    why: Text
    remedy: Text
    priority: int
    owner: Owner
    reads: tuple[str, ...]
    thresholds: tuple[ThresholdRow, ...]


@dataclass(frozen=True)
class TrendRow:
    """A measure that its check declares worth a curve (checks.api.Trend), with its thresholds."""

    check: str
    measure: str
    chapter: Chapter
    title: Text
    unit: str
    """`%`, `s`, `bytes`, or empty for a count."""
    warning: float | None
    critical: float | None
    fills_up: bool
    """True for a share of something that runs full: it stands in the chapter on capacity."""


@dataclass(frozen=True)
class Material:
    """All of it."""

    cover: Cover
    hosts: tuple[HostMaterial, ...]
    inspections: tuple[InspectionRow, ...]
    """Oldest first."""
    findings: tuple[FindingRow, ...]
    """Open ones worst first, then those resolved in the period."""
    rules: tuple[RuleRow, ...]
    """By code, every rule of the catalogue."""
    trends: tuple[TrendRow, ...]
    """In the order of the catalogue."""
    backups: tuple[SetMaterial, ...]
    """By host and name: every set that was declared in the period."""
    score: Score
    previous_score: Score | None
    previous_date: date | None
    broken_checks: tuple[str, ...]
    """Checks that could not be loaded, one sentence each."""
    quarantined: tuple[str, ...]
    """Batches or lines of this customer that could not be read, one sentence each."""
    sessions: tuple[SessionRow, ...] = ()
    """Oldest first."""
    left_out: tuple[LeftOutRow, ...] = ()
    """By host and check."""


def named(target: str, name: str) -> str:
    """Return how an object is shown: with its target where it has one."""
    return f"{target}: {name}" if target and name else target or name
