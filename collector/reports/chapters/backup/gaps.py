"""The days of a set that were not well, and what was noted of days."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from checks.api import Text
from collector.backups.days import Day, Leg, LegState, LegVerdict
from collector.backups.material import SetMaterial
from collector.reports.backup_terms import LEGS
from collector.reports.blocks import Block, Cell, Column, Paragraph, Style, Table
from collector.reports.chapters.backup.naming import span, state_cell
from collector.reports.chapters.backup.standing import UNTRUSTED, day_state, own_leg
from collector.reports.source import Source

MOST_GAPS = 40
"""Rows of the table; more are read from the calendar sooner."""

Judged = tuple[Day, Leg, LegVerdict]
"""A day with the leg that is looked at."""


def gaps(source: Source, shown: SetMaterial) -> list[Block]:
    """Return the table of days without a trusted backup, and the longest time without one."""
    return [*_days(source, shown), _longest(source, shown)]


def _days(source: Source, shown: SetMaterial) -> list[Block]:
    words = source.voice.words
    found = stretches((day, *own_leg(day)) for day in shown.days)
    found += stretches((day, Leg.RESTORED, day.restored) for day in shown.days)
    found.sort(key=lambda stretch: stretch[0][0].day)
    if not found:
        return [source.empty(words("Gaps: no day due was without a trusted backup."))]
    blocks: list[Block] = [
        Table(
            words("{set}: days without a trusted backup", set=shown.title),
            (
                Column(words("Backup days"), 2.6),
                Column(words("Day count"), 0.75, numeric=True),
                Column(words("State"), 1.55),
                Column(words("Leg"), 0.95),
                Column(words("Reason"), 3.6),
                Column(words("Note"), 1.6),
            ),
            tuple(_gap(source, stretch) for stretch in found[-MOST_GAPS:]),
        )
    ]
    if len(found) > MOST_GAPS:
        left = sum(len(stretch) for stretch in found[:-MOST_GAPS])
        blocks.append(
            Paragraph(
                words(
                    "The newest {most} are shown; {days} earlier days are in the calendar only.",
                    most=MOST_GAPS,
                    days=left,
                ),
                Style.NOTE,
            )
        )
    return blocks


def stretches(days: Iterable[Judged]) -> list[list[Judged]]:
    """Return the untrusted days that follow one another, of one state by one leg.

    Days on which nothing is due don't end a stretch: a weekend between two is no backup.
    """
    found: list[list[Judged]] = []
    before: tuple[LegState, Leg] | None = None
    for day, leg, verdict in days:
        if verdict.state is LegState.NOT_DUE:
            continue
        cause = (verdict.state, leg) if verdict.state in UNTRUSTED else None
        if cause and cause == before:
            found[-1].append((day, leg, verdict))
        elif cause:
            found.append([(day, leg, verdict)])
        before = cause
    return found


def _gap(source: Source, stretch: list[Judged]) -> tuple[Cell, ...]:
    first, (last, leg, verdict) = stretch[0][0], stretch[-1]
    noted = dict.fromkeys(day.note for day, _, _ in stretch if day.note)
    return (
        Cell(day_range(source, first.day, last.day)),
        Cell(str(len(stretch))),
        state_cell(source, verdict.state),
        Cell(source.voice.words(LEGS[leg])),
        Cell(source.voice.say(verdict.why) or "—"),
        Cell(source.voice.apart(list(noted)) or "—"),
    )


def _longest(source: Source, shown: SetMaterial) -> Block:
    words, longest = source.voice.words, shown.recovery.longest
    hours = f"{shown.recovery.promised_hours:g}"
    if longest is None:
        return source.empty(
            words(
                "RPO reached: none. There was no good restore point; {hours} hours are agreed.",
                hours=hours,
            )
        )
    said = words(
        "RPO reached: the longest time between two good restore points was {span}, from {begins} "
        "to {ends}; {hours} hours are agreed. Gaps longer than that: {count}.",
        span=span(source, longest.length),
        begins=source.voice.moment(longest.begins),
        ends=source.voice.moment(longest.ends),
        hours=hours,
        count=len(shown.recovery.gaps),
    )
    if longest.is_open:
        said += words(" It went on when the period ended.")
    return Paragraph(said)


def notes(source: Source, shown: SetMaterial) -> list[Block]:
    """Return the table of excuses and notes; nothing where there is none."""
    words = source.voice.words
    rows = tuple(
        (
            Cell(day_range(source, first.day, last.day)),
            state_cell(source, day_state(first)),
            Cell(first.note or source.voice.say(_excuse(first)) or "—"),
        )
        for first, last in _runs(shown.days)
    )
    if not rows:
        return []
    return [
        Table(
            words("{set}: excuses and notes", set=shown.title),
            (
                Column(words("Backup days"), 2.2),
                Column(words("State"), 1.5),
                Column(words("Note"), 6),
            ),
            rows,
        )
    ]


def _runs(days: tuple[Day, ...]) -> Iterator[tuple[Day, Day]]:
    """Yield the first and last day of each stretch with one note, or with one excuse."""
    begun: tuple[Day, Day] | None = None
    for day in days:
        said = day.note or day.worst is LegState.EXCUSED
        if begun and said and _same(begun[1], day):
            begun = (begun[0], day)
            continue
        if begun:
            yield begun
        begun = (day, day) if said else None
    if begun:
        yield begun


def _same(before: Day, day: Day) -> bool:
    return (
        before.day + timedelta(days=1) == day.day
        and (before.note, before.worst) == (day.note, day.worst)
        and _excuse(before) == _excuse(day)
    )


def _excuse(day: Day) -> Text | None:
    legs = (day.local, day.offsite, day.verified, day.restored)
    return next((leg.why for leg in legs if leg.state is LegState.EXCUSED), None)


def day_range(source: Source, first: date, last: date) -> str:
    """Return days from the first to the last, or the one."""
    if first == last:
        return source.voice.day(first)
    return source.voice.words(
        "{start} to {end}", start=source.voice.day(first), end=source.voice.day(last)
    )
