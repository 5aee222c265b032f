"""All that a check may import: declarations, verdicts, and the ports it sees the host through.

A check is one file (docs/architecture.md, CONTRIBUTING.md). Its `probe` runs on the customer's
host and returns facts; its rules run on the collector and yield verdicts. Both halves are pure
but for the `Host` port, so that each can be tested from captured readings.

All is made of msgspec's Structs: an agent loads this at every start, and a dataclass costs a
hundred times as much to make (and `dataclasses` 8 ms to import).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

from wire.messages import Failure, Gap, Inspection, Observation
from wire.scopes import DEFAULT_SCOPES, Scope

__all__ = [
    "Arrival",
    "Chapter",
    "Check",
    "Failure",
    "Gap",
    "Host",
    "Inspection",
    "Measure",
    "Observation",
    "Output",
    "Owner",
    "Past",
    "Point",
    "Rule",
    "Scope",
    "State",
    "Struct",
    "Text",
    "Thresholds",
    "Trend",
    "Verdict",
    "critical",
    "grade",
    "info",
    "limit",
    "not_applicable",
    "not_run",
    "ok",
    "warning",
]


class Text(Struct, frozen=True):
    """What a check says, in both languages of the report."""

    zh: str
    en: str

    @classmethod
    def same(cls, text: str) -> "Text":
        """Return a text that reads alike in both languages: a number, a path, a version."""
        return cls(text, text)

    def __str__(self) -> str:
        """Return the Chinese text: it is the default everywhere."""
        return self.zh

    def format(self, **values: "Text | str | float") -> "Text":
        """Fill `{name}` in both languages; a Text value goes in by language."""

        def filled(language: str) -> dict[str, object]:
            return {
                name: getattr(value, language) if isinstance(value, Text) else value
                for name, value in values.items()
            }

        return Text(self.zh.format(**filled("zh")), self.en.format(**filled("en")))


class Chapter(Enum):
    """The chapter of the report that a check's results stand in."""

    HOST = "host"
    PATCH = "patch"
    DATABASE = "database"
    BACKUP = "backup"
    PRODUCT = "product"
    SECURITY = "security"
    AGENT = "agent"


class Owner(Enum):
    """Who puts a finding right (责任方)."""

    SYSTEM_ADMINISTRATOR = "system_administrator"
    DATABASE_ADMINISTRATOR = "database_administrator"
    APPLICATION_CONSULTANT = "application_consultant"
    SERVICE_ENGINEER = "service_engineer"


class State(Enum):
    """What a verdict says. Rules yield the first six; the collector adds the last two."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"
    STALE = "stale"
    WAIVED = "waived"


class Verdict(Struct, frozen=True):
    """The state of one object under one rule."""

    object: str
    """What was judged, stable over time: a mount point, a service, a database; '' is the host."""
    state: State
    current: Text = Text("", "")
    """The value found (当前值), as a person reads it."""
    reference: Text = Text("", "")
    """The value wanted (参考值)."""
    message: Text | None = None
    """For what is not well: one sentence with the evidence."""
    failure: Failure | None = None
    """For not_run: why."""


def ok(object: str, current: Text, reference: Text) -> Verdict:
    """Return the verdict that an object is well. Good objects are listed, too."""
    return Verdict(object, State.OK, current, reference)


def info(object: str, current: Text, reference: Text, message: Text) -> Verdict:
    """Return a verdict worth reading that costs no points."""
    return Verdict(object, State.INFO, current, reference, message)


def warning(object: str, current: Text, reference: Text, message: Text) -> Verdict:
    """Return the verdict that an object needs attention (关注)."""
    return Verdict(object, State.WARNING, current, reference, message)


def critical(object: str, current: Text, reference: Text, message: Text) -> Verdict:
    """Return the verdict that an object needs action now (异常)."""
    return Verdict(object, State.CRITICAL, current, reference, message)


def not_applicable(object: str, why: Text) -> Verdict:
    """Return the verdict that the rule has nothing to judge here, and why."""
    return Verdict(object, State.NOT_APPLICABLE, message=why)


def not_run(object: str, failure: Failure, message: Text | None = None) -> Verdict:
    """Return the verdict that nothing can be said. Never use ok for missing data."""
    return Verdict(object, State.NOT_RUN, message=message, failure=failure)


def grade(value: float, warning: float, critical: float, *, lower_is_worse: bool = False) -> State:
    """Return OK, WARNING or CRITICAL; reaching a limit counts as beyond it."""
    if lower_is_worse:
        value, warning, critical = -value, -warning, -critical
    if value >= critical:
        return State.CRITICAL
    return State.WARNING if value >= warning else State.OK


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a rule's thresholds: every field has a default, a unit and an origin (`limit`)."""


