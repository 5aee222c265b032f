"""Backup days of which nothing is known: a limit of the evidence, not a word on the backups."""

from collector.backups.days import LegState
from collector.reports.blocks import Block, Cell, Column, Table
from collector.reports.chapters.backup.gaps import day_range, stretches
from collector.reports.chapters.backup.naming import located
from collector.reports.chapters.backup.standing import own_leg
from collector.reports.source import Source


def unknown_days(source: Source) -> list[Block]:
    """Return the table of such days by set, or the line that there is none."""
    words = source.voice.words
    rows = tuple(
        (
            Cell(located(source, shown)),
            Cell(day_range(source, stretch[0][0].day, stretch[-1][0].day)),
            Cell(str(len(stretch))),
            Cell(source.voice.say(stretch[-1][2].why) or words("no reason was recorded")),
        )
        for shown in source.material.backups
        for stretch in stretches((day, *own_leg(day)) for day in shown.days)
        if stretch[0][2].state is LegState.UNKNOWN
    )
    if not source.material.backups:
        return [source.empty(words("No backup set could be followed by days (chapter 8)."))]
    if not rows:
        return [source.empty(words("None: something is known of every day due."))]
    return [
        Table(
            words("Backup days of which nothing is known"),
            (
                Column(words("Backup set"), 2.6),
                Column(words("Backup days"), 2.6),
                Column(words("Day count"), 0.75, numeric=True),
                Column(words("Reason"), 4),
            ),
            rows,
        )
    ]
