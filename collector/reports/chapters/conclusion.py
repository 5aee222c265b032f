"""Chapter 2, one page for management: the two numbers, the risks, what comes first."""

from checks.api import State
from collector.assessment.score import CAP, LEAST_COVERAGE, Category, Part, Score
from collector.reports.blocks import (
    Block,
    Card,
    Cards,
    Cell,
    Chapter,
    Column,
    Mark,
    Paragraph,
    Style,
    Table,
)
from collector.reports.chapters.backup.opening import backup_line
from collector.reports.chapters.findings import FindingGroup, grouped, short_places
from collector.reports.material import HostMaterial, Severity
from collector.reports.source import Source, score_number, score_sentence, shortened
from collector.reports.terms import (
    CATEGORIES,
    CATEGORY_OF,
    GRADE_MARKS,
    GRADES,
    SEVERITIES,
    SEVERITY_MARKS,
    WORST_FIRST,
)

MOST_HOSTS = 8
MOST_FINDINGS = 10


def conclusion(source: Source) -> Chapter:
    """Return chapter 2."""
    words, material = source.voice.words, source.material
    if not material.hosts:
        return Chapter(
            "2",
            words("Conclusion"),
            "conclusion",
            (source.empty(words("No conclusion: no host has been inspected in the period.")),),
        )
    blocks: list[Block] = [_cards(source), *_sentences(source)]
    blocks.append(_matrix(source))
    if len(material.hosts) > MOST_HOSTS:
        blocks.append(
            Paragraph(
                words(
                    "The {most} hosts at most risk of {all}; chapter 3 lists every host.",
                    most=MOST_HOSTS,
                    all=len(material.hosts),
                ),
                Style.NOTE,
            )
        )
    blocks.append(_first_things(source))
    return Chapter("2", words("Conclusion"), "conclusion", tuple(blocks))


def _cards(source: Source) -> Cards:
    words, score = source.voice.words, source.material.score
    open_findings = source.open_findings()
    urgent = sum(row.severity in (Severity.S1, Severity.S2) for row in open_findings)
    capped = (
        words("Held at {cap}: an item of priority 1 is critical", cap=f"{CAP:g}")
        if score.capped
        else ""
    )
    return Cards(
        (
            Card(
                words("Health score"),
                score_number(source, score),
                capped or (words("of 100") if score.score is not None else ""),
                GRADE_MARKS[score.grade] if score.grade else Mark.NOT_RUN,
            ),
            Card(
                words("Coverage of the checks"),
                f"{score.coverage:.1f}%",
                words("at least {least}% for a score", least=f"{LEAST_COVERAGE:g}"),
                Mark.OK if score.coverage >= LEAST_COVERAGE else Mark.WARNING,
            ),
            Card(
                words("Grade"),
                words(GRADES[score.grade]) if score.grade else words("Not graded"),
                words("from 90, 75, 60; below"),
            ),
            Card(
                words("Open findings"),
                str(len(open_findings)),
                words("{urgent} of severity 1 or 2", urgent=urgent),
            ),
        )
    )


def _sentences(source: Source) -> list[Block]:
    words, material, score = source.voice.words, source.material, source.material.score
    texts = []
    if score.score is not None and score.minimum is not None and score.median is not None:
        texts.append(
            words(
                "Of {count} hosts: lowest score {minimum}, median {median}, mean {mean}.",
                count=len(material.hosts),
                minimum=f"{score.minimum:.1f}",
                median=f"{score.median:.1f}",
                mean=f"{score.score:.1f}",
            )
        )
    if material.previous_score is None or material.previous_date is None:
        texts.append(words("There is no earlier score to compare with."))
    else:
        before = material.previous_score
        texts.append(
            words(
                "Last time ({date}): {sentence}.",
                date=source.voice.day(material.previous_date),
                sentence=score_sentence(source, before),
            )
        )
        if score.score is not None and before.score is not None:
            texts.append(
                words(
                    "Change of the score {score}, of the coverage {coverage} points.",
                    score=f"{score.score - before.score:+.1f}",
                    coverage=f"{score.coverage - before.coverage:+.1f}",
                )
            )
    counts = [
        (change, sum(row.change == change for row in material.findings))
        for change in ("new", "worsened", "recurring", "improved", "resolved")
    ]
    said = [f"{source.change(change)} {count}" for change, count in counts if count]
    if said:
        texts.append(words("Findings: {counts}.", counts=source.voice.together(said)))
    gap = "" if source.voice.language.value.startswith("zh") else " "
    return [
        Paragraph(gap.join(texts), Style.LEAD),
        Paragraph(
            words("Backups (chapter 8): {sentence}", sentence=backup_line(source)), Style.LEAD
        ),
    ]


