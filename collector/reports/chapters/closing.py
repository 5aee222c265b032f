"""Chapter 14: the service of the year and what is advised for the next. Chapter 15: signatures."""

from checks.api import Owner
from collector.reports.blocks import (
    Block,
    Cell,
    Chapter,
    Column,
    Paragraph,
    Party,
    Signature,
    Style,
    Table,
)
from collector.reports.chapters.remote import remote_service
from collector.reports.material import Severity
from collector.reports.source import Source
from collector.reports.terms import OWNERS, SEVERITIES


def service(source: Source) -> Chapter:
    """Return chapter 14."""
    words = source.voice.words
    blocks: tuple[Block, ...] = (
        *remote_service(source),
        source.empty(words("Training: none has been recorded in this period.")),
        source.empty(words("Upgrade plan: none has been recorded; the service engineer adds it.")),
        *_work(source),
    )
    return Chapter("14", words("Service summary and advice for the next year"), "service", blocks)


def signatures(source: Source) -> Chapter:
    """Return chapter 15."""
    words, facts = source.voice.words, source.material.cover
    lines = (words("Name"), words("Signature"), words("Date"), words("Seal"))
    return Chapter(
        "15",
        words("Signatures"),
        "signatures",
        (
            Paragraph(
                words(
                    "Both parties confirm that this inspection was made and that this report, "
                    "number {number}, version {version}, was delivered.",
                    number=facts.number,
                    version=facts.version,
                )
            ),
            Signature(
                (
                    Party(words("Service engineer"), lines),
                    Party(words("Reviewer of the service provider"), lines),
                    Party(words("Representative of the customer"), lines),
                )
            ),
        ),
    )


def _work(source: Source) -> list[Block]:
    words = source.voice.words
    findings = source.open_findings()
    if not findings:
        return [source.empty(source.no_finding())]
    owners: dict[Owner, dict[Severity, int]] = {}
    for row in findings:
        if row.code in source.rules:
            counts = owners.setdefault(source.rules[row.code].owner, {})
            counts[row.severity] = counts.get(row.severity, 0) + 1
    return [
        Paragraph(words("Open findings that are carried into the next year, by owner:")),
        Table(
            words("Work by owner"),
            (
                Column(words("Owner"), 2),
                *(Column(words(SEVERITIES[severity]), 1, numeric=True) for severity in Severity),
                Column(words("Total"), 1, numeric=True),
            ),
            tuple(
                (
                    Cell(words(OWNERS[owner])),
                    *(Cell(str(owners[owner].get(severity, 0))) for severity in Severity),
                    Cell(str(sum(owners[owner].values()))),
                )
                for owner in Owner
                if owner in owners
            ),
        ),
        Paragraph(
            words(
                "Deadlines stand in chapter 12, capacities that run out in the next year in "
                "chapter 11."
            ),
            Style.NOTE,
        ),
    ]
