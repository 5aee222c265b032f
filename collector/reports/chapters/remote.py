"""What the report tells of remote sessions: the service, how inspections were made, what is left
out of them."""

from collector.reports.blocks import Block, Cell, Column, Mark, Paragraph, Style, Table
from collector.reports.material import InspectionRow, Outcome, SessionRow
from collector.reports.source import Source
from collector.sessions.words import OUTCOMES

_MARKS = {
    Outcome.GOOD: Mark.OK,
    Outcome.INCOMPLETE: Mark.WARNING,
    Outcome.WRONG: Mark.CRITICAL,
}
_ID_LENGTH = 12


def remote_service(source: Source) -> list[Block]:
    """Return the sessions of the period with their work records; what is lacking says so."""
    words, rows = source.voice.words, source.material.sessions
    if not rows:
        return [source.empty(words("Remote sessions: none in this period."))]
    recorded = [row for row in rows if row.work is not None]
    minutes = sum(
        (row.ended_at - row.opened_at).total_seconds() / 60 for row in rows if row.ended_at
    )
    blocks: list[Block] = [
        Paragraph(
            words(
                "Remote sessions: {count} in this period, {minutes} minutes in all; {recorded} "
                "of them with a work record.",
                count=len(rows),
                minutes=f"{minutes:.0f}",
                recorded=len(recorded),
            )
        ),
        Table(
            words("Remote sessions"),
            (
                Column(words("Session"), 1.6, code=True),
                Column(words("Host"), 1.6),
                Column(words("Opened"), 1.5),
                Column(words("Engineer and purpose"), 1.6),
                Column(words("Grant"), 1.5, code=True),
                Column(words("State"), 2.1),
                Column(words("Record"), 1.8),
            ),
            tuple(
                (
                    Cell(row.id[:_ID_LENGTH]),
                    Cell(row.host),
                    Cell(source.voice.moment(row.opened_at)),
                    Cell(f"{row.person} · {source.voice.say(row.purpose)}"),
                    Cell(row.grant[:_ID_LENGTH]),
                    Cell(_state(source, row)),
                    Cell(source.voice.say(OUTCOMES[row.outcome]), _MARKS[row.outcome]),
                )
                for row in rows
            ),
        ),
    ]
    if recorded:
        blocks.append(_works(source, recorded))
    lacking = [row for row in rows if row.work is None]
    if lacking:
        blocks.append(
            Paragraph(
                words(
                    "Without a work record: {sessions}.",
                    sessions=source.voice.together(
                        [f"{row.id[:_ID_LENGTH]} ({row.host})" for row in lacking]
                    ),
                ),
                Style.NOTE,
            )
        )
    return blocks


def _state(source: Source, row: SessionRow) -> str:
    words = source.voice.words
    told = [source.voice.say(row.state)]
    if row.accepted_by:
        told.append(words("taken in afterwards by {person}", person=row.accepted_by))
    if row.is_change:
        told.append(
            words("backup before the change: {proof}", proof=row.proof)
            if row.proof
            else words("no backup was proved good before the change")
        )
    return source.voice.apart(told)


def _works(source: Source, rows: list[SessionRow]) -> Table:
    words = source.voice.words
    return Table(
        words("Work records"),
        (
            Column(words("Session"), 1.6, code=True),
            Column(words("Problem"), 2),
            Column(words("What was done"), 2.4),
            Column(words("What came of it"), 1.8),
            Column(words("Cause and prevention"), 2.2),
            Column(words("Confirmed by the customer"), 1.4),
        ),
        tuple(
            (
                Cell(row.id[:_ID_LENGTH]),
                Cell(row.work.problem),
                Cell(row.work.done),
                Cell(row.work.result),
                Cell(
                    source.voice.apart([t for t in (row.work.cause, row.work.prevention) if t])
                    or "—"
                ),
                Cell(row.work.confirmed_by or words("Not yet")),
            )
            for row in rows
            if row.work is not None
        ),
    )


def made_remotely(source: Source) -> list[Block]:
    """Return the inspections that were made in remote sessions; nothing where none was."""
    words = source.voice.words
    rows = _remote(source)
    if not rows:
        return []
    return [
        Table(
            words("Inspections made in remote sessions"),
            (
                Column(words("Host"), 1.8),
                Column(words("Started"), 2),
                Column(words("Engineer"), 1.3),
                Column(words("Mode"), 1.5),
                Column(words("Session"), 1.8, code=True),
                Column(words("Grant"), 1.8, code=True),
            ),
            tuple(
                (
                    Cell(row.host),
                    Cell(source.voice.moment(row.started_at)),
                    Cell(row.remote.person),
                    Cell(source.voice.say(row.remote.mode)),
                    Cell(row.remote.session[:_ID_LENGTH]),
                    Cell(row.remote.grant[:_ID_LENGTH]),
                )
                for row in rows
                if row.remote is not None
            ),
        )
    ]


def remote_scope(source: Source) -> list[Block]:
    """Return the line of the scope that says how many inspections were made remotely."""
    words, rows = source.voice.words, _remote(source)
    if not rows:
        return []
    text = words(
        "{count} of {total} inspections were made in remote sessions, under a grant of the "
        "customer: appendix C lists them, chapter 14 the sessions.",
        count=len(rows),
        total=len(source.material.inspections),
    )
    return [Paragraph(text)]


def _remote(source: Source) -> list[InspectionRow]:
    return [row for row in source.material.inspections if row.remote is not None]


def left_out(source: Source) -> list[Block]:
    """Return what the newest remote inspection of each host left out, with the reason."""
    words, rows = source.voice.words, source.material.left_out
    if not _remote(source):
        return [source.empty(words("None: no inspection was made in a remote session."))]
    if not rows:
        return [source.empty(words("None: the grants covered every check."))]
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        key = (row.host, source.voice.say(row.reason), source.voice.moment(row.as_of))
        groups.setdefault(key, []).append(source.voice.say(row.title))
    return [
        Table(
            words("Left out of remote inspections"),
            (
                Column(words("Host"), 1.6),
                Column(words("Reason"), 2.6),
                Column(words("Checks"), 5),
                Column(words("As of"), 1.8),
            ),
            tuple(
                (
                    Cell(host),
                    Cell(why),
                    Cell(source.voice.together(list(dict.fromkeys(titles)))),
                    Cell(as_of),
                )
                for (host, why, as_of), titles in groups.items()
            ),
        )
    ]
