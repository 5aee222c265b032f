"""Plan which checks run: what the settings, the veto, the patterns and a grant leave of them.

Light checks come first, then those that sample the host over a window, then the heavy ones
(agent/runner.py runs them so).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from agent import messages
from agent.errors import PatternUnknown
from agent.settings import CheckSettings
from agent.veto import PATH
from checks.api import Check, Host, Scope
from checks.wording import VETO
from wire.grants import Coverage
from wire.messages import Failure, Planned, Reason, Skipped, Target

_HOST = Target()


class Entry(Struct, frozen=True):
    """One entry of the settings that target checks run on: a backup set, a database."""

    target: Target
    kind: str
    """For Check.target_kinds."""
    port: Callable[[Host, float], object]
    """Makes what the probe sees it through, with the seconds that it has; in the child."""
    close: Callable[[], None] | None = None
    """Its checks share one child, and what `port` opened there is closed by this when they are
    done. None: each check has a child of its own."""
    share: str = ""
    """Entries with the same one share that child, and whatever `close` closes."""
    signs_in: bool = False
    """Its port signs in with a secret of the customer's systems."""


class Job(Struct, frozen=True):
    """One check that is going to run, on the host itself or on an entry of the settings."""

    check_id: str
    check: Check[Any]
    deadline_seconds: float
    entry: Entry | None = None

    @property
    def target(self) -> Target:
        """Return what it runs on, as it goes over the wire."""
        return _HOST if self.entry is None else self.entry.target

    @property
    def share(self) -> Target | str:
        """Return what those jobs have in common that ask the same server."""
        return self.target if self.entry is None or not self.entry.share else self.entry.share

    @property
    def name(self) -> str:
        """Return the check and what it runs on, as a person reads it."""
        return f"{self.check_id} [{self.target.name}]" if self.entry else self.check_id


class Plan(Struct, frozen=True):
    """What an inspection means to run, in order, and what it knows and leaves out."""

    jobs: tuple[Job, ...]
    skipped: tuple[Skipped, ...]

    @property
    def planned(self) -> tuple[Planned, ...]:
        """Return the jobs as they go over the wire."""
        return tuple(Planned(job.check_id, job.target) for job in self.jobs)


class Phase(IntEnum):
    """Which jobs run together."""

    LIGHT = 0
    SAMPLING = 1
    HEAVY = 2


def phase(job: Job) -> Phase:
    """Return with which others a job runs."""
    if job.check.heavy:
        return Phase.HEAVY
    return Phase.SAMPLING if job.check.sampling else Phase.LIGHT


def plan(
    checks: Mapping[str, Check[Any]],
    system: str,
    settings: Mapping[str, CheckSettings],
    patterns: Sequence[str] = (),
    vetoed: Sequence[str] = (),
    entries: Sequence[Entry] = (),
    unloaded: Mapping[str, str] = MappingProxyType({}),
    coverage: Coverage | None = None,
) -> Plan:
    """Return which of the checks run on this system, and on which entries of the settings.

    Checks without a probe are made on the collector and those for other systems have nothing to
    say here: neither is part of the plan. A pattern is an id, a chapter (`host`) or a glob
    (`host.v*`); raise PatternUnknown for one that fits no check. What the patterns of `vetoed` fit
    never runs, whatever the settings and the other patterns say. `unloaded` has the checks that
    were not loaded because the settings have no entry of their target. What a `coverage` lacks for
    a check or an entry is skipped, and told: without one (an agent that is installed) the
    customer's own settings and veto decide.
    """
    probed = {
        check_id: check
        for check_id, check in checks.items()
        if check.probe is not None and system in check.systems
    }
    for pattern in patterns:
        if not any(fits(check_id, pattern) for check_id in (*probed, *unloaded)):
            known = {*probed, *unloaded}
            names = {*known, *(check_id.partition(".")[0] for check_id in known)}
            hint = messages.nearest(pattern, names)
            raise PatternUnknown(messages.PATTERN_UNKNOWN.format(name=pattern, hint=hint))
    jobs: list[Job] = []
    skipped = [
        Skipped(check_id, Failure(Reason.NOT_CONFIGURED, target))
        for check_id, target in unloaded.items()
    ]
    for check_id, check in probed.items():
        chosen = settings.get(check_id, CheckSettings())
        if any(fits(check_id, pattern) for pattern in vetoed):
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, VETO, PATH)))
        elif not chosen.enabled:
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, "", "settings")))
        elif patterns and not any(fits(check_id, pattern) for pattern in patterns):
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, "", "pattern")))
        else:
            deadline = chosen.deadline_seconds or check.deadline_seconds
            found = [Job(check_id, check, deadline, each) for each in _targets(check, entries)]
            lacking = {_missing(job, coverage) for job in found} - {""}
            jobs += [job for job in found if not _missing(job, coverage)]
            skipped += [
                Skipped(check_id, Failure(Reason.NOT_GRANTED, lack)) for lack in sorted(lacking)
            ]
            if not found:
                skipped.append(Skipped(check_id, Failure(Reason.NOT_CONFIGURED, check.target)))
    jobs.sort(key=lambda job: (phase(job), job.check_id, job.target.name))
    return Plan(tuple(jobs), tuple(skipped))


def _missing(job: Job, coverage: Coverage | None) -> str:
    if coverage is None:
        return ""
    more = (Scope.SYSTEM_PASSWORD,) if job.entry is not None and job.entry.signs_in else ()
    return coverage.missing(job.check_id, (*job.check.scopes, *more))


def _targets(check: Check[Any], entries: Sequence[Entry]) -> Sequence[Entry | None]:
    if check.target == "host":
        return (None,)
    return tuple(
        entry
        for entry in entries
        if entry.target.kind in check.other_targets
        or (
            entry.target.kind == check.target
            and (not check.target_kinds or entry.kind in check.target_kinds)
        )
    )


def fits(check_id: str, pattern: str) -> bool:
    """Return whether a pattern means the check."""
    return fnmatchcase(check_id, pattern) or check_id.startswith(f"{pattern}.")


def light_part(whole: Plan) -> Plan:
    """Return a plan without what is heavy and what watches the host for a while; that is told."""
    jobs = tuple(job for job in whole.jobs if phase(job) is Phase.LIGHT)
    left = sorted({job.check_id for job in whole.jobs} - {job.check_id for job in jobs})
    left_out = [Skipped(each, Failure(Reason.NOT_SELECTED, "", "light")) for each in left]
    return Plan(jobs, (*whole.skipped, *left_out))
