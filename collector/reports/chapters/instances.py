"""The table that chapter 7 opens with: every instance of a database that the agents sign in to."""

from collections.abc import Mapping

from checks.api import Chapter as Part
from checks.api import State
from checks.wording import duration
from collector.reports.blocks import Block, Cell, Column, Mark, Table
from collector.reports.material import HostMaterial, TargetFacts
from collector.reports.source import Source
from collector.reports.terms import ENGINES, WORST_FIRST

SUFFIX = ".instance"


def instances(source: Source) -> list[Block]:
    """Return the table of instances; nothing where the settings of no agent name one."""
    words = source.voice.words
    found = [
        (host, each)
        for host in source.material.hosts
        for each in host.targets
        if each.check.endswith(SUFFIX)
    ]
    if not found:
        return []
    return [
        Table(
            words("Database instances"),
            (
                Column(words("Instance"), 1.6),
                Column(words("Host"), 1.6),
                Column(words("Engine"), 1.5),
                Column(words("Version"), 1.5),
                Column(words("Sign-in"), 1.1, numeric=True),
                Column(words("State"), 2.2),
            ),
            tuple(
                _row(source, host, each)
                for host, each in sorted(found, key=lambda pair: (pair[0].name, pair[1].target))
            ),
        )
    ]


def worst(
    source: Source,
    host: HostMaterial,
    part: Part,
    target: str,
    objects: frozenset[str] = frozenset(),
) -> Cell:
    """Return the worst state of a target in a chapter; of some objects where they are named."""
    states = {
        row.state
        for row in host.verdicts
        if row.target == target
        and source.chapter_of(row.code, row.check) is part
        and (not objects or row.object in objects)
    } - {State.NOT_APPLICABLE}
    for state in WORST_FIRST:
        if state in states:
            return source.state(state)
    return Cell("—")


def told(facts: Mapping[str, object]) -> Mapping[str, object]:
    """Return what the facts of a check `*.instance` say of it (checks.databases.Instance).

    Engines with more to say have it in a part of their facts.
    """
    for part in (facts, *(facts.get(name) for name in ("instance", "server"))):
        if isinstance(part, Mapping) and {"engine", "login_seconds"} <= part.keys():
            return part
    return {}


def _row(source: Source, host: HostMaterial, each: TargetFacts) -> tuple[Cell, ...]:
    known = told(each.facts or {})
    engine, seconds = str(known.get("engine", "")), known.get("login_seconds")
    state = worst(source, host, Part.DATABASE, each.target)
    if each.reason is not None:
        state = Cell(source.voice.say(each.reason), Mark.NOT_RUN)
    return (
        Cell(each.target),
        Cell(host.name),
        Cell(source.voice.words(ENGINES[engine]) if engine in ENGINES else engine or "—"),
        Cell(str(known.get("version") or "—")),
        Cell(
            source.voice.say(duration(seconds)) if isinstance(seconds, int | float) else "—",
        ),
        state,
    )
