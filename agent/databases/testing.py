"""`xunjian-agent database test NAME`: sign in, run every check, say what was read and what wasn't.

The checks run as in an inspection; nothing is stored and nothing leaves the host. A row whose rule
can't say anything is named with the reason: that is what the account script would still have to
give.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, Struct

from agent import messages, planning, runner, veto
from agent.console import Console
from agent.databases.connecting import place
from agent.databases.entries import entries
from agent.databases.settings import DatabaseSettings
from agent.databases.testing_texts import (
    CAN_NOT,
    HEAD,
    NO_WAY_IN,
    PARTLY,
    PROGRESS,
    RUNS,
    TOTAL,
    UNKNOWN,
    WHOLE_CHECK,
)
from agent.databases.texts import NONE_DECLARED
from agent.errors import AgentError
from agent.host import LocalHost
from agent.secret import foresee
from agent.settings import Run, Settings, load
from checks import wording
from checks.api import Check, Past, State, Text
from checks.discovery import discover, names
from wire.messages import Failure, Observation, Reason

WELL, MISSING, COULD_NOT = 0, 1, 2
_BEFORE_CONNECTING = ("ODBC driver", "pyodbc", "password", "options")
_NO_WAY_IN = (
    Reason.LOGIN,
    Reason.UNREACHABLE,
    Reason.MISSING_TOOL,
    Reason.PERMISSION,
    Reason.NOT_CONFIGURED,
)
_NOT_MISSING = (Reason.NO_HISTORY, Reason.NOT_APPLICABLE)
"""What comes with the second inspection, and what can't be on this server."""


class Row(Struct, frozen=True):
    """A row of the catalogue that nothing can be said of."""

    code: str
    """Empty: all of the check."""
    title: Text
    failure: Failure


class Tested(Struct, frozen=True):
    """What came of one check."""

    check: str
    title: Text
    rows: int
    """Rules that the check has."""
    missing: tuple[Row, ...]
    seconds: float

    @property
    def runs(self) -> bool:
        """Return whether anything could be read."""
        return not any(not row.code for row in self.missing)


def try_out(console: Console, settings_path: str, name: str, *, as_json: bool) -> int:
    """Run the checks of one database and print what each can do. Raise AgentError."""
    settings = load(settings_path, names())
    chosen = _chosen(settings, settings_path, name)
    foresee(chosen)
    [entry] = [each for each in entries(settings) if each.target.name == name]
    catalogue = discover({entry.target.kind})
    host = LocalHost()
    forbidden = veto.load(catalogue.checks)
    plan = planning.plan(
        catalogue.checks, host.system, settings.checks, (), forbidden.checks, (entry,)
    )
    jobs = [job for job in plan.jobs if job.entry is not None]
    if not as_json:
        console.say(HEAD.format(name=name, engine=chosen.kind.value, place=place(chosen)))
    found: list[Tested] = []
    steps = runner.run(jobs, host, parallel=1, memory_bytes=Run().memory_mebibytes * 2**20)
    for step in steps:
        if isinstance(step, runner.Started) and sys.stderr.isatty():
            print(console.words(PROGRESS.format(name=step.name)), file=sys.stderr, flush=True)
        if isinstance(step, Observation):
            if not found and step.failure is not None and _no_way_in(step.failure, chosen):
                return _could_not(console, name, step.failure, as_json=as_json)
            tested = outcome_of(step.check, catalogue.checks[step.check], step)
            found.append(tested)
            if as_json:
                console.json(_as_json(tested, console))
            else:
                _say(console, tested)
    if not as_json:
        rows = sum(each.rows for each in found)
        missing = sum(len(each.missing) if each.runs else each.rows for each in found)
        console.say(TOTAL.format(rows=rows - missing, all=rows, missing=missing))
    if not any(each.runs for each in found):
        return COULD_NOT
    return MISSING if any(each.missing for each in found) else WELL


def _no_way_in(failure: Failure, chosen: DatabaseSettings) -> bool:
    """Return whether it is the connection that failed: then every check would say the same."""
    return failure.subject in (place(chosen), *_BEFORE_CONNECTING) and failure.reason in _NO_WAY_IN


def _could_not(console: Console, name: str, failure: Failure, *, as_json: bool) -> int:
    if as_json:
        console.json({"database": name, "failure": failure})
    why = f"{console.words(wording.reason(failure))} ({failure.detail})"
    console.complain(NO_WAY_IN.format(name=name, why=why))
    return COULD_NOT


def outcome_of(check_id: str, check: Check[Any], observation: Observation) -> Tested:
    """Return what an observation says of the rights and views that its check needs."""
    seconds = observation.cost.wall_seconds
    if observation.failure is not None:
        missing: Sequence[Row] = ()
        if observation.failure.reason is not Reason.NOT_APPLICABLE:
            missing = (Row("", check.title, observation.failure),)
        return Tested(check_id, check.title, len(check.rules), tuple(missing), seconds)
    assert observation.facts is not UNSET
    facts = check.decoder.decode(observation.facts)
    past: Past[Any] = Past(observation.observed_at)
    missing = [
        Row(rule.code, rule.title, failure)
        for rule in check.rules
        for failure in _failures(rule.evaluate(facts, rule.thresholds(), past))
    ]
    return Tested(check_id, check.title, len(check.rules), tuple(missing), seconds)


def _failures(verdicts: Iterable[Any]) -> list[Failure]:
    """Return why a rule says nothing, each reason once."""
    found: dict[tuple[Reason, str], Failure] = {}
    for verdict in verdicts:
        failure = verdict.failure
        if verdict.state is State.NOT_RUN and failure and failure.reason not in _NOT_MISSING:
            found.setdefault((failure.reason, failure.subject), failure)
    return list(found.values())[:1]


def _say(console: Console, tested: Tested) -> None:
    title = console.words(tested.title)
    if not tested.missing:
        console.say(RUNS.format(check=tested.check, title=title, rows=tested.rows))
        return
    head = PARTLY if tested.runs else CAN_NOT
    kept = tested.rows - len(tested.missing) if tested.runs else 0
    console.say(head.format(check=tested.check, title=title, rows=kept, all=tested.rows))
    for row in tested.missing:
        why = console.words(wording.reason(row.failure))
        detail = f" ({row.failure.detail})" if row.failure.detail else ""
        name = f"{row.code} {console.words(row.title)}" if row.code else console.words(WHOLE_CHECK)
        console.say(messages.FIELD.format(title=name, value=why + detail))


def _as_json(tested: Tested, console: Console) -> dict[str, object]:
    return {
        "check": tested.check,
        "title": console.words(tested.title),
        "rows": tested.rows,
        "runs": tested.runs,
        "seconds": round(tested.seconds, 3),
        "missing": [
            {"code": row.code, "title": console.words(row.title), "failure": row.failure}
            for row in tested.missing
        ],
    }


def _chosen(settings: Settings, settings_path: str, name: str) -> DatabaseSettings:
    if not settings.databases:
        raise AgentError(NONE_DECLARED.format(file=settings_path))
    if name not in settings.databases:
        known = sorted(settings.databases)
        hint = messages.nearest(name, known)
        raise AgentError(UNKNOWN.format(name=name, hint=hint, known=", ".join(known)))
    chosen: DatabaseSettings = settings.databases[name]
    return chosen
