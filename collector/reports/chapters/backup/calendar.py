"""A set's year of days, and what it comes to by month."""

from calendar import monthrange
from collections import Counter
from datetime import date

from collector.backups.days import WORST_FIRST, LegState
from collector.backups.material import SetMaterial
from collector.reports.backup_terms import DAY_MARKS, DAY_STATES
from collector.reports.blocks import Block, Cell, Column, Days, Month, Sign, Table
from collector.reports.chapters.backup.naming import percent
from collector.reports.chapters.backup.standing import day_state
from collector.reports.source import Source


def year_of_days(source: Source, shown: SetMaterial) -> list[Block]:
    """Return the calendar: a mark for each day, the worst of its legs."""
    words, facts = source.voice.words, source.material.cover
    states = {day.day: day_state(day) for day in shown.days if _agreed(shown, day.day)}
    if not states:
        return [source.empty(words("Calendar: no day of the period was agreed for this set."))]
    counts = Counter(states.values())
    first, last = facts.period_start, facts.period_end
    months = [
        divmod(place, 12)
        for place in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    ]
    return [
        Days(
            words(
                "{set}: every backup day, the worst of local, offsite, verified and test restore",
                set=shown.title,
            ),
            words("Month"),
            tuple(
                Month(
                    f"{year}-{month + 1:02d}",
                    tuple(
                        DAY_MARKS[states[day]] if day in states else None
                        for day in _days(year, month + 1)
                    ),
                )
                for year, month in months
            ),
            tuple(
                Sign(
                    DAY_MARKS[state],
                    words(DAY_STATES[state]),
                    words("{count} days", count=counts[state]),
                )
                for state in reversed(WORST_FIRST)
                if counts[state]
            ),
        )
    ]


def months(source: Source, shown: SetMaterial) -> list[Block]:
    """Return what was due and what became of it, by month."""
    words = source.voice.words
    rows = tuple(
        (
            Cell(f"{month.year}-{month.month:02d}"),
            Cell(str(month.due)),
            Cell(str(month.ok)),
            _number(month.late, LegState.LATE),
            _number(month.bad, LegState.FAILED),
            _number(month.unverified, LegState.UNVERIFIED),
            _number(month.unknown, LegState.UNKNOWN),
            _number(month.excused, LegState.EXCUSED),
            _number(month.pending, LegState.PENDING),
            Cell(percent(month.compliance)),
        )
        for month in shown.months
        if month.due
    )
    if not rows:
        return []
    return [
        Table(
            words("{set}: compliance by month, in days", set=shown.title),
            (
                Column(words("Month"), 1.3),
                *(
                    Column(title, 1, numeric=True)
                    for title in (
                        words("Due"),
                        words("Trusted"),
                        words("Late"),
                        words("Bad"),
                        words("Not proven"),
                        words("Unknown"),
                        words("Excused"),
                        words("Still open"),
                    )
                ),
                Column(words("Compliance"), 1.2, numeric=True),
            ),
            rows,
            scrolls=True,
        )
    ]


def _number(count: int, state: LegState) -> Cell:
    """Return a number of days; with its mark only where there are any."""
    return Cell(str(count), DAY_MARKS[state] if count else None)


def _agreed(shown: SetMaterial, day: date) -> bool:
    """Tell whether the agreement covers the day; one without a backup due is covered, too."""
    end = shown.declaration.valid_to
    return shown.since <= day and (end is None or day <= end)


def _days(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]
