"""Chapter 13: what this report can't tell, and why (证据边界)."""

from checks.api import Chapter as Part
from checks.api import State
from collector.reports.blocks import Block, Cell, Chapter, Column, Table
from collector.reports.chapters.areas import area_results
from collector.reports.chapters.backup.unknown import unknown_days
from collector.reports.chapters.remote import left_out
from collector.reports.material import VerdictRow
from collector.reports.results import merged, places
from collector.reports.source import Source


def limits(source: Source) -> Chapter:
    """Return chapter 13."""
    words = source.voice.words
    unknown = words("Not collected: no inspection was received in the period.")
    received = bool(source.material.inspections)
    sections = (
        (words("Waivers"), "waivers", _waived(source)),
        (words("Not run"), "not-run", _unknown(source, State.NOT_RUN)),
        (words("Out of date"), "stale", _unknown(source, State.STALE)),
        (
            words("Checks that could not be loaded"),
            "broken-checks",
            _sentences(
                source,
                source.material.broken_checks,
                words("Checks that could not be loaded"),
                words("None: every check of the pack was loaded.") if received else unknown,
            ),
        ),
        (
            words("Batches in quarantine"),
            "quarantine",
            _sentences(
                source,
                source.material.quarantined,
                words("Batches in quarantine"),
                words("None: everything received in the period could be read."),
            ),
        ),
        (words("The agent's own checks"), "agent", area_results(source, Part.AGENT)),
        (words("Unknown backup days"), "unknown-days", unknown_days(source)),
        (words("Left out of remote inspections"), "left-out", left_out(source)),
    )
    return Chapter(
        "13",
        words("Limits of the evidence"),
        "limits",
        tuple(
            Chapter(f"13.{place}", title, anchor, tuple(blocks))
            for place, (title, anchor, blocks) in enumerate(sections, 1)
        ),
    )


def _waived(source: Source) -> list[Block]:
    words = source.voice.words
    found = source.verdicts_in(State.WAIVED)
    if not found:
        return [source.empty(words("No finding is waived in this period."))]
    return [
        Table(
            words("Waived findings"),
            (
                Column(words("Code"), 1.6, code=True),
                Column(words("Check item"), 2.2),
                Column(words("Object"), 2.8),
                Column(words("Found"), 2),
                Column(words("Reason, approver and expiry"), 3),
            ),
            tuple(
                (
                    Cell(group[0][1].code),
                    Cell(source.title(group[0][1].code)),
                    Cell(places(source, group, with_host=True)),
                    Cell(source.voice.say(group[0][1].current) or "—"),
                    Cell(_why(source, group[0][1])),
                )
                for group in merged(found, with_host=True)
            ),
        )
    ]


def _unknown(source: Source, state: State) -> list[Block]:
    words = source.voice.words
    found = source.verdicts_in(state)
    if not found and not source.material.inspections:
        return [source.empty(words("Not collected: no inspection was received in the period."))]
    if not found and state is State.NOT_RUN:
        return [source.empty(words("None: no check that was planned is without a result."))]
    if not found:
        return [source.empty(words("None: every result is from the newest inspection."))]
    return [
        Table(
            words("Checks not run") if state is State.NOT_RUN else words("Results out of date"),
            (
                Column(words("Code"), 1.6, code=True),
                Column(words("Check item"), 2.2),
                Column(words("Object"), 2.4),
                Column(words("Reason"), 3.9),
                Column(words("As of"), 2.2),
            ),
            tuple(
                (
                    Cell(group[0][1].code),
                    Cell(source.title(group[0][1].code)),
                    Cell(places(source, group, with_host=True)),
                    Cell(_why(source, group[0][1])),
                    Cell(source.voice.moment(max(row.observed_at for _, row in group))),
                )
                for group in merged(found, with_host=True)
            ),
        )
    ]


def _why(source: Source, row: VerdictRow) -> str:
    return source.why(row) or source.voice.words("no reason was recorded")


def _sentences(source: Source, sentences: tuple[str, ...], caption: str, none: str) -> list[Block]:
    if not sentences:
        return [source.empty(none)]
    words = source.voice.words
    return [
        Table(
            caption,
            (Column(words("No."), 0.65, numeric=True), Column(words("Description"), 10)),
            tuple((Cell(str(place)), Cell(text)) for place, text in enumerate(sentences, 1)),
            row_headings=False,
        )
    ]
