"""The messages of a batch, one class for both sides: the agent writes, the collector decodes.

A batch is one header line and one line for each observation (JSON lines, see wire/batch.py).
Unknown fields are ignored and stay in the raw bytes, which the collector keeps: an agent in the
field is always older or newer than its collector.

Version history of the wire (major.minor; the previous major stays readable for 24 months):

1.0  2026-11  First version: header with chain of digests, inspection with its plan, observations
              that carry facts or the reason why there are none. Unsigned.
1.1  2026-11  Batches and answers are signed (wire/signing.py); the header tells the clocks at the
              sealing and what had to be let go before; the acknowledgement tells forks and
              whether the agent is approved. Control messages: wire/control.py.
1.2  2026-11  Reason `login`: a database refused the account itself.
1.3  2026-11  Remote sessions (wire/grants.py, wire/sessions.py): an inspection tells the session
              that it was made in; reasons `not_granted` and `needs_agent`; a bundle carries the
              signed statements of sessions.
"""

from datetime import datetime
from enum import Enum
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

WIRE_VERSION = "1.3"

# Limits stand in the types, so that the decoder, the JSON schema and the tests share them. An end
# of `$` alone would let a line end pass behind it; \Z is no part of JSON schema's expressions.
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$(?!\n)")]
CheckId = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$(?!\n)", max_length=100)
]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Label = Annotated[str, Meta(max_length=255)]
Sentence = Annotated[str, Meta(max_length=2000)]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]


class Reason(Enum):
    """Why there are no facts. A reading without facts is never a pass."""

    PERMISSION = "permission"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    MISSING_TOOL = "missing_tool"
    UNREACHABLE = "unreachable"
    LOGIN = "login"
    """A server answered and refused the account: wrong or expired password, locked, no access."""
    NOT_CONFIGURED = "not_configured"
    NOT_APPLICABLE = "not_applicable"
    NO_HISTORY = "no_history"
    NOT_SELECTED = "not_selected"
    NOT_GRANTED = "not_granted"
    """The customer's grant does not cover it; the subject names what it lacks."""
    NEEDS_AGENT = "needs_agent"
    """It can't be read over a channel: it takes the agent's own code on the host."""
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Failure(Struct, frozen=True, omit_defaults=True):
    """The reason why something could not be read."""

    reason: Reason
    subject: Label = ""
    """What it is about: the path refused, the tool that is missing, the deadline that ran out."""
    detail: Sentence = ""
    """The system's own words, for the engineer."""


class Cost(Struct, frozen=True):
    """What a reading took on the customer's host, its child processes included."""

    cpu_seconds: Seconds
    wall_seconds: Seconds
    peak_memory_bytes: Count


class Target(Struct, frozen=True, omit_defaults=True):
    """What a check was run on: the host itself, or one named entry of the agent's settings."""

    kind: Label = "host"
    name: Label = ""


class Observation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one check on one target at one time, or the reason why there are none."""

    check: CheckId
    version: Count = 1
    """Version of the check's facts, so that a later collector knows what it reads."""
    target: Target = Target()
    observed_at: Moment
    """Wall clock of the host, UTC."""
    monotonic_seconds: Seconds
    """The host's monotonic clock at the same moment; comparable inside one boot."""
    cost: Cost
    facts: Raw | UnsetType = UNSET
    failure: Failure | None = None


class Planned(Struct, frozen=True, omit_defaults=True):
    """One check on one target that the inspection meant to run."""

    check: CheckId
    target: Target = Target()


class Skipped(Struct, frozen=True):
    """One check that the agent knows and did not plan, with the reason."""

    check: CheckId
    failure: Failure


class HostIdentity(Struct, frozen=True, omit_defaults=True):
    """Hints to recognise a host by. Hints, never keys: clones share them."""

    hostname: Label
    system: Label
    """`linux` or `windows`."""
    machine_id: Label = ""


