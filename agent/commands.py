"""The commands of every day. Exit codes: 0 did its job, 1 kept what it has, 2 could not."""

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from agent import messages, planning, runner, showing, veto
from agent.console import Console
from agent.errors import AgentError, NotEnrolled
from agent.events import Event, SpoolDamaged, SpoolOutdated
from agent.host import LocalHost
from agent.settings import Run, Settings, load
from checks import wording
from checks.api import Check
from checks.discovery import Catalogue, discover, names
from wire.messages import Observation, Reason

if TYPE_CHECKING:
    from agent.identity import Identity
    from agent.spool import Spool

DONE, KEPT, COULD_NOT = 0, 1, 2


def check(console: Console, patterns: Sequence[str], *, listing: bool, as_json: bool) -> int:
    """Run probes and print their facts, or list the checks; no settings, no collector."""
    catalogue = discover()
    forbidden = veto.load(catalogue.checks)
    if forbidden.off:
        console.complain(veto.SWITCHED_OFF)
        return DONE
    _complain_of_broken(console, catalogue)
    host = LocalHost()
    plan = planning.plan(catalogue.checks, host.system, {}, patterns, forbidden.checks)
    if listing:
        unset = [
            planning.Job(each.check, catalogue.checks[each.check], 0)
            for each in plan.skipped
            if each.failure.reason is Reason.NOT_CONFIGURED
        ]
        for job in sorted([*plan.jobs, *unset], key=lambda job: job.check_id):
            _list(console, job, as_json=as_json)
        return DONE
    _demand_posix()
    limits = Run()
    steps = runner.run(
        plan.jobs,
        host,
        parallel=limits.parallel,
        memory_bytes=limits.memory_mebibytes * 2**20,
    )
    for step in steps:
        if isinstance(step, Observation):
            if as_json:
                console.json(step)
            else:
                _show(console, catalogue.checks[step.check], step)
    return DONE


def run(console: Console, settings_path: str, patterns: Sequence[str], *, as_json: bool) -> int:
    """Make one inspection, hand over what waits."""
    from agent.inspection import inspect

    _demand_posix()
    # By name only: a check that can't be loaded may still be named in the settings.
    known = names()
    forbidden = veto.load(known)
    if forbidden.off:
        console.complain(veto.SWITCHED_OFF)
        return DONE
    settings = load(settings_path, known)
    entries = entries_of(settings)
    catalogue = discover({entry.target.kind for entry in entries})
    _complain_of_broken(console, catalogue)
    host = LocalHost()
    plan = planning.plan(
        catalogue.checks,
        host.system,
        settings.checks,
        patterns,
        forbidden.checks,
        entries,
        catalogue.unloaded,
    )
    report = _reporter(console, as_json=as_json)
    with _spool(settings, report) as (identity, spool):
        try:
            complete = inspect(
                settings, identity, catalogue, plan, spool, host, report, console.language
            )
        except KeyboardInterrupt:
            console.complain(messages.INTERRUPTED)
            return KEPT
    if not complete:
        console.complain(messages.NOT_HANDED_OVER)
    return DONE if complete else KEPT


def entries_of(settings: Settings) -> "tuple[planning.Entry, ...]":
    """Return what the settings name for target checks."""
    found: list[planning.Entry] = []
    for section in ("backups", "databases", "queries", "products"):
        if getattr(settings, section):
            found += importlib.import_module(f"agent.{section}.entries").entries(settings)
    return tuple(found)


def deliver(console: Console, settings_path: str, *, now: bool, as_json: bool) -> int:
    """Hand over what waits, without an inspection."""
    from agent.delivery import Situation, due

    _demand_posix()
    settings = load(settings_path)
    report = _reporter(console, as_json=as_json)
    with _spool(settings, report) as (identity, spool):
        # Whoever holds the state folder knows that no inspection is under way.
        spool.finish_interrupted()
        situation = Situation(settings, identity, spool, LocalHost(), report, console.language)
        return DONE if due(situation, now=now) else KEPT


def status(console: Console, settings_path: str, *, as_json: bool) -> int:
    """Print what the spool holds."""
    from agent import identity, telling
    from agent.status import look

    settings = load(settings_path)
    folder = Path(settings.agent.state)
    known = None
    with suppress(NotEnrolled):
        known = identity.load(folder)
    found = look(known, folder, console.language)
    if as_json:
        console.json(found)
    elif found is None:
        console.say(messages.STATUS_NEVER.format(folder=settings.agent.state))
    else:
        for line in telling.lines(found):
            console.say(line)
    return DONE


def _reporter(console: Console, *, as_json: bool) -> Callable[[Event], None]:
    return console.json if as_json else console.tell


@contextmanager
def _spool(
    settings: Settings, report: Callable[[Event], None]
) -> "Iterator[tuple[Identity, Spool]]":
    """Hold the state folder: its identity and its spool. Raise IdentityError or SpoolError."""
    from agent import identity
    from agent.spool import Spool
    from agent.spool_file import exclusive

    folder = Path(settings.agent.state)
    with exclusive(folder):
        known = identity.load(folder)
        spool = Spool(folder)
        try:
            if spool.set_aside is not None:
                kind = SpoolOutdated if spool.set_aside.outdated else SpoolDamaged
                report(kind(spool.set_aside.moved_to))
            yield known, spool
        finally:
            spool.close()


def _demand_posix() -> None:
    if not hasattr(os, "fork"):
        raise AgentError(messages.NOT_POSIX)


def _complain_of_broken(console: Console, catalogue: Catalogue) -> None:
    for error in catalogue.errors:
        console.complain(messages.BROKEN.format(detail=error))


def _list(console: Console, job: planning.Job, *, as_json: bool) -> None:
    declared = job.check
    if as_json:
        console.json(
            {
                "check": job.check_id,
                "title": console.words(declared.title),
                "reads": declared.reads,
                "privilege": console.words(declared.privilege),
                "deadline_seconds": declared.deadline_seconds,
                "heavy": declared.heavy,
                "scopes": [scope.value for scope in declared.scopes],
                "agentless": declared.agentless,
            }
        )
        return
    console.say(f"{job.check_id}  {console.words(declared.title)}")
    deadline = messages.SECONDS.format(value=f"{declared.deadline_seconds:g}")
    scopes = ", ".join(
        f"{console.words(wording.scope(scope))} ({scope.value})" for scope in declared.scopes
    )
    for title, value in (
        (messages.LIST_READS, ", ".join(declared.reads)),
        (messages.LIST_PRIVILEGE, console.words(declared.privilege)),
        (messages.LIST_DEADLINE, console.words(deadline)),
        (messages.LIST_SCOPES, scopes),
    ):
        console.say(messages.FIELD.format(title=title, value=value))
    if declared.agentless:
        console.say(messages.LIST_AGENTLESS)
    if declared.heavy:
        console.say(messages.LIST_HEAVY)


def _show(console: Console, declared: Check[Any], observation: Observation) -> None:
    console.say(f"{observation.check}  {console.words(declared.title)}")
    if observation.failure is not None:
        reason = console.words(wording.reason(observation.failure))
        detail = f" ({observation.failure.detail})" if observation.failure.detail else ""
        console.say(messages.NOT_READ.format(why=reason + detail))
    if observation.facts is not UNSET:
        for line in showing.lines(msgspec.json.decode(observation.facts)):
            console.say(line)