def _matrix(source: Source) -> Table:
    words = source.voice.words
    hosts = sorted(source.material.hosts, key=_risk)[:MOST_HOSTS]
    return Table(
        words("Risk by host and category (score · coverage)"),
        (
            Column(words("Host"), 1.5),
            *(Column(words(CATEGORIES[category]), 1.45) for category in Category),
            Column(words("Total"), 1.45),
        ),
        tuple(
            (
                Cell(shortened(host.name, 24)),
                *(_risk_cell(source, host, category) for category in Category),
                Cell(
                    _two_numbers(source, host.score),
                    GRADE_MARKS[host.score.grade] if host.score.grade else Mark.NOT_RUN,
                ),
            )
            for host in hosts
        ),
    )


def _risk(host: HostMaterial) -> tuple[float, float]:
    """Return what sorts the host at most risk first; what is not known counts as risk."""
    return (-1.0 if host.score.score is None else host.score.score, host.score.coverage)


def _risk_cell(source: Source, host: HostMaterial, category: Category) -> Cell:
    words = source.voice.words
    states = {
        row.state
        for row in host.verdicts
        if CATEGORY_OF.get(source.chapter_of(row.code, row.check)) is category
    } - {State.NOT_APPLICABLE}
    if not states:
        return Cell(words("Not included"), Mark.NOT_APPLICABLE)
    worst = next(state for state in WORST_FIRST if state in states)
    part = next((part for part in host.score.parts if part.category is category), None)
    return Cell(_two_numbers(source, part), Mark(worst.value))


def _two_numbers(source: Source, numbers: Part | Score | None) -> str:
    if numbers is None or numbers.score is None:
        coverage = numbers.coverage if numbers else 0.0
        return source.voice.words("No score · {coverage}%", coverage=f"{coverage:.0f}")
    return f"{numbers.score:.1f} · {numbers.coverage:.0f}%"


def _first_things(source: Source) -> Block:
    words = source.voice.words
    groups = grouped(source)
    if not groups:
        return source.empty(source.no_finding())
    return Table(
        words("What comes first"),
        (
            Column(words("No."), 0.65, numeric=True),
            Column(words("Severity"), 0.9),
            Column(words("Finding"), 3.4),
            Column(words("Object"), 3),
            Column(words("Change"), 1.1),
            Column(words("Until"), 1.3),
        ),
        tuple(
            _first_row(source, number, group)
            for number, group in enumerate(groups[:MOST_FINDINGS], 1)
        ),
        row_headings=False,
    )


def _first_row(source: Source, number: int, group: FindingGroup) -> tuple[Cell, ...]:
    words = source.voice.words
    changes = list(dict.fromkeys(source.change(row.change) for row in group.rows))
    return (
        Cell(str(number)),
        Cell(words(SEVERITIES[group.severity]), SEVERITY_MARKS[group.severity]),
        Cell(shortened(source.title(group.code), 40)),
        Cell(shortened(short_places(source, group), 34)),
        Cell(changes[0] if len(changes) == 1 else words("Several")),
        Cell(source.voice.day(source.deadline(group.severity))),
    )
