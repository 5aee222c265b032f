"""How sets, days and spans of a backup are called."""

from datetime import timedelta

from checks import wording
from checks.backup_sets import Result
from collector.backups.days import Day, LegState
from collector.backups.material import SetMaterial
from collector.reports.backup_terms import DAY_MARKS, DAY_STATES, LEGS, RESULTS
from collector.reports.blocks import Cell
from collector.reports.chapters.backup.standing import worst_leg
from collector.reports.source import Source


def located(source: Source, shown: SetMaterial) -> str:
    """Return a set's name with its host."""
    return source.voice.words("{name} ({host})", name=shown.title, host=shown.host)


def joined(source: Source, sentences: list[str]) -> str:
    """Return sentences one after the other, as the language writes them."""
    return ("" if source.voice.language.value.startswith("zh") else " ").join(
        filter(None, sentences)
    )


def span(source: Source, value: timedelta) -> str:
    """Return a time span as a person reads it."""
    return source.voice.say(wording.duration(value.total_seconds()))


def state_cell(source: Source, state: LegState) -> Cell:
    """Return the cell that shows the state of a day."""
    return Cell(source.voice.words(DAY_STATES[state]), DAY_MARKS[state])


def percent(share: float | None) -> str:
    """Return a share of days; a dash where nothing was due.

    Cut, never rounded up: 100 % is said of a year without one bad day only.
    """
    return "—" if share is None else f"{int(share * 10) / 10:.1f}%"


def day_sentence(source: Source, day: Day) -> str:
    """Return a day with its state, the leg that makes it so, and why."""
    leg, verdict = worst_leg(day)
    words = source.voice.words
    return words(
        "{day}: {state} ({leg}). {why}",
        day=source.voice.day(day.day),
        state=words(DAY_STATES[verdict.state]),
        leg=words(LEGS[leg]),
        why=source.voice.say(verdict.why),
    ).strip()


def result_cell(source: Source, result: Result) -> Cell:
    """Return the cell that shows how a proof ended."""
    said, mark = RESULTS[result]
    return Cell(source.voice.words(said), mark)
