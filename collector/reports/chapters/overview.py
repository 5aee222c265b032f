"""Chapter 1: what was inspected, how and when. Chapter 3: which objects, and which not."""

from datetime import date

from checks.api import Chapter as Part
from collector.reports.blocks import (
    Block,
    Calendar,
    Cell,
    Chapter,
    Column,
    Mark,
    Paragraph,
    Style,
    Table,
)
from collector.reports.chapters.backup.unseen import unseen
from collector.reports.chapters.instances import SUFFIX
from collector.reports.chapters.products import PACK
from collector.reports.chapters.remote import remote_scope
from collector.reports.material import InspectionRow
from collector.reports.source import Source, score_number, shortened


def overview(source: Source) -> Chapter:
    """Return chapter 1."""
    words, facts, voice = source.voice.words, source.material.cover, source.voice
    inspections = source.material.inspections
    packs = sorted({row.checks_digest[:12] for row in inspections})
    agents = sorted({row.agent_version for row in inspections})
    unknown = words("Not collected")
    period = words(
        "{start} to {end}", start=voice.day(facts.period_start), end=voice.day(facts.period_end)
    )
    rows = (
        (words("Period"), period),
        (words("Time zone"), words("{zone}; every time in this report", zone=facts.time_zone)),
        (words("Basis"), words("Service contract (its number has not been provided)")),
        (words("Way"), words("Remote: a read-only agent on each host; it changes nothing")),
        (words("Inspecting engineer"), facts.engineer or words("Not provided")),
        (words("Hosts"), str(len(source.material.hosts))),
        (words("Inspections in the period"), str(len(inspections))),
        (words("Version of the agent"), voice.together(agents) or unknown),
        (words("Check pack (start of SHA-256)"), voice.together(packs) or unknown),
    )
    return Chapter(
        "1",
        words("Overview"),
        "overview",
        (
            Paragraph(
                words(
                    "This report tells the state of the systems under service at the end of the "
                    "period, the risks found, and what should be done about them by whom and "
                    "until when. Every conclusion rests on facts read on the hosts, which are "
                    "kept with their digests."
                )
            ),
            Table(
                words("The inspection at a glance"),
                (Column(words("Item")), Column(words("Content"), 3)),
                tuple((Cell(name), Cell(value)) for name, value in rows),
            ),
            *_calendar(source),
        ),
    )


def scope(source: Source) -> Chapter:
    """Return chapter 3."""
    words = source.voice.words
    hosts = source.material.hosts
    blocks: list[Block] = []
    if hosts:
        last = {row.host: row for row in source.material.inspections}
        blocks.append(
            Table(
                words("Hosts inspected"),
                (
                    Column(words("Host"), 2),
                    Column(words("Site"), 1.3),
                    Column(words("Operating system"), 2.2),
                    Column(words("Health score"), 1.3, numeric=True),
                    Column(words("Coverage"), 1.1, numeric=True),
                    Column(words("Last inspection"), 1.7),
                ),
                tuple(
                    (
                        Cell(host.name),
                        Cell(host.site or "—"),
                        Cell(host.system or words("Not collected")),
                        Cell(score_number(source, host.score)),
                        Cell(f"{host.score.coverage:.1f}%"),
                        Cell(
                            source.voice.moment(last[host.name].started_at)
                            if host.name in last
                            else words("None in the period")
                        ),
                    )
                    for host in hosts
                ),
            )
        )
    else:
        blocks.append(source.empty(words("Not collected: no host has been inspected.")))
    if named := _entries(source, SUFFIX, ""):
        blocks.append(Paragraph(words("Database instances: {names} (chapter 7).", names=named)))
    elif not any(source.verdicts(Part.DATABASE)):
        blocks.append(source.empty(words("Database instances: not part of this inspection.")))
    if named := _entries(source, PACK, "title"):
        blocks.append(Paragraph(words("Products: {names} (chapter 9).", names=named)))
    elif not any(source.verdicts(Part.PRODUCT)):
        absent = words("Products and account sets: not part of this inspection.")
        blocks.append(source.empty(absent))
    blocks.append(_backup_scope(source))
    blocks += remote_scope(source)
    blocks.append(
        Paragraph(
            words("What could not be read on the hosts above is listed in chapter 13."), Style.NOTE
        )
    )
    return Chapter("3", words("Scope and objects"), "scope", tuple(blocks))


def _entries(source: Source, check: str, title: str) -> str:
    """Return the entries of the agents' settings that a check ran on, each with its host."""
    return source.voice.together(
        [
            f"{host.name} · {shortened(str((each.facts or {}).get(title) or each.target), 40)}"
            for host in source.material.hosts
            for each in host.targets
            if each.check.endswith(check)
        ]
    )


def _backup_scope(source: Source) -> Block:
    words, sets = source.voice.words, source.material.backups
    if not sets and not source.material.inspections:
        return source.empty(words("Backups: not collected (chapter 8)."))
    if not sets and unseen(source):
        return source.empty(words("Backups: no backup set could be looked at (chapter 8)."))
    if not sets:
        return source.empty(words("Backups: no backup set is declared (chapter 8)."))
    return Paragraph(
        words(
            "Backups: {count} backup sets are inspected: {names} (chapter 8).",
            count=len(sets),
            names=source.voice.together([shortened(shown.title, 40) for shown in sets]),
        )
    )


def _calendar(source: Source) -> list[Block]:
    words, facts = source.voice.words, source.material.cover
    if not source.material.inspections:
        return [source.empty(words("No inspection was received in the period."))]
    months = _months(facts.period_start, facts.period_end)
    done: dict[tuple[str, tuple[int, int]], list[InspectionRow]] = {}
    for row in source.material.inspections:
        started = row.started_at.astimezone(source.voice.zone)
        done.setdefault((row.host, (started.year, started.month)), []).append(row)
    names = dict.fromkeys(
        [*(host.name for host in source.material.hosts), *(host for host, _ in done)]
    )
    today = (facts.generated_on.year, facts.generated_on.month)
    return [
        Calendar(
            words("Inspections by month"),
            words("Host"),
            tuple(words("{month:d}/{year:02d}", month=m, year=y % 100) for y, m in months),
            tuple(
                (
                    name,
                    tuple(
                        Cell("") if month > today else _cell(done.get((name, month), []))
                        for month in months
                    ),
                )
                for name in names
            ),
        ),
        Paragraph(
            words(
                "Number of inspections. ● all complete, ▲ some were cut short or did not collect "
                "everything planned, □ none."
            ),
            Style.NOTE,
        ),
    ]


def _cell(rows: list[InspectionRow]) -> Cell:
    if not rows:
        return Cell("0", Mark.NOT_RUN)
    complete = all(row.finished_at and row.collected >= row.planned for row in rows)
    return Cell(str(len(rows)), Mark.OK if complete else Mark.WARNING)


def _months(start: date, end: date) -> list[tuple[int, int]]:
    first, last = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    return [(month // 12, month % 12 + 1) for month in range(first, last + 1)]