class Remote(Struct, frozen=True, kw_only=True):
    """How an inspection was made where no agent is installed."""

    session: Identifier
    grant: Identifier
    person: Label
    mode: Label
    """wire.sessions.Mode."""


class Inspection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of an agent. Every batch of the inspection repeats it."""

    id: Identifier
    started_at: Moment
    finished_at: Moment | None = None
    """None: the run was interrupted; the batch holds what had been done until then."""
    boot_id: Label
    time_zone: Label
    """IANA name of the host's time zone."""
    host: HostIdentity
    agent_version: Label
    checks_digest: Digest
    """SHA-256 over the source of all checks: which pack made these facts."""
    planned: Annotated[tuple[Planned, ...], Meta(max_length=2000)]
    skipped: Annotated[tuple[Skipped, ...], Meta(max_length=2000)] = ()
    broken: Annotated[tuple[Sentence, ...], Meta(max_length=200)] = ()
    """Checks that could not be loaded, one sentence each."""
    cost: Cost
    """The whole run, from start to the sealing of this batch."""
    interval_seconds: Seconds | None = None
    """How often the host's timer starts one; 0: a person starts them; None: not told."""
    remote: Remote | None = None
    """The remote session that it was made in; None: by an agent that is installed."""


class Loss(Enum):
    """Why an agent let observations go before they were handed over (security-reliability §3.6)."""

    THINNED = "thinned"
    """More than one a day of a check, older than 30 days."""
    UNCHANGED = "unchanged"
    """Large readings that said the same as the one before."""
    OLDEST = "oldest"
    """The oldest readings that had succeeded."""
    EXPIRED = "expired"
    """Older than the spool keeps anything."""
    LAST_RESORT = "last_resort"
    """Failures or sealed batches, because nothing else was left to let go."""
    DAMAGED = "damaged"
    """The spool was damaged and set aside; how much was in it is not known."""
    SPLIT = "split"
    """Nothing went: a sealed batch was too large for the way and follows in smaller ones; its
    number is missing in the chain."""


class Gap(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent had to let go: it is not lost unseen."""

    loss: Loss
    observations: Count | None = None
    """None: not known."""
    batches: Count = 0
    """Sealed batches among it: their numbers are missing in the chain."""
    first_at: Moment
    last_at: Moment
    """Of the observations that went, by the host's wall clock."""


class Header(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line of a batch: its place in the agent's chain, and the inspection it is of."""

    wire: Label
    agent: Identifier
    epoch: Identifier
    """UUID made with the agent's spool; a new spool is a new epoch."""
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    previous: Digest | None = None
    """Digest of the batch before in the same epoch; None for the first."""
    inspection: Inspection
    part: Annotated[int, Meta(ge=1, le=1000)] = 1
    last: bool = True
    """False where more batches of the same inspection follow."""
    observations: Annotated[int, Meta(ge=0, le=20_000)]
    sealed_at: Moment | None = None
    """Wall clock of the host when the batch was sealed."""
    gaps: Annotated[tuple[Gap, ...], Meta(max_length=1000)] = ()
    """What was let go since the batch before."""


class Standing(Enum):
    """What the collector makes of an agent."""

    PENDING = "pending"
    """Enrolled, not approved yet: batches are stored and wait for a person's word."""
    ACTIVE = "active"
    REVOKED = "revoked"


class Acknowledgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The collector's answer: these bytes are durable. Only now may the agent delete them.

    It counts only in an envelope signed by the collector's key, and names one batch by its digest:
    nothing is ever deleted by number alone.
    """

    wire: Label
    agent: Identifier
    epoch: Identifier
    seq: Annotated[int, Meta(ge=1)]
    digest: Digest
    received_at: Moment
    """When the batch was stored, by the collector's clock."""
    server_time: Moment
    """The collector's clock now."""
    standing: Standing
    duplicate: bool = False
    """The same batch had been stored before; the agent reads this answer like the first."""
    forked: bool = False
    """Another batch stands at this place of the chain: a cloned host, or one that was set back.
    Both are stored. The agent starts a new epoch for what follows."""
