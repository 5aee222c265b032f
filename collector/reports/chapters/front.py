"""The cover and the document control."""

from collector.reports.blocks import Cell, Chapter, Column, Cover, Fact, Paragraph, Table
from collector.reports.source import Source, shortened


def cover(source: Source) -> Cover:
    """Return the first page."""
    words, facts = source.voice.words, source.material.cover
    period = words(
        "{start} to {end}",
        start=source.voice.day(facts.period_start),
        end=source.voice.day(facts.period_end),
    )
    rows = (
        (words("Customer"), facts.customer),
        (words("System"), facts.system),
        (words("Year"), str(facts.year)),
        (words("Period"), period),
        (words("Report number"), facts.number),
        (words("Version"), facts.version),
        (words("Service provider"), facts.provider),
        (words("Inspecting engineer"), facts.engineer),
        (words("Date"), source.voice.day(facts.generated_on)),
    )
    return Cover(
        heading=shortened(facts.customer, 60),
        title=words("System Inspection Report"),
        subtitle=words("{system} · {year}", system=shortened(facts.system, 60), year=facts.year)
        if facts.system
        else words("Year {year}", year=facts.year),
        facts=tuple(Fact(name, value) for name, value in rows),
        number=facts.number,
        provider=facts.provider,
        running=f"{shortened(facts.customer, 30)} · {words('System Inspection Report')}",
        running_number=shortened(facts.number, 30),
        confidential=words("Confidential: for the customer and the service provider only"),
    )


def document_control(source: Source) -> Chapter:
    """Return the page about the document itself."""
    words, facts = source.voice.words, source.material.cover
    changes = Table(
        words("Changes"),
        (
            Column(words("Version")),
            Column(words("Date")),
            Column(words("Author")),
            Column(words("Change"), 3),
        ),
        (
            (
                Cell(facts.version),
                Cell(source.voice.day(facts.generated_on)),
                Cell(facts.engineer),
                Cell(words("Composed from the inspections of the period")),
            ),
        ),
    )
    distribution = Table(
        words("Distribution"),
        (Column(words("Recipient"), 2), Column(words("Role"), 3)),
        (
            (Cell(facts.customer), Cell(words("Customer: receives and confirms the report"))),
            (
                Cell(facts.provider),
                Cell(words("Service provider: writes and keeps the report")),
            ),
        ),
    )
    return Chapter(
        "",
        words("Document control"),
        "document-control",
        (
            changes,
            source.empty(words("Review: no review has been recorded for this version.")),
            distribution,
            Paragraph(
                words(
                    "This report holds details of the customer's systems and their weaknesses. "
                    "It may be passed on only with the consent of both parties."
                )
            ),
        ),
    )
