"""The test restores of a set in the period, with their evidence and the time they took."""

from checks import wording
from checks.backup_sets import Proof
from collector.backups.material import SetMaterial
from collector.reports.blocks import Block, Cell, Column, Paragraph, Style, Table
from collector.reports.chapters.backup.naming import result_cell
from collector.reports.source import Source


def drills(source: Source, shown: SetMaterial) -> list[Block]:
    """Return the table of test restores, or the line that there is none."""
    words = source.voice.words
    if not shown.drills:
        return [
            source.empty(
                words(
                    "Restore drills: none in the period. Whether this set can be restored was not "
                    "proven in it."
                )
            )
        ]
    return [
        Table(
            words("{set}: restore drills", set=shown.title),
            (
                Column(words("Date"), 1.7),
                Column(words("Result"), 1.4),
                Column(words("Restore point"), 2.2),
                Column(words("Time taken"), 1.2, numeric=True),
                Column(words("Evidence"), 3.6),
                Column(words("By"), 1.1),
            ),
            tuple(_drill(source, drill) for drill in shown.drills),
        ),
        *_scaled(source, shown),
    ]


def _drill(source: Source, drill: Proof) -> tuple[Cell, ...]:
    words = source.voice.words
    evidence = [
        words(
            "{name}: {actual} (expected {expected})",
            name=each.name,
            actual=each.actual,
            expected=each.expected,
        )
        for each in drill.evidence
    ]
    if drill.failure is not None:
        evidence.append(source.voice.say(wording.reason(drill.failure)))
    said = [drill.method, *evidence, drill.detail]
    return (
        Cell(source.voice.moment(drill.at)),
        result_cell(source, drill.result),
        Cell(drill.point or words("the whole set")),
        Cell(source.voice.say(wording.duration(drill.seconds)) if drill.seconds else "—"),
        Cell(source.voice.apart([text for text in said if text])),
        Cell(drill.person or words("Agent")),
    )


def _scaled(source: Source, shown: SetMaterial) -> list[Block]:
    """Return how the RTO was reckoned where the test restore was of another size."""
    recovery = shown.recovery
    if recovery.restore_seconds is None or recovery.restore_scaled_from_bytes is None:
        return []
    return [
        Paragraph(
            source.voice.words(
                "RTO for the newest restore point: {span}, in proportion to a test restore that "
                "read {bytes}.",
                span=source.voice.say(wording.duration(recovery.restore_seconds)),
                bytes=source.voice.say(wording.size(recovery.restore_scaled_from_bytes)),
            ),
            Style.NOTE,
        )
    ]
