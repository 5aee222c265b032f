"""What happens during a run, as it happens: `xunjian-agent run --json` prints one a line.

{"event":"planned","total":20}
{"event":"started","check":"host.volumes"}
{"event":"observed","check":"host.volumes","failure":null,"done":1,"total":20}
{"event":"observed","check":"patch.apt","failure":null,"done":2,"total":20,"cached":"2026-…"}
{"event":"sealed","batches":1}
{"event":"uploaded","seq":7,"duplicate":false}
{"event":"kept","seq":8,"why":"…"}
{"event":"forked","seq":8,"epoch":"…"}
{"event":"split","seq":8,"into":2}
{"event":"dead_letter","seq":8,"why":"…"}
{"event":"paused","until":"2026-…","seconds":312.5,"reason":"unreached","why":"…"}
{"event":"finished","inspection":"…","collected":19,"total":20,"pending":1}
{"event":"package","sent":1048576,"total":14452309}          (a visit by package, agent/remote)
{"event":"secret","entry":"database erp"}                    (a remote inspection signs in there)
{"event":"spool_damaged","moved_to":"…"}      (first, and only where it happened)
{"event":"spool_outdated","moved_to":"…"}     (the same)
"""

from datetime import datetime

from msgspec import Struct


class SpoolDamaged(Struct, frozen=True, tag_field="event", tag="spool_damaged"):
    """The spool was damaged; it was moved aside and a new one was started."""

    moved_to: str


class SpoolOutdated(Struct, frozen=True, tag_field="event", tag="spool_outdated"):
    """The spool was of an agent before signatures; it was moved aside and a new one was started."""

    moved_to: str


class PlanMade(Struct, frozen=True, tag_field="event", tag="planned"):
    """So many checks are going to run."""

    total: int


class CheckStarted(Struct, frozen=True, tag_field="event", tag="started"):
    """The probe of a check has been started."""

    check: str


class CheckObserved(Struct, frozen=True, omit_defaults=True, tag_field="event", tag="observed"):
    """The observation of a check is durable; `failure` is a wire.messages.Reason or None."""

    check: str
    failure: str | None
    done: int
    total: int
    cached: datetime | None = None
    """When the facts were read, where those of an earlier run are used again."""


class BatchesSealed(Struct, frozen=True, tag_field="event", tag="sealed"):
    """So many batches were made of one inspection: numbered, signed, about to be sent."""

    batches: int


class BatchUploaded(Struct, frozen=True, tag_field="event", tag="uploaded"):
    """The collector acknowledged a batch, and the spool has let it go."""

    seq: int
    duplicate: bool


class BatchKept(Struct, frozen=True, tag_field="event", tag="kept"):
    """A batch stays in the spool; `why` is a sentence in the language of the run."""

    seq: int
    why: str


class EpochForked(Struct, frozen=True, tag_field="event", tag="forked"):
    """The collector keeps this batch beside another one; what follows is of the epoch named."""

    seq: int
    epoch: str


class BatchSplit(Struct, frozen=True, tag_field="event", tag="split"):
    """A batch was too large; so many smaller ones took its place."""

    seq: int
    into: int


class BatchDead(Struct, frozen=True, tag_field="event", tag="dead_letter"):
    """A batch was refused for the last time: it is kept and shown, and not sent again."""

    seq: int
    why: str


class DeliveryPaused(Struct, frozen=True, tag_field="event", tag="paused"):
    """Nothing more is sent before `until`; `reason` is an agent.pause.PauseReason."""

    until: datetime
    seconds: float
    reason: str
    why: str


class DeliveryForbidden(Struct, frozen=True, tag_field="event", tag="forbidden"):
    """The administrator of the host forbids uploads (agent/veto.py); all stays here."""

    why: str


class PackageSent(Struct, frozen=True, tag_field="event", tag="package"):
    """So much of the agent's package is on its way to a host, in bytes."""

    sent: int
    total: int


class SecretUsed(Struct, frozen=True, tag_field="event", tag="secret"):
    """A remote inspection is about to sign in with a secret of this entry: which, not what."""

    entry: str


class RunFinished(Struct, frozen=True, tag_field="event", tag="finished"):
    """The run is over: so many checks gave facts, so many batches wait."""

    inspection: str
    collected: int
    total: int
    pending: int


Event = (
    SpoolDamaged
    | SpoolOutdated
    | PlanMade
    | CheckStarted
    | CheckObserved
    | BatchesSealed
    | BatchUploaded
    | BatchKept
    | EpochForked
    | BatchSplit
    | BatchDead
    | DeliveryPaused
    | DeliveryForbidden
    | PackageSent
    | SecretUsed
    | RunFinished
)
