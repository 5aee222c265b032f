"""Chapter 12: what is not well, worst first, with evidence and advice. Chapter 4: what became
of the findings of last time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.reports.blocks import (
    Block,
    Cell,
    Chapter,
    Column,
    Fact,
    Finding,
    Table,
)
from collector.reports.material import FindingRow, Severity
from collector.reports.source import Source, shortened
from collector.reports.terms import (
    CHANGE_MARKS,
    CHAPTERS,
    FOLLOW_UPS,
    OWNERS,
    SEVERITIES,
    SEVERITY_MARKS,
)

SHORT_DIGEST = 12


@dataclass(frozen=True)
class FindingGroup:
    """The open findings of one rule at one severity: one thing to put right in many places."""

    code: str
    severity: Severity
    rows: tuple[FindingRow, ...]


def grouped(source: Source) -> list[FindingGroup]:
    """Return the open findings by rule and severity, the worst first."""
    groups: dict[tuple[Severity, str], list[FindingRow]] = {}
    for row in source.open_findings():
        groups.setdefault((row.severity, row.code), []).append(row)
    order = {key: place for place, key in enumerate(groups)}
    return [
        FindingGroup(code, severity, tuple(groups[severity, code]))
        for severity, code in sorted(groups, key=lambda key: (key[0], order[key]))
    ]


def short_places(source: Source, group: FindingGroup) -> str:
    """Return where a group was found: the first place, and how many more there are."""
    first = source.place(group.rows[0].host, group.rows[0].object)
    if len(group.rows) == 1:
        return first
    more = source.voice.words(" and {count} more", count=len(group.rows) - 1)
    return f"{shortened(first, 24)}{more}"


def findings(source: Source) -> Chapter:
    """Return chapter 12."""
    words = source.voice.words
    groups = grouped(source)
    blocks: list[Block] = [source.empty(source.no_finding())]
    if groups:
        blocks = [
            Chapter("12.1", words("List"), "findings-list", (_list(source, groups),)),
            Chapter(
                "12.2",
                words("Details and advice"),
                "findings-details",
                tuple(_finding(source, place, group) for place, group in enumerate(groups, 1)),
            ),
        ]
    return Chapter("12", words("Findings and advice"), "findings", tuple(blocks))


def follow_up(source: Source) -> Chapter:
    """Return chapter 4."""
    words = source.voice.words
    rows = [row for row in source.material.findings if row.change in FOLLOW_UPS]
    block: Block
    if rows:
        block = Table(
            words("Findings of earlier inspections"),
            (
                Column(words("Number"), 1.1),
                Column(words("Finding"), 2.6),
                Column(words("Object"), 2.6),
                Column(words("State"), 1.3),
                Column(words("First seen"), 1.45),
                Column(words("Times"), 0.85, numeric=True),
                Column(words("Found"), 2),
            ),
            tuple(
                (
                    Cell(row.number),
                    Cell(source.title(row.code)),
                    Cell(source.place(row.host, row.object)),
                    Cell(words(FOLLOW_UPS[row.change]), CHANGE_MARKS[row.change]),
                    Cell(source.voice.day(row.first_seen)),
                    Cell(str(row.times)),
                    Cell(source.voice.say(row.current) or "—"),
                )
                for row in rows
            ),
        )
    elif source.material.findings:
        block = source.empty(words("All findings of this period are new: none is from before."))
    else:
        block = source.empty(words("There is no finding of an earlier inspection."))
    return Chapter("4", words("Findings of last time"), "follow-up", (block,))


def _list(source: Source, groups: Sequence[FindingGroup]) -> Table:
    words = source.voice.words
    return Table(
        words("Open findings"),
        (
            Column(words("No."), 0.65, numeric=True),
            Column(words("Severity"), 0.9),
            Column(words("Finding"), 3.2),
            Column(words("Places"), 0.7, numeric=True),
            Column(words("Numbers"), 2.4),
            Column(words("Owner"), 1.5),
            Column(words("Until"), 1.3),
        ),
        tuple(
            (
                Cell(str(place)),
                Cell(words(SEVERITIES[group.severity]), SEVERITY_MARKS[group.severity]),
                Cell(source.title(group.code)),
                Cell(str(len(group.rows))),
                Cell(source.voice.together([row.number for row in group.rows])),
                Cell(_owner(source, group.code)),
                Cell(source.voice.day(source.deadline(group.severity))),
            )
            for place, group in enumerate(groups, 1)
        ),
        row_headings=False,
    )


def _finding(source: Source, place: int, group: FindingGroup) -> Finding:
    words = source.voice.words
    rule = source.rules.get(group.code)
    unknown = words("The rule is not in this installation's checks any more")
    says = dict.fromkeys(source.voice.say(row.message) for row in group.rows if row.message)
    title, number = CHAPTERS[source.chapter_of(group.code, "")] if rule else ("", "")
    facts = (
        (words("What was found"), " ".join(says)),
        (words("Why it matters"), source.voice.say(rule.why) if rule else unknown),
        (words("What to do"), source.voice.say(rule.remedy) if rule else unknown),
        (words("Owner"), _owner(source, group.code)),
        (
            words("Suggested deadline"),
            words("{date} (suggestion)", date=source.voice.day(source.deadline(group.severity))),
        ),
        (words("See"), f"{number} {words(title)}" if rule else ""),
    )
    return Finding(
        anchor=f"finding-{place}",
        title=f"{place}. {source.title(group.code)} ({group.code})",
        mark=SEVERITY_MARKS[group.severity],
        badge=words(SEVERITIES[group.severity]),
        places=_places(source, group),
        facts=tuple(Fact(name, text) for name, text in facts if text),
    )


def _places(source: Source, group: FindingGroup) -> Table:
    words = source.voice.words
    return Table(
        words("Evidence"),
        (
            Column(words("Number"), 1.15),
            Column(words("Object"), 2.5),
            Column(words("Result"), 1.5),
            Column(words("Change"), 1.4),
            Column(words("First seen"), 1.65),
            Column(words("Times"), 0.95, numeric=True),
            Column(words("Found"), 2),
            Column(words("Reference"), 1.8),
            Column(words("Batch"), 1.8, code=True),
        ),
        tuple(
            (
                Cell(row.number),
                Cell(source.place(row.host, row.object)),
                source.state(row.state),
                Cell(source.change(row.change)),
                Cell(source.voice.day(row.first_seen)),
                Cell(str(row.times)),
                Cell(source.voice.say(row.current) or "—"),
                Cell(source.voice.say(row.reference) or "—"),
                Cell(row.evidence[:SHORT_DIGEST]),
            )
            for row in group.rows
        ),
    )


def _owner(source: Source, code: str) -> str:
    rule = source.rules.get(code)
    return source.voice.words(OWNERS[rule.owner]) if rule else "—"