def limit(unit: str, origin: str) -> Meta:
    """Annotate a threshold with its unit and where the number comes from (catalogue §1)."""
    return Meta(extra={"unit": unit, "origin": origin})


FactsType = TypeVar("FactsType", bound=Struct)
ThresholdsType = TypeVar("ThresholdsType", bound=Thresholds)


class Measure(Struct, frozen=True):
    """One number of an observation that is kept as a series, for trends and forecasts."""

    name: str
    """Names the series inside the check, with its unit: `used_percent`, `free_bytes`."""
    object: str
    value: float


class Trend(Struct, frozen=True):
    """A measure that the report draws over the year: one figure, a line for each object."""

    measure: str
    title: Text
    unit: str
    """What stands at the axis: `%`, `s`, or empty for a count."""
    rule: str = ""
    """Code of the rule whose thresholds are drawn as lines; then warning and critical name them."""
    warning: str = ""
    critical: str = ""
    fills_up: bool = False
    """True for a share of something that runs full: it is forecast in the chapter on capacity."""


class Point(Struct, frozen=True):
    """One value of a series."""

    at: datetime
    value: float


def _no_series(_measure: str, _object: str) -> Sequence[Point]:
    return ()


class Past(Struct, Generic[FactsType], frozen=True):
    """What a rule may know besides the facts at hand."""

    observed_at: datetime
    """When the facts were read, corrected to the collector's clock. A rule's only clock."""
    previous: FactsType | None = None
    """The newest facts of the same check and target before these."""
    elapsed_seconds: float | None = None
    """Between the previous facts and these; None where there are none before."""
    same_boot: bool = False
    """True where previous and present were read in one boot: counters since boot compare."""
    series: Callable[[str, str], Sequence[Point]] = _no_series
    """series(measure, object): its points up to and with this observation, oldest first."""


class Rule(Struct, Generic[FactsType, ThresholdsType], frozen=True):
    """One row of the check catalogue: what it judges, why it matters, what to do about it."""

    code: str
    """Stable for ever, never used again: OS-DSK-001."""
    title: Text
    why: Text
    remedy: Text
    priority: int
    """1 must, 2 should, 3 nice to have; weights 3, 2, 1 in the score."""
    thresholds: type[ThresholdsType]
    evaluate: Callable[[FactsType, ThresholdsType, Past[FactsType]], Iterator[Verdict]]
    owner: Owner = Owner.SYSTEM_ADMINISTRATOR


class Arrival(Struct, frozen=True):
    """An inspection as it came to the collector: what derived facts are made from."""

    inspection: Inspection
    observations: Sequence[Observation]
    """All of the inspection that has come."""
    key_id: str = ""
    """The agent's key that signed the batch."""
    by_bundle: bool = False
    """It came in a file, not over the network."""
    offset_seconds: float | None = None
    """How far the host's clock was ahead of the collector's when the batch was sent (negative:
    behind); None where nothing tells, as for a bundle."""
    gaps: Sequence[Gap] = ()
    """What the agent had to let go before this inspection could be handed over."""
    forked_at: datetime | None = None
    """When the agent's chain was last seen to fork."""
    received_at: datetime | None = None


class Output(Struct, frozen=True):
    """What a command printed."""

    text: str
    exit_code: int
    error_text: str = ""


class Host(Protocol):
    """The customer's host as a probe may see it: read-only, bounded, with deadlines.

    Every method raises a ProbeError (checks/errors.py) and nothing else when the host refuses.
    """

    @property
    def system(self) -> str:
        """`linux` or `windows`."""
        ...

    def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
        """Return a text file, at most limit_bytes of it, odd bytes replaced."""
        ...

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        """Return a file, at most limit_bytes of it."""
        ...

    def modified_at(self, path: str) -> datetime:
        """Return when a file or folder was last changed (UTC)."""
        ...

    def exists(self, path: str) -> bool:
        """Return whether something is at the path."""
        ...

    def list(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that fit a glob pattern, sorted; none is an empty tuple."""
        ...

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        """Run a reading command without a shell, in the C locale, and return what it printed.

        Raise ToolMissing, TimedOut (its whole process group is killed), NotPermitted, or
        UnexpectedOutput for more than limit_bytes or an exit code that is not in exit_codes.
        """
        ...


def _no_measures(_facts: Struct) -> Iterator[Measure]:
    return iter(())


class Check(Struct, Generic[FactsType], frozen=True, dict=True):
    """One reading of one subject with the rules that judge it. The module's `CHECK`."""

    title: Text
    chapter: Chapter
    facts: type[FactsType]
    rules: tuple[Rule[FactsType, Any], ...]
    reads: tuple[str, ...]
    """Every path, call and command that the probe reads: the customer's administrator sees it."""
    probe: Callable[[Any], FactsType] | None = None
    """Reads the facts through its port; None where `derive` makes them. The port is a Host, or for
    target "backup" a checks.backup_sets.BackupSet, for a database a checks.databases.Database."""
    derive: Callable[[Arrival], FactsType] | None = None
    """Makes the facts on the collector, from the inspection itself: what ran, what it cost."""
    measures: Callable[[FactsType], Iterator[Measure]] = _no_measures
    trends: tuple[Trend, ...] = ()
    """The measures that the report draws; the others are kept for rules only."""
    privilege: Text = Text("普通用户", "unprivileged user")
    """The least privilege that gives complete facts."""
    systems: tuple[str, ...] = ("linux",)
    target: str = "host"
    """`host`, or what the agent's settings have entries of: the check runs once for each."""
    target_kinds: tuple[str, ...] = ()
    """Only for entries of these kinds; empty: for all of the target."""
    other_targets: tuple[str, ...] = ()
    """Targets besides `target` whose entries it runs on, all of their kinds: their ports give the
    probe what it asks for, too."""
    memory_mebibytes: int = 0
    """Address space where its tools reserve more than a probe may have; 0: the run's setting."""
    deadline_seconds: float = 20
    heavy: bool = False
    """True for a reading that costs more than all light ones: it runs alone, and of the host
    itself it is read on a schedule of its own, cached."""
    fresh_while: tuple[str, ...] = ()
    """Files and folders of a heavy reading: once the date of one has changed, an earlier reading is
    not used again. Only their dates are looked at; `reads` names them, too."""
    sampling: bool = False
    """True for a reading that watches the host over a window: no other probe runs meanwhile, so
    that the agent does not measure itself."""
    version: int = 1
    """Raised when the facts change their meaning."""
    scopes: tuple[Scope, ...] = DEFAULT_SCOPES
    """What kinds of things its facts hold: a remote inspection runs it only under a grant that
    covers all of them."""
    agentless: bool = False
    """True where the probe sees the host through its port and by nothing else (no psutil, no call
    of the system it runs on), so that it may run on another machine, over a channel."""

    def __post_init__(self) -> None:
        """Hold the two sources of facts apart."""
        if (self.probe is None) == (self.derive is None):
            raise ValueError(f"{self.title.en}: a check has either a probe or a derive")

    @cached_property
    def decoder(self) -> "msgspec.json.Decoder[FactsType]":
        """Return the decoder of the facts, made when it is first asked for: never on an agent."""
        return msgspec.json.Decoder(self.facts)
